//! Looking up the default Credentials of Apps, for sends that name an App or no sender at all.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgConnection;

use crate::ingest::coalescing::{BatchFetch, Coalescer};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;
use crate::store::senders::{self, AppSenders, AskedApp};

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) type SenderLookup = Coalescer<AskedApp, AppSenders>;

/// Starts the lookup, on a connection of its own with the options of `pool`.
pub(crate) fn start(pool: &Pool) -> SenderLookup {
    Coalescer::start(FetchSenders(
        DedicatedConnection::beside(pool).planning_once(),
    ))
}

struct FetchSenders(DedicatedConnection);

impl BatchFetch<AskedApp, AppSenders> for FetchSenders {
    async fn fetch(&mut self, apps: Vec<AskedApp>) -> sqlx::Result<HashMap<AskedApp, AppSenders>> {
        self.0
            .within(QUERY_TIMEOUT, async |connection: &mut PgConnection| {
                senders::defaults(connection, &apps).await
            })
            .await
    }
}
