// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The User who gets the devices of another (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class MergeRequest {
    /** A User of the account. */
    public String into;

    /** A User of the account. */
    public MergeRequest into(String into) {
        this.into = into;
        return this;
    }
}
