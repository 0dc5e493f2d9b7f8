//! `/healthz` and `/readyz`, for orchestrators and load balancers. They need no API key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::store::schema;

/// How long Postgres may take to answer a readiness check.
const POSTGRES_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this process takes requests. It does until [`Self::drain`]. Cheap to clone: the one who
/// shuts down and the handlers share it.
#[derive(Clone, Default)]
pub(crate) struct Readiness {
    is_draining: Arc<AtomicBool>,
}

impl Readiness {
    /// From now on `/readyz` answers 503, and connections are closed after their next response.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

#[derive(Serialize, ToSchema)]
struct Liveness {
    status: LivenessStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LivenessStatus {
    Alive,
}

#[derive(Serialize, ToSchema)]
struct ReadinessReport {
    status: ReadinessStatus,
    /// Why requests should go elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ReadinessStatus {
    Ready,
    #[serde(rename = "not ready")]
    NotReady,
}

/// Whether the process is alive.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "fetchLiveness",
    tag = "Health",
    security(()),
    responses((status = 200, description = "The process is alive", body = Liveness)),
)]
pub(super) async fn liveness() -> HttpResponse {
    HttpResponse::Ok().json(Liveness {
        status: LivenessStatus::Alive,
    })
}

/// Whether the process is ready for requests: it reaches Postgres, the schema is up to date, and it
/// is not shutting down.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "fetchReadiness",
    tag = "Health",
    security(()),
    responses(
        (status = 200, description = "The process is ready", body = ReadinessReport),
        (status = 503, body = ReadinessReport, description = "It is not ready; `reason` says why"),
    ),
)]
pub(super) async fn readiness(state: web::Data<State>) -> HttpResponse {
    match reason_not_ready(&state).await {
        None => HttpResponse::Ok().json(ReadinessReport {
            status: ReadinessStatus::Ready,
            reason: None,
        }),
        reason => HttpResponse::ServiceUnavailable().json(ReadinessReport {
            status: ReadinessStatus::NotReady,
            reason,
        }),
    }
}

async fn reason_not_ready(state: &State) -> Option<String> {
    if state.readiness.is_draining() {
        return Some("shutting down".to_owned());
    }

    let version = async { schema::version_of(&mut *state.pool.acquire().await?).await };
    match tokio::time::timeout(POSTGRES_TIMEOUT, version).await {
        // A newer schema is fine: during an upgrade, old and new releases run side by side.
        Ok(Ok(Some(version))) if version >= schema::newest() => None,
        Ok(Ok(_)) => {
            Some("the database schema is not up to date: run `bellwire migrate`".to_owned())
        }
        // Anyone may ask, so the error itself goes to the log only.
        Ok(Err(error)) => {
            tracing::debug!(%error, "not ready: Postgres can't be reached");
            Some("Postgres can't be reached".to_owned())
        }
        Err(_) => Some(format!(
            "Postgres does not answer within {} s",
            POSTGRES_TIMEOUT.as_secs()
        )),
    }
}
