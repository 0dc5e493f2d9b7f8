// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class UserList {
    public Pagination pagination;
    public List<User> users;

    public UserList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }

    public UserList users(List<User> users) {
        this.users = users;
        return this;
    }
}
