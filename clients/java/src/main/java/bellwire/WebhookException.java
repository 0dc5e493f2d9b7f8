package bellwire;

/** The request was not made by Bellwire, was changed, or is too old. */
public final class WebhookException extends BellwireException {
    private static final long serialVersionUID = 1;

    WebhookException(String message) {
        super(message, null);
    }
}
