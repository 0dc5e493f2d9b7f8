//! `/healthz` and `/readyz`, for orchestrators and load balancers. They need no API key.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::http::State;
use crate::ingest::coalescing::{BatchFetch, Coalescer};
use crate::store::database_state::{self, DatabaseState};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;
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
        // Relaxed, because readers of the flag rely on no other memory.
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
    // Postgres is not asked: an orchestrator restarts a process that is not alive, and a restart
    // would not bring Postgres back.
    HttpResponse::Ok().json(Liveness {
        status: LivenessStatus::Alive,
    })
}

/// Whether the process is ready for requests: it reaches Postgres, the schema is up to date, the
/// database takes writes, and the process is not shutting down.
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
    // Before Postgres is asked, so that load balancers see a shutdown also while Postgres is away.
    if state.readiness.is_draining() {
        return Some("shutting down".to_owned());
    }

    let found = state.readiness_lookup.find(()).await;
    match &found {
        Ok(Some(found)) => database_reason(found).map(str::to_owned),
        // Anyone may ask, so the error itself goes to the log only.
        Err(error) => {
            tracing::debug!(%error, "not ready: Postgres can't be reached");
            Some(no_answer(error))
        }
        Ok(None) => Some("Postgres can't be reached".to_owned()),
    }
}

/// What keeps the process from using a database in this state.
fn database_reason(found: &DatabaseState) -> Option<&'static str> {
    // A newer schema is fine: during an upgrade, old and new releases run side by side.
    let is_current = found
        .schema_version
        .is_some_and(|version| version >= schema::newest());

    if !is_current {
        Some("the database schema is not up to date: run `bellwire migrate`")
    } else if found.is_read_only {
        Some("Postgres takes no writes: the server is a standby, or the database is read-only")
    } else {
        None
    }
}

fn no_answer(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut => format!(
            "Postgres does not answer within {} s",
            POSTGRES_TIMEOUT.as_secs()
        ),
        _ => "Postgres can't be reached".to_owned(),
    }
}

/// Reads the state of the database for readiness checks. Those that arrive together share a query.
pub(crate) type ReadinessLookup = Coalescer<(), DatabaseState>;

/// Starts the lookup, on a connection of its own: the load of the API does not make it wait.
pub(crate) fn start_lookup(pool: &Pool) -> ReadinessLookup {
    Coalescer::start(FetchState(DedicatedConnection::beside(pool)))
}

struct FetchState(DedicatedConnection);

impl FetchState {
    async fn read(&mut self) -> sqlx::Result<DatabaseState> {
        let reading = self
            .0
            .within(POSTGRES_TIMEOUT, async |connection: &mut PgConnection| {
                database_state::read(connection).await
            });

        // A first connect or a ping comes on top of the limit.
        tokio::time::timeout(POSTGRES_TIMEOUT, reading)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
    }
}

impl BatchFetch<(), DatabaseState> for FetchState {
    async fn fetch(&mut self, _: Vec<()>) -> sqlx::Result<HashMap<(), DatabaseState>> {
        // `default_transaction_read_only` applies to new sessions, so an old one does not see a
        // change.
        self.0.close_if_older_than(database_state::SESSION_AGE);

        let mut state = self.read().await?;
        if state.is_read_only {
            // The database may have become writable since the session began.
            self.0.close_if_older_than(Duration::ZERO);
            state = self.read().await?;
        }

        Ok(HashMap::from([((), state)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_must_have_the_schema_and_take_writes() {
        let newest = schema::newest();
        let state = |schema_version, is_read_only| {
            database_reason(&DatabaseState {
                schema_version,
                is_read_only,
            })
        };

        assert_eq!(state(Some(newest), false), None);
        assert_eq!(state(Some(newest + 1), false), None);
        assert!(
            state(Some(newest), true)
                .unwrap()
                .contains("takes no writes")
        );
        assert!(
            state(Some(newest - 1), false)
                .unwrap()
                .contains("bellwire migrate")
        );
        assert!(state(None, false).unwrap().contains("bellwire migrate"));
    }
}
