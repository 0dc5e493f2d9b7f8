// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** Content to be stored under a name. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateRequest {
    public TemplateContentRequest content;
    /** Values of variables for which neither the recipient, nor the send, nor the User has a value. */
    public Map<String, Object> defaults;
    /** What Users of other languages get, by language tag (BCP 47); at most 50. */
    public Map<String, LocalizationRequest> localizations;
    /** No other template of the account has it. */
    public String name;

    public TemplateRequest content(TemplateContentRequest content) {
        this.content = content;
        return this;
    }

    /** Values of variables for which neither the recipient, nor the send, nor the User has a value. */
    public TemplateRequest defaults(Map<String, Object> defaults) {
        this.defaults = defaults;
        return this;
    }

    /** What Users of other languages get, by language tag (BCP 47); at most 50. */
    public TemplateRequest localizations(Map<String, LocalizationRequest> localizations) {
        this.localizations = localizations;
        return this;
    }

    /** No other template of the account has it. */
    public TemplateRequest name(String name) {
        this.name = name;
        return this;
    }
}
