package bellwire;

import bellwire.model.ContentRequest;
import bellwire.model.OperationStatus;
import bellwire.model.Provider;
import bellwire.model.PushNotificationStatus;
import bellwire.model.RecipientRequest;
import bellwire.model.RegisterRequest;
import bellwire.model.SendRequest;
import bellwire.model.SenderRequest;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** Everything against a running Bellwire and its simulator, which the environment names. */
final class ClientTest {
    private ClientTest() {}

    static void run() {
        Bellwire client = Bellwire.fromEnvironment();

        Checks.test("a send is followed to its end", () -> {
            var id = client.send(TransportTest.hello("java-1", "java-2", "java~UNREGISTERED")).operationId;
            var operation = client.waitForCompletion(id, Duration.ofMinutes(1));
            Checks.equal(operation.status, OperationStatus.COMPLETED);
            Checks.equal(List.of(operation.stats.sent, operation.stats.failed), List.of(2L, 1L));

            var errors = client.listOperationErrors(id, new Operations.ListOperationErrorsQuery()).stream().toList();
            Checks.equal(errors.stream().map(each -> each.code + each.position).toList(), List.of("UNREGISTERED2"));
            try (var results = client.exportOperationResults(id)) {
                Checks.equal(
                        results.map(each -> each.status).toList(),
                        List.of(
                                PushNotificationStatus.SENT,
                                PushNotificationStatus.SENT,
                                PushNotificationStatus.FAILED));
            }
        });
        Checks.test("a list has every record", () -> {
            var id = client.send(TransportTest.hello("java-p1", "java-p2", "java-p3", "java-p4", "java-p5")).operationId;
            var query = new Operations.ListPushNotificationsQuery().operationId(id).pageSize(2L);
            Checks.equal(client.listPushNotifications(query).stream().count(), 5L);
        });
        Checks.test("an error names its field", () -> {
            var request = new SendRequest().to(List.of(new RecipientRequest().token("a"))).content(new ContentRequest());
            var error = Checks.fails(ApiException.class, () -> client.send(request));
            Checks.equal(List.of(error.status(), error.code()), List.of(400, 400));
            Checks.equal(error.field(), "to[0].provider");
        });
        Checks.test("one key is one send", () -> {
            String key = UUID.randomUUID().toString();
            var first = client.send(TransportTest.hello("java-key"), key);
            Checks.equal(client.send(TransportTest.hello("java-key"), key).operationId, first.operationId);
            var error = Checks.fails(ApiException.class, () -> client.send(TransportTest.hello("java-other"), key));
            Checks.equal(error.status(), 409);
        });
        Checks.test("a device is registered and its User is reached", () -> {
            var device = new RegisterRequest().appName("demo").token("java-" + UUID.randomUUID()).provider(Provider.FCM);
            var registered = client.registerDevice(device);
            var query = new Operations.ListDeviceRegistrationsQuery().userId(registered.userId);
            var ids = client.listDeviceRegistrations(query).stream().map(each -> each.id).toList();
            Checks.equal(ids, List.of(registered.resourceId));

            var request = new SendRequest()
                    .to(List.of(new RecipientRequest().userId(registered.userId)))
                    .content(new ContentRequest().title("Hello"))
                    .from(new SenderRequest().appName("demo"));
            Checks.check(client.validate(request).valid, "it is not valid");
            var operation = client.waitForCompletion(client.send(request).operationId);
            Checks.equal(operation.stats.sent, 1L);
            client.deleteUser(registered.userId, new Operations.DeleteUserQuery());
        });
        Checks.test("waiting ends", () -> {
            var id = client.send(TransportTest.hello("java~UNAVAILABLE")).operationId;
            Checks.fails(
                    CompletionTimeoutException.class, () -> client.waitForCompletion(id, Duration.ofSeconds(1)));
            client.cancelOperation(id);
        });
    }
}
