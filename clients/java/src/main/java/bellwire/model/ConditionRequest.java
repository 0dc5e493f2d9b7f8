// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** A condition on a device and its User. It has at least one field, and all of its fields must match. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ConditionRequest {
    /**
     * The User's language is this one or a regional variant of it: <code>es</code> matches <code>es-MX</code>. Of
     * several languages, one must match.
     */
    public Object language;
    /** The device was registered, or sent a receipt, at this RFC 3339 timestamp or later. */
    public String lastSeenAfter;
    /** The device was last registered, and last sent a receipt, before this RFC 3339 timestamp. */
    public String lastSeenBefore;
    /** <code>FCM</code> or <code>APN</code>. */
    public Object provider;
    /** The device has all of these tags. */
    public Map<String, String> tags;
    /** The User's time zone, such as <code>Europe/Madrid</code>. */
    public Object timezone;

    /**
     * The User's language is this one or a regional variant of it: <code>es</code> matches <code>es-MX</code>. Of
     * several languages, one must match.
     */
    public ConditionRequest language(Object language) {
        this.language = language;
        return this;
    }

    /** The device was registered, or sent a receipt, at this RFC 3339 timestamp or later. */
    public ConditionRequest lastSeenAfter(String lastSeenAfter) {
        this.lastSeenAfter = lastSeenAfter;
        return this;
    }

    /** The device was last registered, and last sent a receipt, before this RFC 3339 timestamp. */
    public ConditionRequest lastSeenBefore(String lastSeenBefore) {
        this.lastSeenBefore = lastSeenBefore;
        return this;
    }

    /** <code>FCM</code> or <code>APN</code>. */
    public ConditionRequest provider(Object provider) {
        this.provider = provider;
        return this;
    }

    /** The device has all of these tags. */
    public ConditionRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    /** The User's time zone, such as <code>Europe/Madrid</code>. */
    public ConditionRequest timezone(Object timezone) {
        this.timezone = timezone;
        return this;
    }
}
