// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class KeyList {
    public List<Key> keys;
    public Pagination pagination;

    public KeyList keys(List<Key> keys) {
        this.keys = keys;
        return this;
    }

    public KeyList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
