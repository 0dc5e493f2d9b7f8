// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CredentialRequest {
    /** The App of the Credential. It is created with its first Credential. */
    public String appName;
    /**
     * FCM: Google's service account file, or <code>projectId</code>, <code>clientEmail</code> and
     * <code>privateKey</code>. APNs: <code>privateKey</code>, <code>teamId</code>, <code>keyId</code> and
     * <code>bundleId</code>; or <code>certificate</code>, <code>privateKey</code> and, if the certificate has
     * none, <code>bundleId</code>.
     */
    public Map<String, Object> content;
    public CredentialType credentialType;
    public Boolean isDefault;
    /** Tests the Credential with its provider first, and stores it only if the provider accepts it (extension). */
    public Boolean verify;

    /** The App of the Credential. It is created with its first Credential. */
    public CredentialRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    /**
     * FCM: Google's service account file, or <code>projectId</code>, <code>clientEmail</code> and
     * <code>privateKey</code>. APNs: <code>privateKey</code>, <code>teamId</code>, <code>keyId</code> and
     * <code>bundleId</code>; or <code>certificate</code>, <code>privateKey</code> and, if the certificate has
     * none, <code>bundleId</code>.
     */
    public CredentialRequest content(Map<String, Object> content) {
        this.content = content;
        return this;
    }

    public CredentialRequest credentialType(CredentialType credentialType) {
        this.credentialType = credentialType;
        return this;
    }

    public CredentialRequest isDefault(Boolean isDefault) {
        this.isDefault = isDefault;
        return this;
    }

    /** Tests the Credential with its provider first, and stores it only if the provider accepts it (extension). */
    public CredentialRequest verify(Boolean verify) {
        this.verify = verify;
        return this;
    }
}
