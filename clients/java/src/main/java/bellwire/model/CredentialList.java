// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CredentialList {
    public List<Credential> credentials;
    public Pagination pagination;

    public CredentialList credentials(List<Credential> credentials) {
        this.credentials = credentials;
        return this;
    }

    public CredentialList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
