//! Creating things without ever making two of them.

use std::cell::Cell;
use std::time::Duration;

use crate::wait::{self, at_most, every, pending, ready};
use crate::{Failure, FailureKind, Result};

/// How long to wait between two looks for a thing that may come to be. The host scales it with its own times.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The longest that calls take to settle: far more than the host's request timeout and consistency window
/// (60 s + 120 s by default), because an operator can raise both.
const SETTLES_WITHIN: Duration = Duration::from_secs(30 * 60);

/// How long a thing whose name is taken may stay invisible: the consistency window of the slowest cloud APIs.
const VISIBLE_WITHIN: Duration = Duration::from_secs(120);

/// How often to create anew what was lost each time.
const MOST_CREATES: usize = 4;

thread_local! {
    /// When the last of the unsettled calls of earlier tasks of this piece settles.
    static UNSETTLED_UNTIL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Remember, for the calls of this run, until when "not found" proves nothing.
pub(crate) fn set_unsettled_until(ms: Option<u64>) {
    UNSETTLED_UNTIL.set(ms);
}

/// Find our thing, or create it: the one way to create.
///
/// `find` answers our thing; none if there is none; `conflict` if there is one that is not ours (see
/// [`Context::owns`](crate::Context::owns)). `create` makes it, with the ownership mark *in* the call, and fails
/// with `conflict` when the cloud says that it exists already.
///
/// - Where a call of this, or of an earlier task of the piece may still take effect (its outcome is unknown),
///   "not found" proves nothing: this waits, durably, and looks again until it settles, before it creates again.
/// - "Already exists" leads to looking, because lists lag behind; it is a conflict only if nothing of ours shows
///   up.
///
/// ```
/// # use cloudark_sdk::prelude::*;
/// # let host = testing::Host::new();
/// # let find = || -> Result<Option<u8>> { Ok(None) };
/// # let create = || -> Result<u8> { Ok(7) };
/// let group = create_or_adopt(find, create)?;
/// # assert_eq!(group, 7);
/// # Ok::<(), Failure>(())
/// ```
///
/// # Errors
/// What `find` and `create` fail with; `outcome-unknown` when the call was lost again and again.
pub fn create_or_adopt<T>(
    mut find: impl FnMut() -> Result<Option<T>>,
    mut create: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut unsettled = earlier();
    let mut lost = Failure::outcome_unknown("the call that creates was never sent");
    for _ in 0..MOST_CREATES {
        let found = match unsettled {
            Some(settling) => look_until_settled(&mut find, settling)?,
            None => find()?,
        };
        if let Some(thing) = found {
            return Ok(thing);
        }
        match create() {
            Err(failure) if failure.kind == FailureKind::OutcomeUnknown => {
                unsettled = Some(failure.settles_at_ms.map_or(Settling::Within, Settling::By));
                lost = failure;
            }
            Err(failure) if failure.kind == FailureKind::Conflict => return look_until_visible(&mut find, failure),
            done => return done,
        }
    }
    Err(lost)
}

/// Find our thing, in a delete: as [`create_or_adopt`] does, so that a thing that a lost call of an earlier task is
/// about to make is not missed. None is proof that there is none, and never will be.
///
/// # Errors
/// What `find` fails with.
pub fn find_settled<T>(mut find: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    match earlier() {
        Some(settling) => look_until_settled(&mut find, settling),
        None => find(),
    }
}

/// Calls of earlier tasks of the piece that may still take effect.
fn earlier() -> Option<Settling> {
    UNSETTLED_UNTIL.get().map(Settling::By)
}

/// When a lost call can no longer take effect.
#[derive(Clone, Copy)]
enum Settling {
    /// At this time, in milliseconds since the epoch.
    By(u64),
    /// Nobody said: after [`VISIBLE_WITHIN`] twice over.
    Within,
}

/// Look for our thing until a lost call has settled; none if it never took effect.
fn look_until_settled<T>(find: &mut impl FnMut() -> Result<Option<T>>, settling: Settling) -> Result<Option<T>> {
    wait::attempts(every(LOOK_EVERY), at_most(SETTLES_WITHIN), |attempt| {
        let found = find()?;
        let settled_at = match settling {
            Settling::By(ms) => ms,
            Settling::Within => attempt.first_start_ms.saturating_add(2 * crate::duration::ms(VISIBLE_WITHIN)),
        };
        if found.is_some() || attempt.now_ms >= settled_at {
            ready(found)
        } else {
            pending("a call was lost on its way: looking whether it took effect")
        }
    })
}

/// Look for our thing that the cloud says exists; the cloud's own words if nothing of ours shows up.
fn look_until_visible<T>(find: &mut impl FnMut() -> Result<Option<T>>, exists: Failure) -> Result<T> {
    let found = wait::until(every(LOOK_EVERY), at_most(VISIBLE_WITHIN), || match find()? {
        Some(thing) => ready(thing),
        None => pending("it exists already: looking whether it is ours"),
    });
    match found {
        Err(failure) if failure.kind == FailureKind::Expired => Err(exists),
        found => found,
    }
}
