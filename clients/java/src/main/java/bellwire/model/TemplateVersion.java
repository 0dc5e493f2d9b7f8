// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Map;

/** A version of a template. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateVersion {
    /** As in a send. */
    public Map<String, Object> content;
    /** What variables are that neither a recipient, nor a send, nor a User has. */
    public Map<String, Object> defaults;
    /** By language tag, as in a send. */
    public Map<String, Object> localizations;
    public Instant createdAt;
    public Long version;

    /** As in a send. */
    public TemplateVersion content(Map<String, Object> content) {
        this.content = content;
        return this;
    }

    /** What variables are that neither a recipient, nor a send, nor a User has. */
    public TemplateVersion defaults(Map<String, Object> defaults) {
        this.defaults = defaults;
        return this;
    }

    /** By language tag, as in a send. */
    public TemplateVersion localizations(Map<String, Object> localizations) {
        this.localizations = localizations;
        return this;
    }

    public TemplateVersion createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public TemplateVersion version(Long version) {
        this.version = version;
        return this;
    }
}
