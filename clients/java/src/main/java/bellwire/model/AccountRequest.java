// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The settings of the account (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AccountRequest {
    /** <code>null</code> removes the cap. */
    public CapLimits cap;

    /** <code>null</code> removes the cap. */
    public AccountRequest cap(CapLimits cap) {
        this.cap = cap;
        return this;
    }
}
