import bellwire.Bellwire;
import bellwire.Operations.FetchOperationQuery;
import bellwire.model.OperationStatus;

/** Shows how an Operation goes on until its end: <code>java Watch OPERATION_ID</code>. */
public final class Watch {
    private Watch() {}

    public static void main(String[] arguments) {
        Bellwire client = Bellwire.fromEnvironment();
        while (true) {
            // Answers at once when the Operation has ended, else after a second.
            var operation = client.fetchOperation(arguments[0], new FetchOperationQuery().wait("1s"));
            var stats = operation.stats;
            System.out.println(operation.status + ": " + stats.sent + " sent, " + stats.failed + " failed of " + stats.total);
            if (operation.status == OperationStatus.COMPLETED || operation.status == OperationStatus.CANCELED) {
                return;
            }
        }
    }
}
