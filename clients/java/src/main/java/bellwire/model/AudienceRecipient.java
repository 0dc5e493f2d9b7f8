// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * Every User of the sender's App, or those with certain devices (extension). An audience must be the only
 * recipient.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AudienceRecipient {
    public AudienceRequest audience;

    public AudienceRecipient audience(AudienceRequest audience) {
        this.audience = audience;
        return this;
    }
}
