//! Being there, on a cloud whose lists lag behind: a Describe right after a Create may find nothing for some seconds.

use cloudark_sdk::prelude::*;
use cloudark_sdk::wait::{AtMost, Every};

/// Create something, or adopt the one that we made, and wait until it can be seen: so that what comes next can refer
/// to it, and a delete finds it.
///
/// # Errors
/// What `find` and `create` fail with; `expired` if it never shows up.
pub fn ensure<T>(what: &str, find: impl Fn() -> Result<Option<T>>, create: impl Fn() -> Result<()>) -> Result<T> {
    let adopted = create_or_adopt(|| Ok(find()?.map(Some)), || create().map(|()| None))?;
    match adopted {
        Some(thing) => Ok(thing),
        None => wait::until(every(2.seconds()), at_most(5.minutes()), || match find()? {
            Some(thing) => ready(thing),
            None => pending(format!("the {what} is not visible yet")),
        }),
    }
}

/// Delete something that takes its time, and wait until it is gone. `status` is its state in the service's word, and
/// `delete` answers none where the service says that it is busy: it is looked at again then.
///
/// # Errors
/// What `find` and `delete` fail with; `expired` if it does not go.
pub fn remove<T>(
    what: &str,
    (every, at_most): (Every, AtMost),
    find: impl Fn() -> Result<Option<T>>,
    status: impl Fn(&T) -> &str,
    delete: impl Fn() -> Result<Option<Option<()>>>,
) -> Result<()> {
    if find_settled(&find)?.is_none() {
        return Ok(());
    }
    wait::until(every, at_most, || {
        let Some(thing) = find()? else { return ready(()) };
        if status(&thing).eq_ignore_ascii_case("deleting") {
            return pending(format!("{what} is deleting"));
        }
        match delete()? {
            Some(None) => ready(()),
            Some(Some(())) => pending(format!("{what} is deleting")),
            None => pending(format!("{what} is {}", status(&thing))),
        }
    })
}
