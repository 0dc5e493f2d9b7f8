//! Cuts recipients into requests.

use serde_json::{Value, json};

use crate::client::exit::Result;
use crate::client::send::recipients::{Recipient, Targets};

/// Most recipients of a request.
const MOST: usize = 10_000;
/// Most bytes of the recipients of a request, well below what Bellwire takes (8 MiB by default).
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The recipients of one request.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub to: Vec<Value>,
    /// Where each is from; `None`: from an argument.
    places: Vec<Option<String>>,
    bytes: usize,
    /// How many recipients the requests before this one have.
    before: usize,
}

/// Recipients, as many at a time as a request takes.
pub(super) struct Chunks {
    targets: Targets,
    next: Chunk,
    is_over: bool,
}

impl Chunk {
    fn push(&mut self, recipient: Recipient) {
        self.bytes += recipient.bytes;
        self.places.push(recipient.place);
        self.to.push(recipient.value);
    }

    fn is_full(&self) -> bool {
        self.to.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// Where the field of a request is from: `to[3].token` is a line of a file.
    pub(super) fn place(&self, field: &str) -> String {
        // Bellwire counts from the beginning of this request, people from that of their file.
        let index = field
            .strip_prefix("to[")
            .and_then(|rest| rest.split_once(']'))
            .and_then(|(index, rest)| Some((index.parse::<usize>().ok()?, rest)));
        let place = index.and_then(|(index, rest)| Some((self.places.get(index)?.as_ref()?, rest)));

        match place {
            Some((place, rest)) => format!("{place}{}", rest.replacen('.', ", ", 1)),
            None => field.to_owned(),
        }
    }
}

impl Chunk {
    /// Where the recipient is from that is the one at `position` of all, from 0.
    pub(super) fn place_of(&self, position: u64) -> String {
        let index = usize::try_from(position)
            .ok()
            .and_then(|position| position.checked_sub(self.before));
        let place = index.and_then(|index| self.places.get(index)?.clone());

        place.unwrap_or_else(|| format!("recipient {position}"))
    }

    /// Counts the positions in the answer to a check from the first recipient of all.
    pub(super) fn count_from_the_first(&self, answer: &mut Value) {
        let errors = answer.get_mut("errors").and_then(Value::as_array_mut);

        for error in errors.into_iter().flatten() {
            if let Some(position) = error["position"].as_u64() {
                error["position"] = json!(position + self.before as u64);
            }
        }
    }
}

impl Chunks {
    pub(super) fn new(targets: Targets) -> Self {
        Self {
            targets,
            next: Chunk::default(),
            is_over: false,
        }
    }

    /// What the recipients are from.
    pub(super) fn source(&self) -> String {
        self.targets.source()
    }

    /// The next chunk; `None`: there is no other. What was read stays if this is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        while !self.is_over && !self.next.is_full() {
            match self.targets.next().await? {
                Some(recipient) => self.next.push(recipient),
                None => self.is_over = true,
            }
        }

        // Also if it is empty: the file may end where the chunk before it was full.
        let chunk = std::mem::take(&mut self.next);
        self.next.before = chunk.before + chunk.to.len();
        Ok((!chunk.to.is_empty()).then_some(chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(bytes: usize, place: Option<&str>) -> Recipient {
        Recipient {
            value: json!({}),
            place: place.map(str::to_owned),
            bytes,
        }
    }

    #[tokio::test]
    async fn recipients_are_cut_where_a_request_is_full() {
        let given = |count: usize, bytes: usize| {
            Targets::given((0..count).map(|_| recipient(bytes, None)).collect())
        };
        let sizes = async |targets: Targets| {
            let mut chunks = Chunks::new(targets);
            let mut sizes = Vec::new();
            while let Some(chunk) = chunks.next().await.unwrap() {
                sizes.push(chunk.to.len());
            }
            sizes
        };

        assert!(sizes(given(0, 10)).await.is_empty());
        assert_eq!(sizes(given(10_000, 10)).await, [10_000]);
        assert_eq!(sizes(given(25_000, 10)).await, [10_000, 10_000, 5_000]);
        assert_eq!(sizes(given(5, MOST_BYTES / 2)).await, [2, 2, 1]);
    }

    #[tokio::test]
    async fn a_position_is_counted_from_the_first_recipient() {
        let mut all: Vec<_> = (0..MOST).map(|_| recipient(1, None)).collect();
        all.push(recipient(1, Some("tokens.txt, line 10001")));
        all.push(recipient(1, None));
        let mut chunks = Chunks::new(Targets::given(all));
        chunks.next().await.unwrap();
        let second = chunks.next().await.unwrap().unwrap();

        let mut answer = json!({"valid": false, "errors": [{"position": 0}, {"position": 1}, {}]});
        second.count_from_the_first(&mut answer);
        assert_eq!(
            answer["errors"],
            json!([{"position": 10_000}, {"position": 10_001}, {}])
        );
        assert_eq!(second.place_of(10_000), "tokens.txt, line 10001");
        assert_eq!(second.place_of(10_001), "recipient 10001");
        assert_eq!(second.place_of(0), "recipient 0");
    }

    #[test]
    fn a_field_is_named_by_its_line() {
        let mut chunk = Chunk::default();
        chunk.push(recipient(1, Some("tokens.txt, line 7")));
        chunk.push(recipient(1, None));

        assert_eq!(chunk.place("to[0].token"), "tokens.txt, line 7, token");
        assert_eq!(chunk.place("to[0]"), "tokens.txt, line 7");
        assert_eq!(chunk.place("to[1].token"), "to[1].token");
        assert_eq!(chunk.place("content.title"), "content.title");
    }
}
