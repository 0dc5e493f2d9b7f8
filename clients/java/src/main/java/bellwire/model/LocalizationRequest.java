// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** The texts of one language; at least one field. A missing field is taken from the content. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class LocalizationRequest {
    public String body;
    /** Key-value pairs for the app, in place of those with the same keys. */
    public Map<String, String> data;
    /** The URL of an image. */
    public String image;
    public String title;

    public LocalizationRequest body(String body) {
        this.body = body;
        return this;
    }

    /** Key-value pairs for the app, in place of those with the same keys. */
    public LocalizationRequest data(Map<String, String> data) {
        this.data = data;
        return this;
    }

    /** The URL of an image. */
    public LocalizationRequest image(String image) {
        this.image = image;
        return this;
    }

    public LocalizationRequest title(String title) {
        this.title = title;
        return this;
    }
}
