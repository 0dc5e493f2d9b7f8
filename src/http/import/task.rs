//! Reads the pieces of a file, checks its rows and stores them, chunk by chunk.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::http::account_limits::AccountLimits;
use crate::http::error::ApiError;
use crate::http::import::records::{BadHeader, Record, Records};
use crate::http::import::row::RowReader;
use crate::model::device_import::{ImportRow, ImportStatus, MAX_ROWS, RowError};
use crate::model::id::{AccountId, DeviceImportId};
use crate::store::device_import::{self, Chunk};
use crate::store::device_imports as store;
use crate::store::pool::Pool;
use crate::work_pool::WorkPool;

/// Bytes that are read and checked together.
const PART: usize = 256 * 1024;
/// How long rows that have arrived wait for more.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// Most rows of a chunk. While it is written, other changes of the account's Users wait.
const MAX_CHUNK: usize = 1_000;

/// A piece of the file.
pub(super) enum Piece {
    Bytes(Bytes),
    /// The file is complete.
    End,
}

pub(super) struct ImportTask {
    pub id: DeviceImportId,
    pub account_id: AccountId,
    pub pool: Pool,
    pub work: WorkPool,
    pub account_limits: AccountLimits,
    pub records: Records,
    pub reader: RowReader,
}

/// Pieces that arrived together.
struct Part {
    bytes: Vec<Bytes>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// The client has left, or sent nothing for too long.
    Interrupted,
}

/// What reads rows. It is handed to the work pool and back.
struct Parser {
    records: Records,
    reader: RowReader,
    /// Rows that were read.
    rows: u32,
}

/// Why an import ends before its end.
enum Failure {
    BadHeader(String),
    TooManyRows,
    /// The database, or a limit of the account.
    Refused(ApiError),
}

