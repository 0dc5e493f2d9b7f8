// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The names of a sound by provider. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class SoundOfEach {
    public String apn;
    public String fcm;

    public SoundOfEach apn(String apn) {
        this.apn = apn;
        return this;
    }

    public SoundOfEach fcm(String fcm) {
        this.fcm = fcm;
        return this;
    }
}
