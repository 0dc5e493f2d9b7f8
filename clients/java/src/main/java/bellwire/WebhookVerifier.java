package bellwire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.function.Function;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Verifies the requests of one webhook, by <a href="https://www.standardwebhooks.com">Standard Webhooks</a>. */
public final class WebhookVerifier {
    private static final Duration TOLERANCE = Duration.ofMinutes(5);

    private final byte[] key;
    private final Duration tolerance;

    /** Takes the secret as Bellwire showed it: <code>whsec_</code> and base64. */
    public WebhookVerifier(String secret) {
        this(secret, TOLERANCE);
    }

    /** `tolerance`: by how much the time of a request may differ from this machine's. */
    public WebhookVerifier(String secret, Duration tolerance) {
        this.key = Base64.getDecoder().decode(secret.startsWith("whsec_") ? secret.substring(6) : secret);
        this.tolerance = tolerance;
        if (key.length == 0) {
            throw new IllegalArgumentException("secret must not be empty");
        }
    }

    /**
     * The event of a request: <code>{"type", "timestamp", "data"}</code>, or a CloudEvent.
     *
     * @param body the request's body before anything parsed it
     * @param header gives the value of a header, or null
     * @throws WebhookException if the request is forged, changed or old
     */
    public JsonNode verify(byte[] body, Function<String, String> header) {
        String id = required(header, "webhook-id");
        String timestamp = required(header, "webhook-timestamp");
        String signatures = required(header, "webhook-signature");

        if (!timestamp.matches("[0-9]{1,12}")) {
            throw new WebhookException("webhook-timestamp must be Unix seconds");
        }
        Duration age = Duration.between(Instant.ofEpochSecond(Long.parseLong(timestamp)), Instant.now());
        if (age.abs().compareTo(tolerance) > 0) {
            throw new WebhookException("webhook-timestamp differs by more than " + tolerance.toSeconds()
                    + " s: the request is old, or a clock is wrong");
        }

        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(sign(id + "." + timestamp + ".", body)))
                .getBytes(StandardCharsets.US_ASCII);
        // After a rotation of the secret there are two.
        for (String signature : signatures.strip().split("\\s+")) {
            if (MessageDigest.isEqual(signature.getBytes(StandardCharsets.UTF_8), expected)) {
                return read(body);
            }
        }
        throw new WebhookException("no signature matches: the secret is of another webhook, or the body changed");
    }

    private byte[] sign(String begin, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update(begin.getBytes(StandardCharsets.UTF_8));
            return mac.doFinal(body);
        } catch (NoSuchAlgorithmException | InvalidKeyException error) {
            throw new IllegalStateException(error);
        }
    }

    private static String required(Function<String, String> header, String name) {
        String value = header.apply(name);
        if (value == null) {
            throw new WebhookException("the header " + name + " is missing");
        }
        return value;
    }

    private static JsonNode read(byte[] body) {
        try {
            return Transport.JSON.readTree(new String(body, StandardCharsets.UTF_8));
        } catch (JsonProcessingException error) {
            throw new WebhookException("the body is not JSON");
        }
    }
}
