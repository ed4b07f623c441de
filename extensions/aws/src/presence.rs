//! Being there, on a cloud whose lists lag behind: a Describe right after a Create may find nothing for some seconds.

use cloudark_sdk::prelude::*;

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
