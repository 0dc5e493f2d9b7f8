// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Template {
    /** As in a send. */
    public Map<String, Object> content;
    /** What variables are that neither a recipient, nor a send, nor a User has. */
    public Map<String, Object> defaults;
    /** By language tag, as in a send. */
    public Map<String, Object> localizations;
    public Instant createdAt;
    public String id;
    public String name;
    public Instant updatedAt;
    /** From 1; each change of the content makes a new one. */
    public Long version;

    /** As in a send. */
    public Template content(Map<String, Object> content) {
        this.content = content;
        return this;
    }

    /** What variables are that neither a recipient, nor a send, nor a User has. */
    public Template defaults(Map<String, Object> defaults) {
        this.defaults = defaults;
        return this;
    }

    /** By language tag, as in a send. */
    public Template localizations(Map<String, Object> localizations) {
        this.localizations = localizations;
        return this;
    }

    public Template createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public Template id(String id) {
        this.id = id;
        return this;
    }

    public Template name(String name) {
        this.name = name;
        return this;
    }

    public Template updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /** From 1; each change of the content makes a new one. */
    public Template version(Long version) {
        this.version = version;
        return this;
    }
}
