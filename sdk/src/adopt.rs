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
            Err(failure) if failure.kind == FailureKind::Conflict => {
                return look_until_visible(&mut find, failure);
            }
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
            pending("looking whether an earlier call took effect")
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::cell::Cell;

    use serde_json::{Value, json};

    use super::*;
    use crate::http::Request;
    use crate::testing::{Answer, Host, Sent};

    const URL: &str = "http://127.0.0.1:7070/things";

    fn find() -> Result<Option<Value>> {
        let found = Request::get(format!("{URL}/a")).send()?.found("looking")?;
        let Some(found) = found else { return Ok(None) };
        let thing: Value = found.json()?;
        match thing.get("ours").and_then(Value::as_bool) {
            Some(true) => Ok(Some(thing)),
            _ => Err(Failure::conflict("a is there, and it is not ours")),
        }
    }

    fn create() -> Result<Value> {
        Request::post(URL).json(&json!({ "name": "a" })).send()?.success("creating a")?.json()
    }

    fn ours() -> Answer {
        Answer::json(200, &json!({ "ours": true }))
    }

    fn absent() -> Answer {
        Answer::new(404, "")
    }

    fn creates(host: &Host) -> usize {
        host.calls().iter().filter(|call| call.starts_with("POST")).count()
    }

    #[test]
    fn what_is_there_and_ours_is_adopted() {
        let host = Host::new();
        host.script("GET", "/things/a", [ours()]);
        create_or_adopt(find, create).unwrap();
        assert_eq!(host.calls(), ["GET /things/a"]);
    }

    #[test]
    fn what_is_there_and_not_ours_is_a_conflict() {
        let host = Host::new();
        host.script("GET", "/things/a", [Answer::json(200, &json!({}))]);
        assert_eq!(create_or_adopt(find, create).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!(creates(&host), 0);
    }

    #[test]
    fn what_is_not_there_is_created_once() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent()]);
        host.script("POST", "/things", [Answer::json(201, &json!({ "ours": true }))]);
        create_or_adopt(find, create).unwrap();
        assert_eq!(host.calls(), ["GET /things/a", "POST /things"]);
        assert!(host.notes().is_empty());
    }

    #[test]
    fn a_lost_create_that_took_effect_is_adopted_as_soon_as_it_shows() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent(), absent(), absent(), ours()]);
        host.script("POST", "/things", [Answer::lost(180_000)]);
        create_or_adopt(find, create).unwrap();
        assert_eq!(creates(&host), 1);
        assert_eq!(host.now_ms() - Host::START_MS, 10_000);
    }

    #[test]
    fn a_lost_create_is_not_repeated_before_it_has_settled() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent()]);
        let posted_at = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let posts = posted_at.clone();
        let mut answers = vec![ours(), Answer::lost(180_000)];
        host.on("POST", "/things", move |sent: &Sent| {
            posts.borrow_mut().push(sent.at_ms);
            answers.pop().unwrap()
        });
        create_or_adopt(find, create).unwrap();
        let posted_at = posted_at.borrow();
        assert_eq!(posted_at.len(), 2);
        assert!(posted_at[1] - posted_at[0] >= 180_000, "{posted_at:?}");
    }

    #[test]
    fn a_create_that_is_lost_each_time_ends_as_unknown() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent()]);
        host.script("POST", "/things", [Answer::lost(60_000)]);
        assert_eq!(create_or_adopt(find, create).unwrap_err().kind, FailureKind::OutcomeUnknown);
        assert_eq!(creates(&host), MOST_CREATES);
    }

    #[test]
    fn exists_already_leads_to_looking_until_it_shows() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent(), absent(), ours()]);
        host.script("POST", "/things", [Answer::new(409, "a exists")]);
        create_or_adopt(find, create).unwrap();
        assert_eq!(creates(&host), 1);
    }

    #[test]
    fn exists_already_but_nothing_of_ours_is_a_conflict_in_the_clouds_words() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent()]);
        host.script("POST", "/things", [Answer::new(409, "a exists")]);
        let failure = create_or_adopt(find, create).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Conflict);
        assert!(failure.message.contains("a exists"), "{failure}");
        assert!(host.now_ms() - Host::START_MS >= 120_000);
    }

    #[test]
    fn a_call_that_an_earlier_task_lost_is_waited_out_first() {
        let host = Host::new();
        host.unsettled_until(Host::START_MS + 60_000);
        host.script("GET", "/things/a", [absent()]);
        host.script("POST", "/things", [ours()]);
        create_or_adopt(find, create).unwrap();
        assert!(host.now_ms() - Host::START_MS >= 60_000);
        assert_eq!(creates(&host), 1);
    }

    #[test]
    fn a_delete_finds_what_a_lost_call_makes_late() {
        let host = Host::new();
        host.unsettled_until(Host::START_MS + 60_000);
        host.script("GET", "/things/a", [absent(), absent(), ours()]);
        assert!(find_settled(find).unwrap().is_some());
    }

    #[test]
    fn a_refusal_is_handed_on_at_once() {
        let host = Host::new();
        host.script("GET", "/things/a", [absent()]);
        host.script("POST", "/things", [Answer::new(400, "no such size")]);
        let tries = Cell::new(0);
        let failure = create_or_adopt(find, || {
            tries.set(tries.get() + 1);
            create()
        })
        .unwrap_err();
        assert_eq!((failure.kind, tries.get()), (FailureKind::Invalid, 1));
    }
}
