// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** How many Users and devices an audience has (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Estimate {
    public DevicesByProvider byProvider;
    public Long devices;
    /**
     * The relative error of <code>users</code> and <code>devices</code>: with a probability of 95% they are off by
     * no more. Absent: they are exact.
     */
    public Double error;
    public Long users;

    public Estimate byProvider(DevicesByProvider byProvider) {
        this.byProvider = byProvider;
        return this;
    }

    public Estimate devices(Long devices) {
        this.devices = devices;
        return this;
    }

    /**
     * The relative error of <code>users</code> and <code>devices</code>: with a probability of 95% they are off by
     * no more. Absent: they are exact.
     */
    public Estimate error(Double error) {
        this.error = error;
        return this;
    }

    public Estimate users(Long users) {
        this.users = users;
        return this;
    }
}
