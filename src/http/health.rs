//! `/healthz` and `/readyz`: for orchestrators and proxies, without a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::store::schema;

/// A Postgres that takes longer is as good as none.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize, ToSchema)]
struct Alive {
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Ready {
    /// `ready` or `not ready`.
    status: &'static str,
    /// What stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Whether new callers are welcome; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// They are not any more: the process ends.
    pub(crate) fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the process ends.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Health",
    security(()),
    responses((status = 200, body = Alive)),
)]
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Alive { status: "alive" })
}

/// Whether requests are welcome: Postgres is there, with the schema that this version needs, and
/// the process does not end.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Health",
    security(()),
    responses(
        (status = 200, body = Ready),
        (status = 503, body = Ready, description = "They are not; `reason` says why"),
    ),
)]
pub(super) async fn ready(state: web::Data<State>) -> HttpResponse {
    match obstacle(&state).await {
        None => HttpResponse::Ok().json(Ready {
            status: "ready",
            reason: None,
        }),
        reason => HttpResponse::ServiceUnavailable().json(Ready {
            status: "not ready",
            reason,
        }),
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
        Ok(Ok(_)) => {
            Some("the database's schema is not up to date: run `bellwire migrate`".to_owned())
        }
        // The reason is not for everybody.
        Ok(Err(error)) => {
            tracing::debug!(%error, "not ready");
            Some("Postgres can't be reached".to_owned())
        }
        Err(_) => Some(format!(
            "Postgres does not answer within {} s",
            TIMEOUT.as_secs()
        )),
    }
}
