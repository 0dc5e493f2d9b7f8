//! Server-sent events, as `Operations/{id}/Stream` sends them:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

/// Reads events from the pieces of a stream, which end anywhere.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// What is not a whole line yet.
    rest: Vec<u8>,
    name: String,
    data: String,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub name: String,
    pub data: String,
}

impl EventReader {
    /// The events that `piece` completes.
    pub(super) fn read(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        self.rest.extend_from_slice(piece);

        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            // Only whole lines are decoded: a piece may end within a character.
            let line = String::from_utf8_lossy(&line);
            events.extend(self.read_line(line.trim_end_matches(['\r', '\n'])));
        }

        events
    }

    fn read_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = std::mem::take(&mut self.data);
            // An event without data is dropped, such as one after a comment (HTML standard, section
            // 9.2.6).
            return (!data.is_empty()).then_some(Event { name, data });
        }

        // A line that begins with a colon is a comment: its field has no name.
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // `id` and `retry`, which Bellwire does not send.
            _ => {}
        }

        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": heartbeat\n\nevent: stats\ndata: {\"a\":1}\n\nevent: end\r\ndata: x\r\ndata: y\r\n\r\n";

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_are_found_however_the_stream_is_cut() {
        let expected = [event("stats", "{\"a\":1}"), event("end", "x\ny")];

        for size in 1..STREAM.len() {
            let mut reader = EventReader::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let events: Vec<Event> = pieces.flat_map(|piece| reader.read(piece)).collect();
            assert_eq!(events, expected, "pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_breaks_off_is_none() {
        let mut reader = EventReader::default();

        assert_eq!(reader.read(b"event: end\ndata: {\"a\""), []);
    }
}
