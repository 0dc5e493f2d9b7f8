// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** Changes of a template. <code>null</code> removes <code>localizations</code> or <code>defaults</code>. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateChangeRequest {
    public TemplateContentRequest content;
    public Map<String, Object> defaults;
    public Map<String, LocalizationRequest> localizations;
    public String name;

    public TemplateChangeRequest content(TemplateContentRequest content) {
        this.content = content;
        return this;
    }

    public TemplateChangeRequest defaults(Map<String, Object> defaults) {
        this.defaults = defaults;
        return this;
    }

    public TemplateChangeRequest localizations(Map<String, LocalizationRequest> localizations) {
        this.localizations = localizations;
        return this;
    }

    public TemplateChangeRequest name(String name) {
        this.name = name;
        return this;
    }
}
