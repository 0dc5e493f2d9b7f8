//! Columns of many rows, for statements that read rows from an array for each column by `unnest`.

/// An array for `column`: empty if every value is null. `unnest` fills the shorter of its arrays with
/// nulls, so the rows are the same, and neither this process nor Postgres handles the nulls one by one.
/// Another array of the same `unnest` must have an element for each row.
pub(super) fn sparse<T>(column: &[Option<T>]) -> &[Option<T>] {
    if column.iter().all(Option::is_none) {
        return &[];
    }

    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_left_out_only_if_all_of_it_is_null() {
        assert_eq!(sparse::<i32>(&[None, None]), []);
        assert_eq!(sparse(&[None, Some(1)]), [None, Some(1)]);
    }
}
