//! `/healthz` and `/readyz`: for orchestrators and proxies, without a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::State;
use crate::store::schema;

/// A Postgres that takes longer is as good as none.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether new callers are welcome; cheap to clone.
#[derive(Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// They are not any more: the process ends.
    pub fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the process ends.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /healthz`: the process is alive.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

/// `GET /readyz`: requests are welcome: Postgres is there, with the schema that this version needs, and the process does
/// not end. 503 says what is not so.
pub async fn ready(state: web::Data<State>) -> HttpResponse {
    match obstacle(&state).await {
        None => HttpResponse::Ok().json(json!({"status": "ready"})),
        Some(reason) => HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "reason": reason})),
    }
}

async fn obstacle(state: &State) -> Option<String> {
    if state.readiness.is_draining() {
        return Some("it was told to end".to_owned());
    }
    // A newer schema is welcome: during an upgrade, old and new versions work side by side.
    let version = async { schema::version_of(&mut *state.pool.acquire().await?).await };
    match tokio::time::timeout(TIMEOUT, version).await {
        Ok(Ok(Some(version))) if version >= schema::newest() => None,
        Ok(Ok(_)) => Some("the database's schema is not up to date: run `bellwire migrate`".to_owned()),
        // The reason is not for everybody.
        Ok(Err(error)) => {
            tracing::debug!(%error, "not ready");
            Some("Postgres can't be reached".to_owned())
        }
        Err(_) => Some(format!("Postgres does not answer within {} s", TIMEOUT.as_secs())),
    }
}
