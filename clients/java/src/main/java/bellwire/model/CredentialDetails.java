// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Public facts of a Credential's content. Fields that do not apply are null. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CredentialDetails {
    /** APNs: the app. */
    public String bundleId;
    /** APNs, with a certificate: its name. */
    public String certificateName;
    /** FCM: the service account. */
    public String clientEmail;
    /** APNs, with a signing key: the id of the key. */
    public String keyId;
    /** FCM: the id of the service account's key. */
    public String privateKeyId;
    /** FCM: the Firebase project. */
    public String projectId;
    /** APNs, with a signing key: the team. */
    public String teamId;

    /** APNs: the app. */
    public CredentialDetails bundleId(String bundleId) {
        this.bundleId = bundleId;
        return this;
    }

    /** APNs, with a certificate: its name. */
    public CredentialDetails certificateName(String certificateName) {
        this.certificateName = certificateName;
        return this;
    }

    /** FCM: the service account. */
    public CredentialDetails clientEmail(String clientEmail) {
        this.clientEmail = clientEmail;
        return this;
    }

    /** APNs, with a signing key: the id of the key. */
    public CredentialDetails keyId(String keyId) {
        this.keyId = keyId;
        return this;
    }

    /** FCM: the id of the service account's key. */
    public CredentialDetails privateKeyId(String privateKeyId) {
        this.privateKeyId = privateKeyId;
        return this;
    }

    /** FCM: the Firebase project. */
    public CredentialDetails projectId(String projectId) {
        this.projectId = projectId;
        return this;
    }

    /** APNs, with a signing key: the team. */
    public CredentialDetails teamId(String teamId) {
        this.teamId = teamId;
        return this;
    }
}
