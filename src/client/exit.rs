//! How a command ends: its exit code, and the line that says why it failed.

use std::io;

/// The exit codes, as `--help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// Some recipients got nothing, some of several changes failed, or some rows of a file.
    Partly = 3,
    /// `--timeout` has passed.
    TimedOut = 4,
    /// Bellwire can't be reached, or says that it is unavailable.
    Unavailable = 5,
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub exit: Exit,
    /// For people. Empty: nothing is to be said.
    pub message: String,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
        }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    pub(super) fn timed_out(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::TimedOut,
            message: message.into(),
        }
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Unavailable,
            message: message.into(),
        }
    }
}

impl From<io::Error> for Failure {
    /// The reader of the output has closed it, as `head` does after its last line. Anything else is
    /// a failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Done,
                message: String::new(),
            };
        }

        Self::failed(format!("the output can't be written: {error}"))
    }
}
