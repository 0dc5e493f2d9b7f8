// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** An import of a file of devices. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceImport {
    /** Devices that are new. */
    public Long created;
    public Instant createdAt;
    /** Why it ended before the end of the file; <code>null</code>: it did not. */
    public String error;
    /** Rows with an error. */
    public Long failed;
    /** <code>NDJSON</code> or <code>CSV</code>. */
    public String format;
    public String id;
    /** The line up to which everything is stored or has failed, from 1; 0: nothing was read. */
    public Long lastLine;
    /** Rows that were read so far: the sum of the four counts below. */
    public Long rows;
    public ImportStatus status;
    /** Rows that said nothing new. */
    public Long unchanged;
    /** Rows that changed a device or its User. */
    public Long updated;
    public Instant updatedAt;

    /** Devices that are new. */
    public DeviceImport created(Long created) {
        this.created = created;
        return this;
    }

    public DeviceImport createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** Why it ended before the end of the file; <code>null</code>: it did not. */
    public DeviceImport error(String error) {
        this.error = error;
        return this;
    }

    /** Rows with an error. */
    public DeviceImport failed(Long failed) {
        this.failed = failed;
        return this;
    }

    /** <code>NDJSON</code> or <code>CSV</code>. */
    public DeviceImport format(String format) {
        this.format = format;
        return this;
    }

    public DeviceImport id(String id) {
        this.id = id;
        return this;
    }

    /** The line up to which everything is stored or has failed, from 1; 0: nothing was read. */
    public DeviceImport lastLine(Long lastLine) {
        this.lastLine = lastLine;
        return this;
    }

    /** Rows that were read so far: the sum of the four counts below. */
    public DeviceImport rows(Long rows) {
        this.rows = rows;
        return this;
    }

    public DeviceImport status(ImportStatus status) {
        this.status = status;
        return this;
    }

    /** Rows that said nothing new. */
    public DeviceImport unchanged(Long unchanged) {
        this.unchanged = unchanged;
        return this;
    }

    /** Rows that changed a device or its User. */
    public DeviceImport updated(Long updated) {
        this.updated = updated;
        return this;
    }

    public DeviceImport updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
