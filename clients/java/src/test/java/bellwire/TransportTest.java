package bellwire;

import bellwire.model.ContentRequest;
import bellwire.model.KeyRequest;
import bellwire.model.Provider;
import bellwire.model.RecipientRequest;
import bellwire.model.SendRequest;
import bellwire.model.User;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedList;
import java.util.List;

/** Retries and pages, against a server that answers as a test says. */
final class TransportTest implements AutoCloseable {
    /** Status 0: the server closes the connection instead. */
    private record Answer(int status, String retryAfter, String body) {}

    private static final Answer LOST = new Answer(0, null, "");
    private static final Answer ACCEPTED = new Answer(202, null, "{\"operationId\":\"comms_operation_1\"}");

    private final LinkedList<Answer> answers = new LinkedList<>();
    private final List<String> keys = new ArrayList<>();
    private final List<String> addresses = new ArrayList<>();
    private final HttpServer server;
    private final Bellwire client;

    private TransportTest(Answer... answers) throws IOException {
        this.answers.addAll(Arrays.asList(answers));
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", this::answer);
        server.start();
        String url = "http://127.0.0.1:" + server.getAddress().getPort();
        client = new Bellwire(HttpClient.newHttpClient(), url, "key", "secret", Duration.ofSeconds(5));
    }

    private void answer(HttpExchange exchange) throws IOException {
        exchange.getRequestBody().readAllBytes();
        keys.add(exchange.getRequestHeaders().getFirst("Idempotency-Key"));
        addresses.add(exchange.getRequestURI().toString());
        Answer next = answers.remove();
        if (next == LOST) {
            exchange.close();
            return;
        }
        if (next.retryAfter() != null) {
            exchange.getResponseHeaders().set("Retry-After", next.retryAfter());
        }
        byte[] body = next.body().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(next.status(), body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private static Answer refusal(int status, String retryAfter) {
        return new Answer(status, retryAfter, "{\"code\":" + status + ",\"message\":\"Not now\"}");
    }

    private static Answer page(String next, String... ids) {
        List<String> users = Arrays.stream(ids).map(id -> "{\"id\":\"" + id + "\"}").toList();
        String token = next == null ? "null" : "\"" + next + "\"";
        String pagination = "{\"self\":\"x\",\"next\":" + token + "}";
        return new Answer(200, null, "{\"users\":" + users + ",\"pagination\":" + pagination + "}");
    }

    static SendRequest hello(String... tokens) {
        List<RecipientRequest> to = Arrays.stream(tokens)
                .map(token -> new RecipientRequest().token(token).provider(Provider.FCM))
                .toList();
        return new SendRequest().to(to).content(new ContentRequest().title("Hello"));
    }

    static void run() {
        Checks.test("a refused or lost POST is repeated with its key", () -> {
            try (var test = new TransportTest(refusal(503, "0"), LOST, refusal(429, "0"), ACCEPTED)) {
                Checks.equal(test.client.send(hello("a")).operationId, "comms_operation_1");
                Checks.equal(test.keys.size(), 4);
                Checks.equal(new HashSet<>(test.keys).size(), 1);
                Checks.check(test.keys.get(0) != null, "there is no key");
            }
        });
        Checks.test("a POST without a key is not repeated after a lost answer", () -> {
            try (var test = new TransportTest(LOST, ACCEPTED)) {
                Checks.fails(ConnectionException.class, () -> test.client.createKey(new KeyRequest()));
            }
        });
        Checks.test("a defect and a wrong request are not repeated", () -> {
            for (int status : new int[] {500, 400, 409}) {
                try (var test = new TransportTest(refusal(status, null))) {
                    var error = Checks.fails(ApiException.class, () -> test.client.fetchUser("u"));
                    Checks.equal(error.status(), status);
                    Checks.equal(error.getMessage(), "Not now");
                }
            }
        });
        Checks.test("a delay beyond the limit ends the retries", () -> {
            try (var test = new TransportTest(refusal(429, "600"))) {
                Checks.fails(ApiException.class, () -> test.client.fetchUser("u"));
            }
        });
        Checks.test("an answer of a proxy is an error too", () -> {
            try (var test = new TransportTest(new Answer(404, null, "no such host"))) {
                Checks.equal(Checks.fails(ApiException.class, () -> test.client.fetchUser("a/b")).code(), 404);
                Checks.check(test.addresses.get(0).endsWith("/Users/a%2Fb"), test.addresses.toString());
            }
        });
        Checks.test("only null ends a list", () -> {
            try (var test = new TransportTest(page("a", "1"), page("b"), page(null, "2", "3"))) {
                List<User> users = test.client.listUsers(new Operations.ListUsersQuery().pageSize(2L)).stream().toList();
                Checks.equal(users.stream().map(user -> user.id).toList(), List.of("1", "2", "3"));
                List<String> queries = test.addresses.stream().map(each -> each.split("\\?")[1]).toList();
                Checks.equal(queries, List.of("pageSize=2", "pageSize=2&pageToken=a", "pageSize=2&pageToken=b"));
            }
        });
        Checks.test("a Retry-After is seconds or a date", () -> {
            Checks.equal(Transport.retryAfter("3"), Duration.ofSeconds(3));
            Checks.equal(Transport.retryAfter("Mon, 1 Jan 2024 00:00:00 GMT"), Duration.ZERO);
            Checks.equal(Transport.retryAfter("soon"), null);
        });
    }
}
