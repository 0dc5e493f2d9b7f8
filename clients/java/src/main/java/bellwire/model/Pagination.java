// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** <code>pagination</code> of a list. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Pagination {
    /**
     * The token of the next page; <code>null</code> on the last page, and there alone. A page may be short or
     * empty although others follow: a request looks at a bounded number of records.
     */
    public String next;
    /** The token of this page. */
    public String self;

    /**
     * The token of the next page; <code>null</code> on the last page, and there alone. A page may be short or
     * empty although others follow: a request looks at a bounded number of records.
     */
    public Pagination next(String next) {
        this.next = next;
        return this;
    }

    /** The token of this page. */
    public Pagination self(String self) {
        this.self = self;
        return this;
    }
}
