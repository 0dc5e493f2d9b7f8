// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** Which Operations are canceled (extension): those with all of these tags. At least one tag. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CancelRequest {
    public Map<String, String> tags;

    public CancelRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }
}
