//! Times as users see them.

use crate::journal::Millis;

/// RFC 3339, to the second, UTC.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_default()
}
