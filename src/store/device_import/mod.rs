//! Importing devices: a chunk of rows is read, decided on ([`plan`]) and written by a few statements with an
//! array for each column, in one transaction that also notes the progress. So a chunk is stored as a whole
//! or not at all, and the import says up to which line everything is.
//!
//! A chunk keeps other changes of the account's Users and devices out while it is written: to lock each
//! token and external id, as a registration does, would take thousands of locks. The removal of dead
//! tokens is not kept out, so a chunk may find a row gone; then it is tried again.

use sqlx::PgConnection;

use crate::model::device_import::{ImportRow, RowCounts, RowError};
use crate::model::id::{AccountId, DeviceImportId};
use crate::store::device_import::plan::plan;
use crate::store::device_imports::{self, Progress};
use crate::store::device_owners::lock_out_changes;
use crate::store::device_registrations::MAX_DEVICES;
use crate::store::pool::Pool;

mod plan;
mod read;
mod write;

/// How often a chunk is tried that meets another change.
const ATTEMPTS: usize = 3;
/// SQLSTATEs of a chunk that met another change: a foreign key, a unique key, a serialization failure, a
/// deadlock.
const CONFLICTS: [&str; 4] = ["23503", "23505", "40001", "40P01"];

/// Rows that are stored together.
pub(crate) struct Chunk {
    pub import_id: DeviceImportId,
    pub account_id: AccountId,
    pub rows: Vec<ImportRow>,
    /// Rows that can't be read.
    pub errors: Vec<RowError>,
    /// The last line of the chunk.
    pub last_line: i32,
}

/// What a chunk has added and changed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stored {
    pub counts: RowCounts,
    pub new_users: usize,
}

/// Stores a chunk and notes the progress of its import.
pub(crate) async fn store(pool: &Pool, chunk: &Chunk) -> sqlx::Result<Stored> {
    let mut attempt = 1;

    loop {
        let stored = pool
            .transaction(async |connection: &mut PgConnection| store_in(connection, chunk).await)
            .await;

        // The next attempt reads what the other change has left.
        match stored {
            Err(error) if attempt < ATTEMPTS && is_conflict(&error) => attempt += 1,
            stored => return stored,
        }
    }
}

fn is_conflict(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| CONFLICTS.contains(&code.as_ref())),
        // A device that was read is gone.
        sqlx::Error::RowNotFound => true,
        _ => false,
    }
}

async fn store_in(connection: &mut PgConnection, chunk: &Chunk) -> sqlx::Result<Stored> {
    let Chunk {
        import_id,
        account_id,
        rows,
        errors,
        last_line,
    } = chunk;

    // First: what is read next must be the same when the plan is written.
    lock_out_changes(&mut *connection, *account_id).await?;
    let stored = read::stored(&mut *connection, *account_id, rows).await?;
    let plan = plan(rows, stored, MAX_DEVICES);
    write::write(&mut *connection, *account_id, &plan).await?;

    // Lines that could not be read are no rows of the plan, and count here.
    let mut counts = plan.counts;
    counts.failed += errors.len() as i32;
    let errors: Vec<&RowError> = errors.iter().chain(&plan.errors).collect();
    let progress = Progress {
        id: *import_id,
        counts,
        last_line: *last_line,
        errors: &errors,
    };
    // In the transaction of the rows: after a crash the import says exactly which lines are stored.
    device_imports::note_progress(connection, &progress).await?;

    Ok(Stored {
        counts,
        new_users: plan.new_users.len(),
    })
}
