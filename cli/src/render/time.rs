//! Times and durations, as people read and write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use ::time::macros::format_description;

/// Milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `2.1s`, `3m 04s`, `1h 02m`.
#[must_use]
pub fn elapsed(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", (ms % 1000) / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, (seconds % 3600) / 60),
    }
}

/// How long ago an RFC 3339 time was: `12s ago`, `3m ago`, `2h ago`, `5d ago`; the text itself if it is no time.
#[must_use]
pub fn ago(rfc3339: &str, now_ms: u64) -> String {
    let Some(then) = parse_ms(rfc3339) else {
        return rfc3339.to_owned();
    };
    let seconds = now_ms.saturating_sub(then) / 1000;
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86400),
    }
}

/// An RFC 3339 time in milliseconds since the epoch.
#[must_use]
pub fn parse_ms(rfc3339: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(rfc3339, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

/// `2026-01-31 15:04:05.123Z`.
#[must_use]
pub fn stamp(ms: u64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| ms.to_string())
}

/// An RFC 3339 time without fractions: `2026-01-31 15:04:05Z`; the text itself if it is no time.
#[must_use]
pub fn moment(rfc3339: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::parse(rfc3339, &Rfc3339)
        .ok()
        .and_then(|time| time.to_offset(::time::UtcOffset::UTC).format(format).ok())
        .unwrap_or_else(|| rfc3339.to_owned())
}

/// Reads `90`, `90s`, `10m`, `2h`, `1d` or several of them (`1h30m`).
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("\"{text}\" is no duration: write 90s, 10m, 2h, 1d or 1h30m");
    let mut total: u64 = 0;
    let mut digits = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return Err(expected()),
        };
        let count: u64 = digits.parse().map_err(|_| expected())?;
        total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(expected)?;
        digits.clear();
    }
    if !digits.is_empty() {
        let seconds: u64 = digits.parse().map_err(|_| expected())?;
        total = total.checked_add(seconds).ok_or_else(expected)?;
    } else if text.is_empty() {
        return Err(expected());
    }
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_people() {
        assert_eq!(elapsed(0), "0.0s");
        assert_eq!(elapsed(2_149), "2.1s");
        assert_eq!(elapsed(184_000), "3m 04s");
        assert_eq!(elapsed(3_720_000), "1h 02m");
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "m", "10x", "-5m", "99999999999999999999s", "9999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_told_from_now() {
        let now = parse_ms("2026-01-31T15:04:05Z").unwrap();
        assert_eq!(ago("2026-01-31T15:03:50Z", now), "15s ago");
        assert_eq!(ago("2026-01-29T15:03:50.5Z", now), "2d ago");
        assert_eq!(ago("soon", now), "soon");
        assert_eq!(stamp(now), "2026-01-31 15:04:05.000Z");
        assert_eq!(moment("2026-01-31T16:04:05.9+01:00"), "2026-01-31 15:04:05Z");
    }
}
