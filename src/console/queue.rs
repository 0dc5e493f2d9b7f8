//! The queue, live: what is due, what is being worked on, and which Credentials send nothing. An
//! account sees its own; the operator's account sees all.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::console::Settings;
use crate::console::caller::Caller;
use crate::console::format::{self, Segment, Timestamp};
use crate::console::live::{Fragment, LiveViews, Watched};
use crate::console::page::{self, Frame, PageError, View};
use crate::model::id::AccountId;
use crate::store::accounts;
use crate::store::api_keys::Role;
use crate::store::queue_view::{self, AccountQueue, StoppedLane};

/// How often the queue is read while its page is open.
const EVERY: Duration = Duration::from_secs(2);
/// A reading that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "console/queue.html")]
struct QueuePage {
    frame: Frame,
    parts: Parts,
}

/// The part that changes.
#[derive(Template)]
#[template(path = "console/queue_parts.html")]
struct Parts {
    is_of_all: bool,
    queues: Vec<AccountQueue>,
    lanes: Vec<StoppedLane>,
}

impl Parts {
    fn due(&self) -> i64 {
        self.queues.iter().map(|queue| queue.due).sum()
    }

    fn claimed(&self) -> i64 {
        self.queues.iter().map(|queue| queue.claimed).sum()
    }

    fn later(&self) -> i64 {
        self.queues.iter().map(|queue| queue.later).sum()
    }

    fn oldest(&self) -> Option<Timestamp> {
        let oldest = self
            .queues
            .iter()
            .filter_map(|queue| queue.oldest_due)
            .min();

        oldest.map(Timestamp)
    }

    /// More waits than was added up.
    fn is_more(&self) -> bool {
        self.queues.iter().any(|queue| queue.is_more)
    }

    /// An account's queue beside the longest one.
    fn bar(&self, queue: &AccountQueue) -> Vec<Segment> {
        let length = |queue: &AccountQueue| queue.due + queue.claimed + queue.later;
        let longest = self.queues.iter().map(length).max().unwrap_or_default();
        let parts = [
            ("accent", queue.due),
            ("sent", queue.claimed),
            ("canceled", queue.later),
        ];

        format::segments(&parts, longest)
    }
}

pub(super) async fn show(
    caller: Caller,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, PageError> {
    let account_id = seen_by(&caller, &settings).await?;

    let page = QueuePage {
        frame: Frame::new(&caller, View::Queue, "Queue"),
        parts: read(&caller, account_id).await?,
    };
    page::html(StatusCode::OK, &page)
}

pub(super) async fn live(
    request: HttpRequest,
    caller: Caller,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, PageError> {
    let account_id = seen_by(&caller, &settings).await?;
    let reader = caller.clone();
    let watched = Watched {
        // The operator's account has both: its FULL keys see all accounts, and its other keys see
        // its own queue.
        name: format!("queue {}", account_id.is_none()),
        every: EVERY,
        read: async move || {
            let parts = read(&reader, account_id).await?;
            Ok(Some(Fragment {
                html: page::render(&parts)?,
                is_last: false,
            }))
        },
    };

    Ok(LiveViews::of(&request)?.stream(&request, caller, watched))
}

/// The account whose queue the person sees; `None`: all accounts.
async fn seen_by(caller: &Caller, settings: &Settings) -> Result<Option<AccountId>, PageError> {
    // The queue is not read through the API, so nothing else checks the role.
    if !View::Queue.is_open_to(caller) {
        return Err(PageError::forbidden());
    }

    let own = caller.who.account_id;
    if let Some(name) = &settings.operator_account
        && caller.who.role == Role::Full
        && accounts::find(&caller.state.pool, name).await? == Some(own)
    {
        return Ok(None);
    }
    Ok(Some(own))
}

async fn read(caller: &Caller, account_id: Option<AccountId>) -> Result<Parts, PageError> {
    let pool = caller.state.pool.limited_to(LIMIT);

    Ok(Parts {
        is_of_all: account_id.is_none(),
        queues: queue_view::queues(&pool, account_id).await?,
        lanes: queue_view::stopped_lanes(&pool, account_id).await?,
    })
}
