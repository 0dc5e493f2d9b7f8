// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** What the device shows or passes to the app; at least one field. Each string may be a Liquid template. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ContentRequest {
    public String body;
    /** Key-value pairs for the app (extension). */
    public Map<String, String> data;
    /** The URL of an image (extension). */
    public String image;
    /**
     * What Users of other languages get instead, by language tag (BCP 47); at most 50 (extension). A User gets the
     * language whose tag is the longest prefix of the User's own.
     */
    public Map<String, LocalizationRequest> localizations;
    /**
     * What happens if a template outputs a variable that has no value for a recipient (extension).
     * <code>FAIL</code> if absent.
     */
    public MissingVariables missingVariables;
    /**
     * The stored template for the content (extension). It can be combined only with <code>variables</code> and
     * <code>missingVariables</code>.
     */
    public String templateId;
    public String title;
    /** Values of variables for all recipients that have no value of their own (extension). */
    public Map<String, Object> variables;

    public ContentRequest body(String body) {
        this.body = body;
        return this;
    }

    /** Key-value pairs for the app (extension). */
    public ContentRequest data(Map<String, String> data) {
        this.data = data;
        return this;
    }

    /** The URL of an image (extension). */
    public ContentRequest image(String image) {
        this.image = image;
        return this;
    }

    /**
     * What Users of other languages get instead, by language tag (BCP 47); at most 50 (extension). A User gets the
     * language whose tag is the longest prefix of the User's own.
     */
    public ContentRequest localizations(Map<String, LocalizationRequest> localizations) {
        this.localizations = localizations;
        return this;
    }

    /**
     * What happens if a template outputs a variable that has no value for a recipient (extension).
     * <code>FAIL</code> if absent.
     */
    public ContentRequest missingVariables(MissingVariables missingVariables) {
        this.missingVariables = missingVariables;
        return this;
    }

    /**
     * The stored template for the content (extension). It can be combined only with <code>variables</code> and
     * <code>missingVariables</code>.
     */
    public ContentRequest templateId(String templateId) {
        this.templateId = templateId;
        return this;
    }

    public ContentRequest title(String title) {
        this.title = title;
        return this;
    }

    /** Values of variables for all recipients that have no value of their own (extension). */
    public ContentRequest variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
