//! `POST /PushNotifications/DeviceRegistrations/Import`, an extension: reads a file of devices.
//!
//! The handler passes the body on as it arrives, to a task of its own. So a client that leaves ends the
//! handler and not the task, which stores what has arrived. While a chunk is written, the next one is read
//! and checked on the work pool. The memory of an import is that of a few chunks, whatever its size.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

mod records;
mod row;
mod task;

use crate::http::State;
use crate::http::accepted::Accepted;
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::openapi::CreateErrors;
use crate::http::query::Query;
use crate::http::resources::device_imports::{DeviceImport, ImportAnswer};
use crate::model::id::DeviceImportId;
use crate::model::quoted::quoted_string;
use crate::store::device_imports::{self as store, NewImport};
pub(super) use records::COLUMNS;
use records::{Lines, Records, Rows};
use row::RowReader;
use task::{ImportTask, Piece};

/// Most imports of an account at a time.
const MAX_OF_ACCOUNT: i64 = 2;
/// Most imports of a process at a time.
const MAX_OF_PROCESS: usize = 4;
/// How long a client may send nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Pieces of a body that wait for the task. A piece is what the server reads at once, up to some 64 KiB.
const PIECES: usize = 4;

/// The imports of this process.
pub(crate) struct Imports(Arc<Semaphore>);

impl Default for Imports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_OF_PROCESS)))
    }
}

impl Imports {
    fn begin(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            ApiError::busy(format!(
                "This process already runs {MAX_OF_PROCESS} imports, which is the maximum"
            ))
        })
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

impl Format {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let text = |name| {
            let value = request.headers().get(name)?;
            let value = value.to_str().unwrap_or_default();
            let value = value.split(';').next().unwrap_or_default();
            Some(value.trim().to_ascii_lowercase())
        };

        if let Some(coding) = text(header::CONTENT_ENCODING).filter(|coding| coding != "identity") {
            return Err(ApiError::unsupported_media_type(format!(
                "The Content-Encoding of an import must be absent; got {}",
                quoted_string(&coding)
            )));
        }

        let media_type = text(header::CONTENT_TYPE);
        media_type
            .as_deref()
            .and_then(Self::named)
            .ok_or_else(|| {
                let given = media_type.as_deref().map_or("none".to_owned(), quoted_string);
                ApiError::unsupported_media_type(format!(
                    "The body must be NDJSON or CSV, with the header Content-Type: application/x-ndjson or \
                     text/csv; got {given}"
                ))
            })
    }

    fn named(media_type: &str) -> Option<Self> {
        match media_type {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Some(Self::Ndjson),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "NDJSON",
            Self::Csv => "CSV",
        }
    }

    fn records(self) -> Records {
        match self {
            Self::Ndjson => Records::Ndjson(Lines::default()),
            Self::Csv => Records::Csv(Box::<Rows>::default()),
        }
    }
}

/// Registers the devices of a file (extension): up to 1,000,000 rows, each with the fields of a
/// registration, as NDJSON or as CSV with a header line. They are stored as they arrive. The same file again
/// changes nothing.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/DeviceRegistrations/Import",
    operation_id = "importDevices",
    tag = "DeviceRegistrations",
    params(("appName" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$", description = "The App of rows that name none")),
    request_body(content(
        (String = "application/x-ndjson"),
        (String = "text/csv"),
    )),
    responses((status = 202, description = "Every row was read. `failed` counts those with an error", body = ImportAnswer), CreateErrors),
)]
pub(crate) async fn import(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let format = Format::of(&request)?;
    let mut query = Query::of(&request)?;
    let app_name = query.app_name();
    query.check()?;

    let Begun { id, permit } = begin(&request, &state, caller, format).await?;

    let (sender, receiver) = mpsc::channel(PIECES);
    let import = ImportTask {
        id,
        account_id: caller.account_id,
        pool: state.pool.clone(),
        work: state.work.clone(),
        account_limits: state.account_limits.clone(),
        records: format.records(),
        reader: RowReader {
            account_id: caller.account_id,
            app_name,
            keys: state.master_keys.clone(),
        },
    };
    let task = tokio::spawn(async move {
        let ended = import.run(receiver).await;
        // With the task, because the handler ends as soon as the client leaves.
        drop(permit);
        ended
    });

    pass_on(payload, sender).await;
    task.await
        .map_err(|_| ApiError::internal("an import ended with a panic"))??;

    let import = store::fetch(&state.pool, caller.account_id, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let accepted = Accepted::resource(&request, &state, "DeviceRegistrations/Imports", id);
    let answer = ImportAnswer::new(id, accepted.location.clone(), DeviceImport::from(import));
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, accepted.location))
        .json(answer))
}

/// An import that has begun.
struct Begun {
    id: DeviceImportId,
    /// Its place among those of this process.
    permit: OwnedSemaphorePermit,
}

/// Begins an import, unless too many of the account or of this process are running.
async fn begin(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
    format: Format,
) -> Result<Begun, ApiError> {
    let id = DeviceImportId::generate();
    let new = NewImport {
        id,
        account_id: caller.account_id,
        format: format.as_str(),
        most: MAX_OF_ACCOUNT,
    };

    // The event is recorded with the beginning: the rows are stored in many transactions, the first
    // before the last have arrived. An import that is refused leaves no event.
    audit::recorded(request, state, caller, async |connection| {
        // The account comes first: one import too many of an account must not take the place of
        // another account's.
        if !store::begin(connection, &new).await? {
            return Err(ApiError::too_many_imports(MAX_OF_ACCOUNT));
        }

        // An error ends the transaction: an import for which this process has no room leaves no
        // record.
        let permit = state.imports.begin()?;
        Ok(Begun { id, permit })
    })
    .await
}

/// Passes the body on as it arrives. If it does not arrive whole, the end is not passed on.
async fn pass_on(mut payload: web::Payload, sender: mpsc::Sender<Piece>) {
    loop {
        let piece = match timeout(LONGEST_PAUSE, payload.next()).await {
            Ok(Some(Ok(bytes))) => Piece::Bytes(bytes),
            Ok(None) => Piece::End,
            Ok(Some(Err(_))) | Err(_) => return,
        };

        let is_end = matches!(piece, Piece::End);
        // While the channel is full, nothing is read from the client's connection.
        // The task has ended early if it takes no more, and says why.
        if sender.send(piece).await.is_err() || is_end {
            return;
        }
    }
}
