import bellwire.Bellwire;
import bellwire.model.ContentRequest;
import bellwire.model.Provider;
import bellwire.model.RecipientRequest;
import bellwire.model.RegisterRequest;
import bellwire.model.SendRequest;
import bellwire.model.SenderRequest;
import java.util.List;
import java.util.Map;

/** Registers a device and sends to its User: <code>java Register APP TOKEN</code>. */
public final class Register {
    private Register() {}

    public static void main(String[] arguments) {
        String app = arguments[0];
        Bellwire client = Bellwire.fromEnvironment();

        var registered = client.registerDevice(new RegisterRequest()
                .appName(app)
                .token(arguments[1])
                .provider(Provider.FCM)
                .tags(Map.of("tier", "gold")));
        System.out.println("User " + registered.userId + " device " + registered.deviceId);

        // Keep the userId beside your own user: this is who you send to.
        var accepted = client.send(new SendRequest()
                .to(List.of(new RecipientRequest().userId(registered.userId)))
                .from(new SenderRequest().appName(app))
                .content(new ContentRequest().title("Welcome")));
        System.out.println("Operation " + accepted.operationId);
    }
}
