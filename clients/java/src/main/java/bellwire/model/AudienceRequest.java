// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AudienceRequest {
    /** If present, only devices that match all of these conditions. */
    public List<ConditionRequest> all;
    /** If present, only devices that match at least one of these conditions. */
    public List<ConditionRequest> any;
    /** If the audience has more Users, nothing is sent. */
    public Long max;
    /** If present, only devices that match none of these conditions. */
    public List<ConditionRequest> none;
    /** If present, only devices with all of these tags. */
    public Map<String, String> tags;

    /** If present, only devices that match all of these conditions. */
    public AudienceRequest all(List<ConditionRequest> all) {
        this.all = all;
        return this;
    }

    /** If present, only devices that match at least one of these conditions. */
    public AudienceRequest any(List<ConditionRequest> any) {
        this.any = any;
        return this;
    }

    /** If the audience has more Users, nothing is sent. */
    public AudienceRequest max(Long max) {
        this.max = max;
        return this;
    }

    /** If present, only devices that match none of these conditions. */
    public AudienceRequest none(List<ConditionRequest> none) {
        this.none = none;
        return this;
    }

    /** If present, only devices with all of these tags. */
    public AudienceRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }
}
