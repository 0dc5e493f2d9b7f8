// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A Credential for each provider, at least one. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CredentialsSender {
    public String apn;
    public String fcm;

    public CredentialsSender apn(String apn) {
        this.apn = apn;
        return this;
    }

    public CredentialsSender fcm(String fcm) {
        this.fcm = fcm;
        return this;
    }
}
