import bellwire.ApiException;
import bellwire.Bellwire;
import bellwire.Operations.ListOperationErrorsQuery;
import bellwire.model.ContentRequest;
import bellwire.model.Priority;
import bellwire.model.Provider;
import bellwire.model.RecipientRequest;
import bellwire.model.SendRequest;
import java.util.Arrays;
import java.util.Map;

/** Sends to tokens, and shows what failed: <code>java Send TOKEN…</code>. */
public final class Send {
    private Send() {}

    public static void main(String[] tokens) {
        Bellwire client = Bellwire.fromEnvironment();
        var to = Arrays.stream(tokens)
                .map(token -> new RecipientRequest()
                        .token(token)
                        .provider(Provider.FCM)
                        .variables(Map.of("name", "Ann")))
                .toList();
        var content = new ContentRequest().title("Hello {{ name }}").body("You have 1 hour until boarding time");

        try {
            var accepted = client.send(new SendRequest().to(to).content(content).priority(Priority.HIGH));
            var operation = client.waitForCompletion(accepted.operationId);
            System.out.println(operation.id + " " + operation.status + ": " + operation.stats.sent + " sent");

            for (var failure : client.listOperationErrors(operation.id, new ListOperationErrorsQuery())) {
                System.out.println("recipient " + failure.position + " " + failure.code + " " + failure.message);
            }
        } catch (ApiException error) {
            error.problems().forEach(each -> System.err.println(each.field() + ": " + each.message()));
            System.err.println("refused: " + error.getMessage());
            System.exit(1);
        }
    }
}
