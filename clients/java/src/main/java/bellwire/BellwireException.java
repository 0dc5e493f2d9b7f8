package bellwire;

/** Any error of this package. */
public abstract class BellwireException extends RuntimeException {
    private static final long serialVersionUID = 1;

    BellwireException(String message, Throwable cause) {
        super(message, cause);
    }
}
