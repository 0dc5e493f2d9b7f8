//! Follows one Operation to its end: by its stream of events, which is opened again when it breaks off.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};

use crate::client::api::{Api, Ask};
use crate::client::events::EventReader;
use crate::client::exit::Result;
use crate::client::operation::Operation;
use crate::client::pieces::next_piece;

/// Streams at a time. An account may have 200 open.
pub(super) const STREAMS: usize = 32;
/// How long a stream may be silent. Bellwire sends a comment every 15 s.
const SILENT_FOR: Duration = Duration::from_secs(45);
/// The pause after a stream that ended before its Operation.
const PAUSE: Duration = Duration::from_millis(500);

/// Returns the Operation `id` when it has ended. What it was in between goes to `changes`.
pub(super) async fn follow(
    api: &Api,
    id: &str,
    streams: Arc<Semaphore>,
    changes: &mpsc::Sender<Value>,
) -> Result<Value> {
    let path = format!("/Operations/{id}");
    // Before the wait for a stream: the bar has the total of every Operation early, and an
    // Operation that has ended needs no stream.
    let mut seen = api.get(&path).await?;
    publish(changes, &seen);

    // Never closed, so there is always a permit at last.
    let _turn = streams.acquire_owned().await;
    while !Operation::of(&seen).has_ended() {
        if let Some(ended) = stream(api, &path, changes).await {
            return Ok(ended);
        }

        // Bellwire restarts, has no room for another stream, or the connection was lost.
        tokio::time::sleep(PAUSE).await;
        seen = api.get(&path).await?;
        publish(changes, &seen);
    }

    Ok(seen)
}

/// Passes a change on. If there is no room, the change is dropped, because a later one replaces it.
fn publish(changes: &mpsc::Sender<Value>, operation: &Value) {
    let _ = changes.try_send(operation.clone());
}

/// Reads the stream to its end. `None`: it has ended before the Operation, or could not be opened.
async fn stream(api: &Api, path: &str, changes: &mpsc::Sender<Value>) -> Option<Value> {
    let ask = Ask::get(format!("{path}/Stream")).accepting("text/event-stream");
    // The reason is not needed: the caller reads the Operation next, and fails if the error lasts.
    let mut body = api.open_once(&ask).await.ok()?.into_body();
    let mut reader = EventReader::default();

    while let Ok(Some(piece)) = next_piece(&mut body, SILENT_FOR).await {
        for event in reader.read(&piece) {
            let operation: Value = serde_json::from_str(&event.data).ok()?;
            publish(changes, &operation);
            if event.name == "end" {
                return Some(operation);
            }
        }
    }

    None
}
