import bellwire.WebhookException;
import bellwire.WebhookVerifier;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Receives webhooks on port 8000: <code>WEBHOOK_SECRET=whsec_… java WebhookReceiver</code>. */
public final class WebhookReceiver {
    private static final Set<String> SEEN = ConcurrentHashMap.newKeySet();

    private WebhookReceiver() {}

    public static void main(String[] arguments) throws IOException {
        WebhookVerifier verifier = new WebhookVerifier(System.getenv("WEBHOOK_SECRET"));
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8000"));

        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> receive(exchange, verifier));
        server.start();
    }

    private static void receive(HttpExchange exchange, WebhookVerifier verifier) throws IOException {
        try {
            byte[] body = exchange.getRequestBody().readAllBytes();
            var event = verifier.verify(body, exchange.getRequestHeaders()::getFirst);

            // Answer at once, and do the work afterwards. An event may come more than once.
            exchange.sendResponseHeaders(204, -1);
            if (SEEN.add(exchange.getRequestHeaders().getFirst("webhook-id"))) {
                System.out.println(event.get("type").asText() + " " + event.get("data"));
            }
        } catch (WebhookException error) {
            byte[] text = error.getMessage().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(401, text.length);
            exchange.getResponseBody().write(text);
        } finally {
            exchange.close();
        }
    }
}
