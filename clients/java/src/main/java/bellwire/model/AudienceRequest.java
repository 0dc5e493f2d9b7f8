// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AudienceRequest {
    /** If present, only devices with all of these tags. */
    public Map<String, String> tags;

    /** If present, only devices with all of these tags. */
    public AudienceRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }
}
