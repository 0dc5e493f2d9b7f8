//! The providers' codes of errors, as users name them in filters.

/// FCM's and APNs' codes of a dead token, which differ by their letters' case alone.
const DIFFER_BY_CASE: [&str; 2] = ["UNREGISTERED", "Unregistered"];

/// Whether `code` is one provider's, and another provider's in another letter case.
pub(crate) fn differs_by_case(code: &str) -> bool {
    DIFFER_BY_CASE.contains(&code)
}
