// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The Credentials to send with: by their ids, or the defaults of an App. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class SenderRequest {
    public String apn;
    public String fcm;
    public String appName;

    public SenderRequest apn(String apn) {
        this.apn = apn;
        return this;
    }

    public SenderRequest fcm(String fcm) {
        this.fcm = fcm;
        return this;
    }

    public SenderRequest appName(String appName) {
        this.appName = appName;
        return this;
    }
}
