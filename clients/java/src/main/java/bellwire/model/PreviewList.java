// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class PreviewList {
    /** One for each recipient, in request order. */
    public List<Preview> previews;

    /** One for each recipient, in request order. */
    public PreviewList previews(List<Preview> previews) {
        this.previews = previews;
        return this;
    }
}
