//! What rendering one message may cost. It is counted while templates run, so a template may contain
//! anything, and still cannot run long or grow large.

use std::fmt;

/// Maximum bytes that the templates of one message render to. It is the largest payload that any
/// provider accepts: APNs' for a `voip` push.
pub(crate) const MAX_RENDERED: usize = 5120;
/// Most turns of all loops of a message.
pub(crate) const MAX_ITERATIONS: u32 = 1_000;
/// Most conditions that are evaluated: of `if`, `elsif`, `unless` and `when`.
pub(crate) const MAX_CONDITIONS: u32 = 1_000;
/// Largest value that a template may make on the way, in bytes; an element of an array counts as
/// [`ELEMENT`] bytes.
pub(crate) const MAX_INTERMEDIATE: usize = 16_384;
/// Most units of work. The costliest unit takes about 50 ns in a release build, so a message takes at
/// most 5 ms. A tag, a value, an operator or a filter takes 2 to 8 units, and so do four bytes each.
pub(crate) const MAX_WORK: u32 = 100_000;
/// What an element of an array counts for, in bytes.
const ELEMENT: usize = 16;
/// How deep values may nest where they are written or compared.
pub(super) const MAX_VALUE_DEPTH: usize = 64;

/// Why rendering stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The template can't be rendered with these variables: a sentence for the API user.
    Failed(String),
    /// The template cost more than this.
    Over(Limit),
    /// The template asked that the recipient gets nothing, for this reason.
    Skipped(String),
}

/// A part of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Iterations,
    Conditions,
    Intermediate,
    Output,
    Work,
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iterations => write!(
                formatter,
                "its loops take more than {MAX_ITERATIONS} turns, which is the limit for all \
                 templates of a message"
            ),
            Self::Conditions => write!(
                formatter,
                "it evaluates more than {MAX_CONDITIONS} conditions, which is the limit for all \
                 templates of a message"
            ),
            Self::Intermediate => write!(
                formatter,
                "an intermediate value is larger than {MAX_INTERMEDIATE} bytes"
            ),
            Self::Output => write!(
                formatter,
                "with the recipient's variables the message is longer than {MAX_RENDERED} bytes"
            ),
            Self::Work => write!(
                formatter,
                "it takes more than {MAX_WORK} units of work, which is the most for the templates of a message: \
                 use fewer loops and filters, or shorter variables"
            ),
        }
    }
}

impl Stop {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

/// What is left for the message.
#[derive(Debug)]
pub(super) struct Budget {
    iterations: u32,
    conditions: u32,
    work: u32,
    output: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            iterations: MAX_ITERATIONS,
            conditions: MAX_CONDITIONS,
            work: MAX_WORK,
            output: MAX_RENDERED,
        }
    }

    /// Takes `units` of work.
    pub(super) fn work(&mut self, units: usize) -> Result<(), Stop> {
        // Callers compute the units from lengths that templates and variables choose. What does not
        // fit in 32 bits is more than the budget, and must not wrap to a small number.
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.work = self
            .work
            .checked_sub(units)
            .ok_or(Stop::Over(Limit::Work))?;

        Ok(())
    }

    /// Takes the work of reading or writing this many bytes.
    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), Stop> {
        self.work(bytes / 4)
    }

    /// Takes the work of making a string of this many bytes, which must not be too large.
    pub(super) fn text(&mut self, bytes: usize) -> Result<(), Stop> {
        // Checked first: this error says what is too large, and that of an exhausted budget does
        // not.
        if bytes > MAX_INTERMEDIATE {
            return Err(Stop::Over(Limit::Intermediate));
        }

        self.bytes(bytes)
    }

    /// Takes the work of making an array of this many elements, which must not be too large.
    pub(super) fn array(&mut self, elements: usize) -> Result<(), Stop> {
        // A range that is too long asks for `usize::MAX` elements, which must not wrap.
        if elements.saturating_mul(ELEMENT) > MAX_INTERMEDIATE {
            return Err(Stop::Over(Limit::Intermediate));
        }

        self.work(elements)
    }

    pub(super) fn iteration(&mut self) -> Result<(), Stop> {
        self.iterations = self
            .iterations
            .checked_sub(1)
            .ok_or(Stop::Over(Limit::Iterations))?;

        Ok(())
    }

    pub(super) fn condition(&mut self) -> Result<(), Stop> {
        self.conditions = self
            .conditions
            .checked_sub(1)
            .ok_or(Stop::Over(Limit::Conditions))?;

        Ok(())
    }

    pub(super) fn output(&mut self, bytes: usize) -> Result<(), Stop> {
        self.output = self
            .output
            .checked_sub(bytes)
            .ok_or(Stop::Over(Limit::Output))?;

        Ok(())
    }
}
