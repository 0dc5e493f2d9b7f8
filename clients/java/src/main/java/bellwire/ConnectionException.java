package bellwire;

/** No answer arrived. A request that was repeated until `retryFor` was over may still have been carried out. */
public final class ConnectionException extends BellwireException {
    private static final long serialVersionUID = 1;

    ConnectionException(String message, Throwable cause) {
        super(message, cause);
    }
}
