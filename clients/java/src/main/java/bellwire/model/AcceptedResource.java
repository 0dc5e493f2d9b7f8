// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A resource was created or changed. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AcceptedResource {
    /** The id of the resource; the name of an App. */
    public String resourceId;
    /** The address of the resource. */
    public String resourceLocation;

    /** The id of the resource; the name of an App. */
    public AcceptedResource resourceId(String resourceId) {
        this.resourceId = resourceId;
        return this;
    }

    /** The address of the resource. */
    public AcceptedResource resourceLocation(String resourceLocation) {
        this.resourceLocation = resourceLocation;
        return this;
    }
}
