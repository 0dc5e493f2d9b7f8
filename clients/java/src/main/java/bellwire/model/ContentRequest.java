// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** What is shown or handed to the app; at least one field. Each string may be a Liquid template. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ContentRequest {
    public String body;
    /** Pairs that are handed to the app (extension). */
    public Map<String, String> data;
    /** The URL of an image (extension). */
    public String image;
    public String title;

    public ContentRequest body(String body) {
        this.body = body;
        return this;
    }

    /** Pairs that are handed to the app (extension). */
    public ContentRequest data(Map<String, String> data) {
        this.data = data;
        return this;
    }

    /** The URL of an image (extension). */
    public ContentRequest image(String image) {
        this.image = image;
        return this;
    }

    public ContentRequest title(String title) {
        this.title = title;
        return this;
    }
}
