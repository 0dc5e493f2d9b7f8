package bellwire;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Requests to Bellwire, which are repeated where that is safe. Threads may share it. */
final class Transport {
    /** Longer than the longest `wait`. */
    private static final Duration TIMEOUT = Duration.ofSeconds(75);

    private static final long FIRST_DELAY_MS = 250;
    private static final long LONGEST_DELAY_MS = 8_000;

    /**
     * The service, or a proxy in front of it, is not there for a moment. A 500 is a defect, which a repeat does not mend.
     */
    private static final Set<Integer> PASSING = Set.of(429, 502, 503, 504);

    static final ObjectMapper JSON = new ObjectMapper()
            .registerModule(new SimpleModule()
                    .addSerializer(Instant.class, ToStringSerializer.instance)
                    .addDeserializer(Instant.class, new InstantReader()))
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.READ_UNKNOWN_ENUM_VALUES_AS_NULL);

    private final HttpClient http;
    private final String url;
    private final String authorization;
    private final Duration retryFor;

    Transport(HttpClient http, String url, String key, String secret, Duration retryFor) {
        this.http = http;
        this.url = url.replaceAll("/+$", "");
        this.authorization = "Basic "
                + Base64.getEncoder().encodeToString((key + ":" + secret).getBytes(StandardCharsets.UTF_8));
        this.retryFor = retryFor;
    }

    static String newKey() {
        return UUID.randomUUID().toString();
    }

    /** A path with escaped values in its places `%s`. */
    static String path(String template, String... values) {
        return String.format(template, (Object[]) Stream.of(values).map(Query::escape).toArray(String[]::new));
    }

    /** The answer's body; null if it has none. With a key, a POST is repeated after a lost answer too. */
    <T> T call(String method, String path, Query<?> query, Object body, String key, Class<T> answer) {
        Map<String, String> parameters = query == null ? Map.of() : query.values();
        JsonNode read = call(method, path, parameters, body, key);
        return read == null || answer == Void.class ? null : JSON.convertValue(read, answer);
    }

    JsonNode call(String method, String path, Map<String, String> query, Object body, String key) {
        HttpRequest.Builder request = request(path, query).header("Accept", "application/json").timeout(TIMEOUT);
        if (key != null) {
            request.header("Idempotency-Key", key);
        }
        if (body == null) {
            request.method(method, HttpRequest.BodyPublishers.noBody());
        } else {
            request.header("Content-Type", "application/json");
            request.method(method, HttpRequest.BodyPublishers.ofString(write(body)));
        }

        boolean isRepeatable = !method.equals("POST") || key != null;
        return send(request.build(), isRepeatable);
    }

    /** A record on each line, read while they arrive. Close the stream if it is not read to its end. */
    <T> Stream<T> lines(String path, Query<?> query, Class<T> line) {
        Map<String, String> parameters = query == null ? Map.of() : query.values();
        HttpRequest request = request(path, parameters).header("Accept", "application/x-ndjson").build();
        HttpResponse<Stream<String>> answer;
        try {
            answer = http.send(request, HttpResponse.BodyHandlers.ofLines());
        } catch (IOException error) {
            throw new ConnectionException("GET " + request.uri() + ": " + error, error);
        } catch (InterruptedException error) {
            throw interrupted(error);
        }

        if (answer.statusCode() >= 300) {
            throw ApiException.of(answer.statusCode(), answer.body().collect(Collectors.joining("\n")));
        }
        return answer.body().map(text -> {
            try {
                return JSON.readValue(text, line);
            } catch (JsonProcessingException error) {
                throw new UncheckedIOException(error);
            }
        });
    }

    private HttpRequest.Builder request(String path, Map<String, String> query) {
        String address = url + path + (query.isEmpty() ? "" : "?" + Query.encode(query));
        return HttpRequest.newBuilder(URI.create(address)).header("Authorization", authorization);
    }

    private JsonNode send(HttpRequest request, boolean isRepeatable) {
        long giveUpAt = System.nanoTime() + retryFor.toNanos();
        for (int attempt = 0; ; attempt++) {
            BellwireException failure;
            boolean mayRepeat = isRepeatable;
            Duration delay = backoff(attempt);
            try {
                HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
                int status = answer.statusCode();
                if (status < 300) {
                    return answer.body().isEmpty() ? null : JSON.readTree(answer.body());
                }

                failure = ApiException.of(status, answer.body());
                mayRepeat = PASSING.contains(status) && (isRepeatable || status == 429);
                delay = answer.headers().firstValue("Retry-After").map(Transport::retryAfter).orElse(delay);
            } catch (JsonProcessingException error) {
                throw new ConnectionException("the answer is not JSON: is " + url + " the address of Bellwire?", error);
            } catch (IOException error) {
                failure = new ConnectionException(request.method() + " " + request.uri() + ": " + error, error);
                // A connection that never opened carried no request.
                mayRepeat = isRepeatable || error instanceof ConnectException;
            } catch (InterruptedException error) {
                throw interrupted(error);
            }

            if (!mayRepeat || System.nanoTime() + delay.toNanos() > giveUpAt) {
                throw failure;
            }
            try {
                Thread.sleep(delay.toMillis());
            } catch (InterruptedException error) {
                throw interrupted(error);
            }
        }
    }

    private static ConnectionException interrupted(InterruptedException error) {
        Thread.currentThread().interrupt();
        return new ConnectionException("the thread was interrupted", error);
    }

    /** Random, so that clients do not come back together. */
    private static Duration backoff(int attempt) {
        long longest = Math.min(FIRST_DELAY_MS << Math.min(attempt, 20), LONGEST_DELAY_MS);
        return Duration.ofMillis(ThreadLocalRandom.current().nextLong(longest / 2, longest + 1));
    }

    /** Reads a `Retry-After` header: seconds, or a date. Null: it is neither. */
    static Duration retryAfter(String value) {
        try {
            return Duration.ofSeconds(Math.max(0, Long.parseLong(value)));
        } catch (NumberFormatException isNoNumber) {
            try {
                Instant at = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
                Duration left = Duration.between(Instant.now(), at);
                return left.isNegative() ? Duration.ZERO : left;
            } catch (DateTimeParseException isNoDate) {
                return null;
            }
        }
    }

    private static String write(Object body) {
        try {
            return JSON.writeValueAsString(body);
        } catch (IOException error) {
            throw new IllegalArgumentException("the request can't be written as JSON", error);
        }
    }

    private static final class InstantReader extends JsonDeserializer<Instant> {
        @Override
        public Instant deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            return Instant.parse(parser.getText());
        }
    }
}
