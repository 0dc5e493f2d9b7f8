// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class App {
    public Instant createdAt;
    public List<DefaultCredential> defaultCredentials;
    public Boolean isDefault;
    public String name;
    public Instant updatedAt;

    public App createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public App defaultCredentials(List<DefaultCredential> defaultCredentials) {
        this.defaultCredentials = defaultCredentials;
        return this;
    }

    public App isDefault(Boolean isDefault) {
        this.isDefault = isDefault;
        return this;
    }

    public App name(String name) {
        this.name = name;
        return this;
    }

    public App updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
