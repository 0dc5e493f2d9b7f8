// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A problem with a row. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ImportError {
    /** Empty for the row as a whole. */
    public String field;
    /** The line on which the row ends, from 1. */
    public Long line;
    public String message;

    /** Empty for the row as a whole. */
    public ImportError field(String field) {
        this.field = field;
        return this;
    }

    /** The line on which the row ends, from 1. */
    public ImportError line(Long line) {
        this.line = line;
        return this;
    }

    public ImportError message(String message) {
        this.message = message;
        return this;
    }
}
