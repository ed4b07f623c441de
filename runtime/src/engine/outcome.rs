//! What the end of a run means for its task. Pure.

use crate::journal::Millis;
use crate::sandbox::bindings::types::{Failure, FailureKind};
use crate::sandbox::{Interrupt, Returned, RunEnd};

/// How often a task is run again after passing faults, without progress in between.
#[derive(Debug, Clone, Copy)]
pub struct RetryLimits {
    /// A task that makes something.
    pub making: u32,
    /// A task that takes something away: about half an hour.
    pub taking_away: u32,
    /// The first pause, in milliseconds; each next is twice as long.
    pub first_ms: u64,
    /// The longest pause, in milliseconds.
    pub longest_ms: u64,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { making: 12, taking_away: 40, first_ms: 1_000, longest_ms: 60_000 }
    }
}

impl RetryLimits {
    /// The pause before the next run, in milliseconds, after this many faults. `jitter` is 0 to 1.
    #[must_use]
    pub fn pause_ms(&self, retries: u32, asked_s: Option<u32>, jitter: f64) -> u64 {
        let doubled = self.first_ms.saturating_mul(1 << retries.min(16)).min(self.longest_ms);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let jittered = (doubled as f64 * (0.5 + jitter.clamp(0.0, 1.0) / 2.0)) as u64;
        // What the other side asks for counts, up to ten minutes.
        jittered.max(u64::from(asked_s.unwrap_or(0).min(600)) * 1_000)
    }
}

/// What becomes of a task.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, with this result.
    Done(Returned),
    /// It ends with an error.
    Failed {
        /// The failure's kind.
        kind: &'static str,
        /// The message.
        message: String,
    },
    /// It runs again at this time; what it waits for.
    Sleep {
        /// In logical time.
        wake_at: Millis,
        /// Milliseconds of logical time until then.
        after_ms: u64,
        /// For the tree.
        note: String,
    },
    /// It runs again after a pause: a passing fault.
    Retry {
        /// Milliseconds of logical time.
        after_ms: u64,
        /// For the tree.
        note: String,
    },
    /// It goes on when its calls have ended.
    Parked(crate::host::parked::ParkedCalls),
    /// The store takes no writes: the same run again, soon.
    StoreFault(String),
}

/// The name of a failure's kind.
#[must_use]
pub fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid => "invalid",
        FailureKind::Denied => "denied",
        FailureKind::NotFound => "not-found",
        FailureKind::Conflict => "conflict",
        FailureKind::RateLimited => "rate-limited",
        FailureKind::Transient => "transient",
        FailureKind::Permanent => "permanent",
        FailureKind::Cancelled => "cancelled",
        FailureKind::Expired => "expired",
        FailureKind::OutcomeUnknown => "outcome-unknown",
    }
}

/// What the end of a run means, after `retries` passing faults without progress.
#[must_use]
pub fn outcome(end: RunEnd, retries: u32, takes_away: bool, limits: &RetryLimits, jitter: f64) -> Outcome {
    let most = if takes_away { limits.taking_away } else { limits.making };
    let again = |kind: &'static str, reason: String, asked_s: Option<u32>| {
        if retries >= most {
            return Outcome::Failed { kind, message: format!("{reason} (given up after {retries} retries)") };
        }
        Outcome::Retry { after_ms: limits.pause_ms(retries, asked_s, jitter), note: reason }
    };
    match end {
        RunEnd::Returned(returned) => Outcome::Done(returned),
        RunEnd::Failed(Failure { kind, message, pointer, retry_after_s }) => match kind {
            FailureKind::Transient | FailureKind::RateLimited => again(kind_name(kind), message, retry_after_s),
            _ => {
                let message = match pointer {
                    Some(pointer) => format!("{message} (at {pointer} of its configuration)"),
                    None => message,
                };
                Outcome::Failed { kind: kind_name(kind), message }
            }
        },
        RunEnd::Interrupted(interrupt) => match interrupt {
            Interrupt::Suspended { wake_at, after_ms, note } => Outcome::Sleep { wake_at, after_ms, note },
            Interrupt::Parked(calls) => Outcome::Parked(calls),
            Interrupt::Retry { reason, retry_after_s } => again("transient", reason, retry_after_s),
            Interrupt::Store(reason) => Outcome::StoreFault(reason),
            Interrupt::Journal(message) => Outcome::Failed { kind: "journal", message },
            Interrupt::Limit(hit) => {
                Outcome::Failed { kind: "limit", message: format!("the extension was stopped: {hit}") }
            }
        },
        RunEnd::Trapped(message) => {
            Outcome::Failed { kind: "trap", message: format!("the extension crashed: {message}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_bound_and_heed_what_the_cloud_asks() {
        let limits = RetryLimits::default();
        assert_eq!(limits.pause_ms(0, None, 1.0), 1_000);
        assert_eq!(limits.pause_ms(3, None, 0.0), 4_000);
        assert_eq!(limits.pause_ms(30, None, 1.0), 60_000);
        assert_eq!(limits.pause_ms(0, Some(90), 0.0), 90_000);
        assert_eq!(limits.pause_ms(0, Some(100_000), 0.0), 600_000);
    }

    #[test]
    fn passing_faults_end_a_task_only_when_they_do_not_pass() {
        let limits = RetryLimits::default();
        let fault = || {
            RunEnd::Failed(Failure {
                kind: FailureKind::Transient,
                message: "503".to_owned(),
                pointer: None,
                retry_after_s: None,
            })
        };
        assert!(matches!(outcome(fault(), limits.making - 1, false, &limits, 0.0), Outcome::Retry { .. }));
        assert!(matches!(outcome(fault(), limits.making, true, &limits, 0.0), Outcome::Retry { .. }));
        assert!(matches!(
            outcome(fault(), limits.making, false, &limits, 0.0),
            Outcome::Failed { kind: "transient", .. }
        ));
    }
}
