//! Requests over HTTP/2 to one origin, through as many connections as the load asks for.
//!
//! A generic client keeps one HTTP/2 connection to an origin, but the providers limit how many
//! requests one may carry at a time: FCM to about 100, APNs to about 1000, and to one until its first
//! answer.
//!
//! The pool is built on `h2`, which hyper itself uses, because hyper hides two facts that decide
//! here. The peer's stream limit decides when to open another connection. The streams that a GOAWAY
//! left unprocessed decide which requests may be sent again without a risk of a second notification.

mod address_guard;
mod budget;
mod connection;
mod dial;
mod driver;
mod failure_reason;
mod http1;
mod origin;
mod pool;
mod proxy;
mod response;
mod retry_after;
mod tls;

pub use address_guard::{AddressError, AddressGuard, MAX_URL, origin_of};
pub use budget::ConnectionBudget;
pub use http1::{Http1Client, RequestError};
pub use origin::Origin;
pub use pool::Pool;
pub use proxy::{Proxies, Proxy, ProxyError};
pub use response::{Response, SendError};
pub use retry_after::{MAX_RETRY_AFTER, retry_after};
pub use tls::{Identity, Roots, TlsError};
