// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/**
 * What the device shows or passes to the app; at least one of the first four fields. Each string may be a Liquid
 * template.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateContentRequest {
    public String body;
    /** Key-value pairs for the app. */
    public Map<String, String> data;
    /** The URL of an image. */
    public String image;
    /** <code>FAIL</code> if absent. */
    public MissingVariables missingVariables;
    public String title;

    public TemplateContentRequest body(String body) {
        this.body = body;
        return this;
    }

    /** Key-value pairs for the app. */
    public TemplateContentRequest data(Map<String, String> data) {
        this.data = data;
        return this;
    }

    /** The URL of an image. */
    public TemplateContentRequest image(String image) {
        this.image = image;
        return this;
    }

    /** <code>FAIL</code> if absent. */
    public TemplateContentRequest missingVariables(MissingVariables missingVariables) {
        this.missingVariables = missingVariables;
        return this;
    }

    public TemplateContentRequest title(String title) {
        this.title = title;
        return this;
    }
}
