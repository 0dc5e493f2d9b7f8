//! What a request does with a field that may have no value.

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldChange<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field has no value any more.
    Clear,
    Set(T),
}

impl<T> FieldChange<T> {
    /// The change by a field that was read as `value`, or that is cleared.
    pub fn of(value: Option<T>, is_cleared: bool) -> Self {
        match value {
            Some(value) => Self::Set(value),
            None if is_cleared => Self::Clear,
            None => Self::Keep,
        }
    }

    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    pub fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    pub fn as_ref(&self) -> FieldChange<&T> {
        match self {
            Self::Keep => FieldChange::Keep,
            Self::Clear => FieldChange::Clear,
            Self::Set(value) => FieldChange::Set(value),
        }
    }
}
