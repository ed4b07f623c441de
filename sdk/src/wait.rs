//! Waiting for a cloud, durably and for nothing: between two looks the host holds no instance of the extension,
//! only a timer, and a wait goes on after a restart of the server.

use std::time::Duration;

use crate::bindings::operation::AttemptInfo;
use crate::duration::ms;
use crate::{Failure, FailureKind, Result, host};

/// How long to wait between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(pub Duration);

/// How long to wait altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost(pub Duration);

/// Look again after this long.
#[must_use]
pub const fn every(interval: Duration) -> Every {
    Every(interval)
}

/// Give up after this long: no wait is without a deadline.
#[must_use]
pub const fn at_most(limit: Duration) -> AtMost {
    AtMost(limit)
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// What was waited for.
    Ready(T),
    /// Not yet; and why not, for the user.
    Pending(String),
}

/// What was waited for is there.
///
/// # Errors
/// Never: it is a [`Result`] so that it can end a look.
pub fn ready<T>(thing: T) -> Result<Look<T>> {
    Ok(Look::Ready(thing))
}

/// Not yet. The note says what is waited for: `database is creating`.
///
/// # Errors
/// Never: it is a [`Result`] so that it can end a look.
pub fn pending<T>(note: impl Into<String>) -> Result<Look<T>> {
    Ok(Look::Pending(note.into()))
}

/// Look until it is [`ready`].
///
/// Looks at once, then after each interval. The extension must do the same calls on each run: between two looks
/// it is run again from its first line, and the host answers what it asked before from the journal.
///
/// ```
/// # use cloudark_sdk::prelude::*;
/// # let host = testing::Host::new();
/// # let mut states = vec!["available", "creating"];
/// # let mut describe = || -> Result<String> { Ok(states.pop().unwrap_or_default().to_owned()) };
/// let state = wait::until(every(15.seconds()), at_most(1.hours()), || match describe()?.as_str() {
///     "failed" => fail!(permanent, "the database reports a failure"),
///     "available" => ready("available"),
///     state => pending(format!("database is {state}")),
/// })?;
/// # assert_eq!(state, "available");
/// # Ok::<(), Failure>(())
/// ```
///
/// # Errors
/// `expired` once there was a look at or after the deadline, with the last note; and what a look fails with.
pub fn until<T>(every: Every, at_most: AtMost, mut look: impl FnMut() -> Result<Look<T>>) -> Result<T> {
    attempts(every, at_most, |_| look())
}

/// Wait for this long, durably: for clouds that say how long something takes and show nothing meanwhile.
///
/// # Errors
/// `cancelled`.
pub fn sleep(length: Duration, note: &str) -> Result<()> {
    attempts(every(length), at_most(length.saturating_mul(2)), |attempt| match attempt.count {
        0 | 1 => pending(note),
        _ => ready(()),
    })
}

/// As [`until`]; the look learns which attempt it is and what time it is.
pub(crate) fn attempts<T>(
    every: Every,
    at_most: AtMost,
    mut look: impl FnMut(&AttemptInfo) -> Result<Look<T>>,
) -> Result<T> {
    let mut last_note: Option<String> = None;
    loop {
        let attempt = host::attempt(ms(at_most.0))
            .map_err(|failure| with_note(Failure::from_wit(failure), last_note.as_deref()))?;
        match look(&attempt)? {
            Look::Ready(thing) => return Ok(thing),
            Look::Pending(note) => {
                host::suspend(attempt.id, ms(every.0), &note);
                // Only on replay of a wait whose body changed something, and in tests.
                last_note = Some(note);
            }
        }
    }
}

/// The host knows the last note of an expired wait and says it; where this run knows it too, it is not said
/// twice.
fn with_note(mut failure: Failure, note: Option<&str>) -> Failure {
    if let Some(note) = note
        && failure.kind == FailureKind::Expired
        && !failure.message.contains(note)
    {
        failure.message = format!("{}; last: {note}", failure.message);
    }
    failure
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::duration::Lengths;
    use crate::testing::Host;

    #[test]
    fn a_wait_looks_at_once() {
        let host = Host::new();
        assert_eq!(until(every(15.seconds()), at_most(1.hours()), || ready(7)).unwrap(), 7);
        assert_eq!(host.now_ms(), Host::START_MS);
    }

    #[test]
    fn a_wait_looks_again_after_each_interval() {
        let host = Host::new();
        let mut looks = 0;
        until(every(15.seconds()), at_most(1.hours()), || {
            looks += 1;
            if looks == 4 { ready(()) } else { pending(format!("look {looks}")) }
        })
        .unwrap();
        assert_eq!(host.notes(), ["look 1", "look 2", "look 3"]);
        assert_eq!(host.now_ms() - Host::START_MS, 45_000);
    }

    #[test]
    fn a_wait_that_expires_says_what_it_waited_for() {
        let host = Host::new();
        let failure = until::<()>(every(15.seconds()), at_most(1.minutes()), || pending("db is creating")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Expired);
        assert_eq!(failure.message.matches("db is creating").count(), 1, "{failure}");
        assert_eq!(host.notes().len(), 5, "one look is at the deadline");
    }

    #[test]
    fn waits_nest() {
        let host = Host::new();
        let mut groups = 3;
        until(every(10.seconds()), at_most(10.minutes()), || {
            let mut looks = 0;
            until(every(1.seconds()), at_most(1.minutes()), || {
                looks += 1;
                if looks == 3 { ready(()) } else { pending("inner") }
            })?;
            groups -= 1;
            if groups == 0 { ready(()) } else { pending("outer") }
        })
        .unwrap();
        assert_eq!(host.notes(), ["inner", "inner", "outer", "inner", "inner", "outer", "inner", "inner"]);
    }

    #[test]
    fn a_sleep_waits_once() {
        let host = Host::new();
        sleep(90.seconds(), "asleep").unwrap();
        assert_eq!(host.notes(), ["asleep"]);
        assert_eq!(host.now_ms() - Host::START_MS, 90_000);
    }

    #[test]
    fn a_cancelled_operation_stops_waiting() {
        let host = Host::new();
        let failure = until::<()>(every(1.seconds()), at_most(1.hours()), || {
            host.cancel();
            pending("for ever")
        })
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
    }
}
