package bellwire;

import bellwire.model.AcceptedOperation;
import bellwire.model.Operation;
import bellwire.model.OperationStatus;
import bellwire.model.SendRequest;
import bellwire.model.Validation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Map;

/**
 * A client of one Bellwire and one account. Threads may share it.
 *
 * <p>A request is repeated for up to <code>retryFor</code> if Bellwire can't be reached, or answers that it can't take it now. A
 * POST carries an Idempotency-Key then, so that it is carried out once.
 */
public final class Bellwire extends Operations {
    private static final Duration RETRY_FOR = Duration.ofMinutes(1);
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    /** How long one request waits for an Operation. */
    private static final long WAIT_SECONDS = 30;

    /** @param url Bellwire's address, without a path */
    public Bellwire(String url, String key, String secret) {
        this(HttpClient.newBuilder().connectTimeout(CONNECT_TIMEOUT).build(), url, key, secret, RETRY_FOR);
    }

    /** @param http sets a proxy, certificates or an executor */
    public Bellwire(HttpClient http, String url, String key, String secret, Duration retryFor) {
        super(new Transport(http, url, key, secret, retryFor));
    }

    /** From BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET. */
    public static Bellwire fromEnvironment() {
        return new Bellwire(variable("BELLWIRE_URL"), variable("BELLWIRE_KEY"), variable("BELLWIRE_SECRET"));
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }

    /** Sends to up to 10,000 recipients, or to an audience. */
    public AcceptedOperation send(SendRequest request) {
        return sendPushNotifications(request);
    }

    /** The same. A second request with the same key within 24 hours gets the first answer, and changes nothing. */
    public AcceptedOperation send(SendRequest request, String idempotencyKey) {
        return sendPushNotifications(request, idempotencyKey);
    }

    /** Checks a send, and stores nothing. */
    public Validation validate(SendRequest request) {
        ObjectNode body = Transport.JSON.valueToTree(request);
        body.put("validateOnly", true);
        return Transport.JSON.convertValue(
                transport.call("POST", "/v1/PushNotifications", Map.of(), body, Transport.newKey()), Validation.class);
    }

    /** The Operation, as soon as all of it is sent, failed or canceled, however long that takes. */
    public Operation waitForCompletion(String operationId) {
        return waitForCompletion(operationId, Duration.ofDays(365));
    }

    /** @throws CompletionTimeoutException if it is not completed after `timeout`; it goes on */
    public Operation waitForCompletion(String operationId, Duration timeout) {
        long end = System.nanoTime() + timeout.toNanos();
        while (true) {
            long left = Math.max(1, Math.min(WAIT_SECONDS, Duration.ofNanos(end - System.nanoTime()).toSeconds()));
            Operation operation = fetchOperation(operationId, new FetchOperationQuery().wait(left + "s"));
            if (operation.status == OperationStatus.COMPLETED || operation.status == OperationStatus.CANCELED) {
                return operation;
            }
            if (System.nanoTime() >= end) {
                throw new CompletionTimeoutException(
                        operationId + " is " + operation.status + " after " + timeout.toSeconds() + " s");
            }
        }
    }
}
