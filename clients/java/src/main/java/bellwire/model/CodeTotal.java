// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CodeTotal {
    /** The provider's code, or Bellwire's if the notifications failed without an attempt. */
    public String code;
    public Long count;

    /** The provider's code, or Bellwire's if the notifications failed without an attempt. */
    public CodeTotal code(String code) {
        this.code = code;
        return this;
    }

    public CodeTotal count(Long count) {
        this.count = count;
        return this;
    }
}
