//! Durable host calls: what lets straight-line extension code survive a crash at any instant.
//!
//! Every host call of a task takes the next entry of that task's journal: the request as the extension gave
//! it, its [`Effect`], and later its result. When a task runs again it runs from its first line, and the
//! host answers from the journal for as long as there are entries: in microseconds it is where it was. The
//! world is only asked where the journal ends.
//!
//! | file | idea |
//! | --- | --- |
//! | [`entry`] | what an entry is, and which entries may ever be removed |
//! | [`replay`] | the rules, as pure functions over a [`Journal`] in memory: what a call is answered with |
//! | `replay/wait` | how a wait comes back to its mark, what a retry removes, when a deadline fires |
//! | `replay/once` | what keeps a call from being sent twice |
//! | `replay/rehearsal` | the journal of an ended task, that another version of its extension is held to |
//! | [`durable`] | the same journal on a store: who may write, and in which order |
//! | [`archive`] | the journals of tasks that have ended: packed, and read again |
//! | `properties` | guests of all kinds in a world where everything goes wrong, against the promises below |
//!
//! # What it guarantees
//!
//! 1. *Order*: no call that changes the world is sent before its intent is durable, also when it is sent again; no
//!    result of one is seen before it is durable; only the holder of the task's lease writes.
//! 2. *Replay*: any prefix of a journal answers the same calls in the same way, and shows the same times; a call
//!    that differs from its entry is a determinism error, and nothing is sent.
//! 3. *Removal*: an entry is removed only if it is a read, a note, or a mutation whose recorded result
//!    proves that it was never performed, and only from the end.
//! 4. *Once*: a call with [`Effect::Once`] whose result is lost is not sent again by a replay. The extension is told,
//!    with the time by which the call will have settled; the same call is refused until then, and until something
//!    was looked at after it.
//! 5. *Time* is logical and never goes back. A wait's deadline survives every cut that keeps its mark, and a wait
//!    ends: one look that began at or after the deadline is had, and then it expires.

pub mod archive;
pub mod durable;
pub mod entry;
#[cfg(test)]
mod properties;
pub mod replay;

pub use durable::{DurableError, DurableJournal};
pub use entry::{Attempt, Body, Call, Effect, Entry, Millis, Note, Proof, Slept, State};
pub use replay::{Answer, AttemptAnswer, Departure, Journal, JournalError, Suspension};
