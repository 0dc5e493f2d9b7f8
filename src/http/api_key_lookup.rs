//! Looking up API keys, for [`auth`](super::auth). Every request looks its key up, so a revoked key
//! is refused from the next request on.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgConnection;

use crate::ingest::coalescing::{BatchFetch, Coalescer};
use crate::store::api_keys::{self, KnownKey};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds keys by the user name of HTTP Basic.
pub(crate) type ApiKeyLookup = Coalescer<String, KnownKey>;

/// Starts the lookup, on a connection of its own with the options of `pool`.
pub(crate) fn start(pool: &Pool) -> ApiKeyLookup {
    Coalescer::start(FetchApiKeys(
        DedicatedConnection::beside(pool).planning_once(),
    ))
}

struct FetchApiKeys(DedicatedConnection);

impl BatchFetch<String, KnownKey> for FetchApiKeys {
    async fn fetch(&mut self, keys: Vec<String>) -> sqlx::Result<HashMap<String, KnownKey>> {
        self.0
            .within(QUERY_TIMEOUT, async |connection: &mut PgConnection| {
                api_keys::find(connection, &keys).await
            })
            .await
    }
}
