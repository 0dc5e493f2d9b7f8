// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AppList {
    public List<App> apps;
    public Pagination pagination;

    public AppList apps(List<App> apps) {
        this.apps = apps;
        return this;
    }

    public AppList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