impl From<BadHeader> for Failure {
    fn from(BadHeader(message): BadHeader) -> Self {
        Self::BadHeader(message)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Failure {
    fn message(&self) -> String {
        match self {
            Self::BadHeader(message) => message.clone(),
            Self::TooManyRows => too_many_rows(),
            Self::Refused(error) => error.to_string(),
        }
    }

    fn into_error(self) -> ApiError {
        match self {
            Self::BadHeader(message) => ApiError::invalid_field("", message),
            Self::TooManyRows => ApiError::too_many_rows(too_many_rows()),
            Self::Refused(error) => error,
        }
    }
}

fn too_many_rows() -> String {
    format!(
        "An import has at most {MAX_ROWS} rows. These are stored; send the rest in another import"
    )
}

impl ImportTask {
    /// Runs the import to its end, and notes how it ended.
    pub(super) async fn run(self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), ApiError> {
        let id = self.id;
        let pool = self.pool.clone();

        let (status, error, answer) = match self.read_all(&mut pieces).await {
            Ok(End::Complete) => (ImportStatus::Completed, None, Ok(())),
            Ok(End::Interrupted) => {
                let error = "The client disconnected before the end of the file, or sent nothing for too long";
                let answer = Err(ApiError::invalid_field("", "the body is incomplete"));
                (ImportStatus::Interrupted, Some(error.to_owned()), answer)
            }
            Err(failure) => {
                let message = failure.message();
                (
                    ImportStatus::Failed,
                    Some(message),
                    Err(failure.into_error()),
                )
            }
        };
        // From here on, the handler passes nothing on.
        drop(pieces);

        store::end(&pool, id, status, error.as_deref()).await?;
        answer
    }

    async fn read_all(self, pieces: &mut mpsc::Receiver<Piece>) -> Result<End, Failure> {
        let Self {
            id,
            account_id,
            pool,
            work,
            account_limits,
            records,
            reader,
        } = self;
        let writer = Writer {
            account_id,
            pool,
            account_limits,
        };
        let mut parser = Parser {
            records,
            reader,
            rows: 0,
        };
        let mut read: Vec<Chunk> = Vec::new();

        loop {
            let parse = async {
                let part = next_part(pieces).await;
                let end = part.end;
                let parsed = work.run(account_id, move || {
                    let chunks = parser.parse(part, id, account_id);
                    (parser, chunks)
                });
                (end, parsed.await)
            };
            // What was read before is written meanwhile.
            let ((end, parsed), written) =
                tokio::join!(parse, writer.write(std::mem::take(&mut read)));
            // A refused write ends the import here: what was parsed meanwhile is not stored.
            written?;
            let (next, chunks) =
                parsed.map_err(|error| Failure::Refused(ApiError::internal(error)))?;
            parser = next;

            let (chunks, failure) = chunks;
            read = chunks;
            if end.is_some() || failure.is_some() {
                // Also after a failure: the error says that the rows before it are stored.
                writer.write(read).await?;

                return match (failure, end) {
                    (Some(failure), _) => Err(failure),
                    (None, end) => Ok(end.unwrap_or(End::Interrupted)),
                };
            }
        }
    }
}

/// What has arrived by now, or arrives within a moment.
async fn next_part(pieces: &mut mpsc::Receiver<Piece>) -> Part {
    let mut part = Part {
        bytes: Vec::new(),
        end: None,
    };
    let mut length = 0;
    let mut until = None;

    while length < PART {
        let piece = match until {
            None => pieces.recv().await,
            Some(until) => match timeout_at(until, pieces.recv()).await {
                Ok(piece) => piece,
                Err(_) => break,
            },
        };

        match piece {
            Some(Piece::Bytes(bytes)) => {
                length += bytes.len();
                part.bytes.push(bytes);
                // Counted from the first piece, so that the rows of a slow client are also stored soon.
                until.get_or_insert_with(|| Instant::now() + LONGEST_WAIT);
            }
            Some(Piece::End) => {
                part.end = Some(End::Complete);
                break;
            }
            // The client has disconnected before the end of the file.
            None => {
                part.end = Some(End::Interrupted);
                break;
            }
        }
    }

    part
}

impl Parser {
    /// Reads the rows of a part, in chunks.
    fn parse(
        &mut self,
        part: Part,
        import_id: DeviceImportId,
        account_id: AccountId,
    ) -> (Vec<Chunk>, Option<Failure>) {
        let mut records = Vec::new();
        let mut failure = None;

        for bytes in part.bytes {
            if let Err(error) = self.records.push(&bytes, &mut records) {
                return (Vec::new(), Some(error.into()));
            }
        }
        // The beginning of a row that did not arrive whole is no row.
        if part.end == Some(End::Complete)
            && let Err(error) = self.records.end(&mut records)
        {
            return (Vec::new(), Some(error.into()));
        }

        let room = MAX_ROWS.saturating_sub(self.rows) as usize;
        if records.len() > room {
            records.truncate(room);
            failure = Some(Failure::TooManyRows);
        }
        self.rows += records.len() as u32;

        let mut chunks = Vec::new();
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let chunk: Vec<Record> = records.by_ref().take(MAX_CHUNK).collect();
            chunks.push(self.chunk(chunk, import_id, account_id));
        }
        (chunks, failure)
    }

    fn chunk(
        &self,
        records: Vec<Record>,
        import_id: DeviceImportId,
        account_id: AccountId,
    ) -> Chunk {
        let last_line = records.last().map_or(0, |record| record.line);
        let mut rows: Vec<ImportRow> = Vec::with_capacity(records.len());
        let mut errors: Vec<RowError> = Vec::new();

        for record in records {
            match self.reader.read(record) {
                Ok(row) => rows.push(row),
                Err(error) => errors.push(error),
            }
        }

        Chunk {
            import_id,
            account_id,
            rows,
            errors,
            last_line,
        }
    }
}

struct Writer {
    account_id: AccountId,
    pool: Pool,
    account_limits: AccountLimits,
}

impl Writer {
    async fn write(&self, chunks: Vec<Chunk>) -> Result<(), Failure> {
        for chunk in chunks {
            let stored = device_import::store(&self.pool, &chunk).await?;

            // Counted when they are stored: a chunk more than the limit may be there.
            let users = stored.new_users as u64;
            let devices = stored.counts.created as u64;
            self.account_limits
                .check_imported(self.account_id, users, devices)
                .await
                .map_err(Failure::Refused)?;
        }

        Ok(())
    }
}
