// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceImportList {
    public List<DeviceImport> imports;
    public Pagination pagination;

    public DeviceImportList imports(List<DeviceImport> imports) {
        this.imports = imports;
        return this;
    }

    public DeviceImportList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
