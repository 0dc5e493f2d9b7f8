// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Devices are sent to with one Credential, Users with those of an App. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Sender {
    public String credentialId;
    public String appName;

    public Sender credentialId(String credentialId) {
        this.credentialId = credentialId;
        return this;
    }

    public Sender appName(String appName) {
        this.appName = appName;
        return this;
    }
}
