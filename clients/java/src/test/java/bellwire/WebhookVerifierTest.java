package bellwire;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class WebhookVerifierTest {
    private static final String KEY = "0123456789abcdef";
    private static final String BODY =
            "{\"type\":\"webhook.test\",\"timestamp\":\"2026-11-26T05:00:00Z\",\"data\":{}}";

    private WebhookVerifierTest() {}

    private static Map<String, String> signed(long age, String key, String body) {
        try {
            long timestamp = Instant.now().getEpochSecond() - age;
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            byte[] signature = mac.doFinal(("msg_1." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8));
            return new HashMap<>(Map.of(
                    "webhook-id", "msg_1",
                    "webhook-timestamp", Long.toString(timestamp),
                    "webhook-signature", "v1," + Base64.getEncoder().encodeToString(signature)));
        } catch (java.security.GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Map<String, String> with(String name, String value) {
        Map<String, String> headers = signed(0, KEY, BODY);
        headers.put(name, value);
        return headers;
    }

    static void run() {
        byte[] body = BODY.getBytes(StandardCharsets.UTF_8);
        var verifier = new WebhookVerifier("whsec_" + Base64.getEncoder().encodeToString(KEY.getBytes(StandardCharsets.UTF_8)));

        Checks.test("a request of Bellwire is verified", () -> {
            Checks.equal(verifier.verify(body, signed(0, KEY, BODY)::get).get("type").asText(), "webhook.test");
        });
        Checks.test("one of several signatures suffices", () -> {
            String old = signed(0, "another", BODY).get("webhook-signature");
            String present = signed(0, KEY, BODY).get("webhook-signature");
            verifier.verify(body, with("webhook-signature", old + " " + present)::get);
        });

        Map<String, Map<String, String>> forged = Map.of(
                "a changed body", signed(0, KEY, BODY + " "),
                "another secret", signed(0, "another", BODY),
                "an old request", signed(400, KEY, BODY),
                "a request of the future", signed(-400, KEY, BODY),
                "a time that is none", with("webhook-timestamp", "now"),
                "a time beyond all clocks", with("webhook-timestamp", "9".repeat(18)),
                "a signature that is none", with("webhook-signature", "v1,%%%"),
                "a missing header", with("webhook-id", null));
        forged.forEach((what, headers) -> Checks.test(what + " is refused", () -> {
            Checks.fails(WebhookException.class, () -> verifier.verify(body, headers::get));
        }));

        Checks.test("a secret must be one", () -> {
            Checks.fails(IllegalArgumentException.class, () -> new WebhookVerifier("whsec_"));
            Checks.fails(IllegalArgumentException.class, () -> new WebhookVerifier("whsec_%"));
        });
    }
}
