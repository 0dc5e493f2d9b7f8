package bellwire;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The parameters of a request. */
abstract class Query<Self extends Query<Self>> {
    private final Map<String, String> values = new TreeMap<>();

    @SuppressWarnings("unchecked")
    Self set(String name, Object value) {
        if (value == null) {
            values.remove(name);
        } else {
            values.put(name, value.toString());
        }
        return (Self) this;
    }

    Map<String, String> values() {
        return values;
    }

    static String encode(Map<String, String> values) {
        return values.entrySet().stream()
                .map(each -> escape(each.getKey()) + "=" + escape(each.getValue()))
                .collect(Collectors.joining("&"));
    }

    static String escape(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
