// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A device that is to be removed. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RemoveRequest {
    /** The name of an App that exists. */
    public String appName;
    public Provider provider;
    public String token;

    /** The name of an App that exists. */
    public RemoveRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    public RemoveRequest provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public RemoveRequest token(String token) {
        this.token = token;
        return this;
    }
}
