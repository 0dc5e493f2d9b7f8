package bellwire;

/** The Operation was not completed in time. It goes on. */
public final class CompletionTimeoutException extends BellwireException {
    private static final long serialVersionUID = 1;

    CompletionTimeoutException(String message) {
        super(message, null);
    }
}
