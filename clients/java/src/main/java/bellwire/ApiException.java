package bellwire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Bellwire refused a request, and changed nothing. */
public final class ApiException extends BellwireException {
    private static final long serialVersionUID = 1;

    /** One problem of a request. */
    public record Problem(String field, String message) implements java.io.Serializable {}

    private final int status;
    private final int code;
    private final ArrayList<Problem> problems;

    private ApiException(int status, int code, String message, ArrayList<Problem> problems) {
        super(message, null);
        this.status = status;
        this.code = code;
        this.problems = problems;
    }

    static ApiException of(int status, String text) {
        JsonNode body;
        try {
            body = Transport.JSON.readTree(text);
        } catch (JsonProcessingException isOfAProxy) {
            body = null;
        }
        if (body == null || !body.hasNonNull("message")) {
            String message = "HTTP status " + status + " " + text.substring(0, Math.min(200, text.length()));
            return new ApiException(status, status, message.strip(), new ArrayList<>());
        }

        ArrayList<Problem> problems = new ArrayList<>();
        for (JsonNode each : body.path("errors")) {
            problems.add(new Problem(each.path("field").asText(), each.path("message").asText()));
        }
        return new ApiException(status, body.path("code").asInt(status), body.get("message").asText(), problems);
    }

    /** The HTTP status. */
    public int status() {
        return status;
    }

    /** Bellwire's code, or the status if it has none of its own. */
    public int code() {
        return code;
    }

    /** Every problem of the request, each with its field. */
    public List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** The field of the first problem; null if there is none. */
    public String field() {
        return problems.isEmpty() ? null : problems.get(0).field();
    }
}
