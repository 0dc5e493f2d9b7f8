//! `/metrics`: its port, what it reads, and the tasks that serve it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::app::Foundation;
use crate::delivery::Delivery;
use crate::http;
use crate::http::metrics::{MetricsSources, NotDueInterval};
use crate::listen_error::cannot_listen;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;

pub(super) fn listen(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).map_err(|error| cannot_listen("metrics.listen", listen, &error))
}

/// What `/metrics` reads. `delivering`: the delivery of this process, and its pool.
pub(super) fn sources(
    foundation: &Foundation,
    delivering: Option<&(Delivery, Pool)>,
) -> MetricsSources {
    let mut pools = vec![
        ("api", foundation.pool.clone()),
        ("lists", foundation.list_pool.clone()),
    ];
    pools.extend(delivering.map(|(_, pool)| ("delivery", pool.clone())));

    MetricsSources {
        connection: Arc::new(Mutex::new(DedicatedConnection::beside(&foundation.pool))),
        not_due_interval: NotDueInterval::default(),
        pools,
        delivery: delivering.map(|(delivery, _)| delivery.stats()),
    }
}

/// `/metrics`, served by tasks that are aborted at the end of the process.
#[derive(Default)]
pub(super) struct MetricsServer {
    pub addresses: Vec<SocketAddr>,
    pub tasks: Vec<JoinHandle<()>>,
}

impl MetricsServer {
    pub(super) fn start(listener: TcpListener, sources: MetricsSources) -> anyhow::Result<Self> {
        let (server, addresses) =
            http::metrics::serve(listener, sources).context("metrics.listen")?;

        // An error ends the metrics and not the service, which goes on sending.
        let serving = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the /metrics server has stopped");
            }
        });

        Ok(Self {
            addresses,
            tasks: vec![serving, tokio::spawn(http::metrics::run_upkeep())],
        })
    }
}
