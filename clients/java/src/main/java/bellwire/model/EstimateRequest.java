// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** An audience to count (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class EstimateRequest {
    /** If absent, the default App. */
    public String appName;
    public AudienceRequest audience;

    /** If absent, the default App. */
    public EstimateRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    public EstimateRequest audience(AudienceRequest audience) {
        this.audience = audience;
        return this;
    }
}
