import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Java's HttpClient, in eight threads. By default it offers an upgrade to HTTP/2. */
public final class Posts {
    private static final Pattern ID = Pattern.compile("\"operationId\":\"([a-z0-9_]+)\"");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(System.getenv("COUNT"));
        var pool = Executors.newFixedThreadPool(8);
        var posts = IntStream.range(0, count).mapToObj(number -> pool.submit(() -> post(number))).toList();
        for (Future<String> post : posts) {
            System.out.println(post.get());
        }
        pool.shutdown();
    }

    private static String post(int number) throws Exception {
        String credentials = System.getenv("BELLWIRE_KEY") + ":" + System.getenv("BELLWIRE_SECRET");
        String body = "{\"to\": [{\"token\": \"java-" + number + "\", \"provider\": \"FCM\"}], \"content\": {\"title\": \"Hello\"}}";
        var request = HttpRequest.newBuilder(URI.create(System.getenv("BELLWIRE_URL") + "/v1/PushNotifications"))
                .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes()))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();

        var answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        Matcher id = ID.matcher(answer.body());
        if (answer.statusCode() != 202 || !id.find()) {
            throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
        }
        return id.group(1);
    }
}
