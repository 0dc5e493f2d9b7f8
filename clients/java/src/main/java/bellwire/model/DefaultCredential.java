// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DefaultCredential {
    public CredentialType credentialType;
    public String id;

    public DefaultCredential credentialType(CredentialType credentialType) {
        this.credentialType = credentialType;
        return this;
    }

    public DefaultCredential id(String id) {
        this.id = id;
        return this;
    }
}
