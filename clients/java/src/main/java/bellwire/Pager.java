package bellwire;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A list, whose pages are fetched while it is iterated. Each iteration begins at the first page. */
public final class Pager<T> implements Iterable<T> {
    private final Transport transport;
    private final String path;
    private final Map<String, String> query;
    private final String field;
    private final Class<T> record;

    Pager(Transport transport, String path, Query<?> query, String field, Class<T> record) {
        this.transport = transport;
        this.path = path;
        this.query = query == null ? Map.of() : Map.copyOf(query.values());
        this.field = field;
        this.record = record;
    }

    @Override
    public Iterator<T> iterator() {
        return new Records();
    }

    public Stream<T> stream() {
        return StreamSupport.stream(spliterator(), false);
    }

    private final class Records implements Iterator<T> {
        private final Map<String, String> parameters = new TreeMap<>(query);
        private Iterator<T> page = List.<T>of().iterator();
        private boolean isLast;

        /** A page may be short or empty although others follow: only a `next` of null ends a list. */
        @Override
        public boolean hasNext() {
            while (!page.hasNext() && !isLast) {
                fetch();
            }
            return page.hasNext();
        }

        @Override
        public T next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            return page.next();
        }

        private void fetch() {
            JsonNode answer = transport.call("GET", path, parameters, null, null);
            List<T> records = new ArrayList<>();
            for (JsonNode each : answer.get(field)) {
                records.add(Transport.JSON.convertValue(each, record));
            }
            page = records.iterator();

            JsonNode next = answer.path("pagination").path("next");
            isLast = next.isMissingNode() || next.isNull();
            parameters.put("pageToken", next.asText());
        }
    }
}
