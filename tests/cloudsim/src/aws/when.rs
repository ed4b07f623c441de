//! Times as the services write them.

use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

/// `2026-01-02T03:04:05.678Z`
pub fn iso(ms: u64) -> String {
    let at =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.format(format).unwrap_or_default()
}

/// Seconds since 1970 with three decimals, as the JSON services write it.
#[allow(clippy::cast_precision_loss)]
pub fn seconds(ms: u64) -> Value {
    json!(ms as f64 / 1000.0)
}
