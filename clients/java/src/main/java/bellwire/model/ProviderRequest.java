// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ProviderRequest {
    /** The body; a token in it shows only its ends. */
    public Object body;
    /** The headers. */
    public Map<String, String> headers;
    /** The method. */
    public String method;
    /** The address; a token in it shows only its ends. */
    public String url;
    public String credentialId;
    public Provider provider;

    /** The body; a token in it shows only its ends. */
    public ProviderRequest body(Object body) {
        this.body = body;
        return this;
    }

    /** The headers. */
    public ProviderRequest headers(Map<String, String> headers) {
        this.headers = headers;
        return this;
    }

    /** The method. */
    public ProviderRequest method(String method) {
        this.method = method;
        return this;
    }

    /** The address; a token in it shows only its ends. */
    public ProviderRequest url(String url) {
        this.url = url;
        return this;
    }

    public ProviderRequest credentialId(String credentialId) {
        this.credentialId = credentialId;
        return this;
    }

    public ProviderRequest provider(Provider provider) {
        this.provider = provider;
        return this;
    }
}
