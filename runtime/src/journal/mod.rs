//! Durable host calls: what lets straight-line extension code survive a crash at any instant.
//!
//! Every host call of a task takes the next entry of that task's journal: the request as the extension gave
//! it, its [`Effect`], and later its result. When a task runs again it runs from its first line, and the
//! host answers from the journal for as long as there are entries: in microseconds it is where it was. The
//! world is only asked where the journal ends.
//!
//! Three files, each one idea:
//!
//! - [`entry`]: what an entry is, and which entries may ever be removed;
//! - [`replay`]: the rules, as pure functions over a [`Journal`] in memory: what a call is answered with,
//!   how a wait comes back to its mark, what a retry cuts, how time goes;
//! - [`durable`]: the same journal on a store: no mutation is sent before its intent is durable, no result
//!   is seen before it is durable, and only the holder of a task's lease can append.
//!
//! # What it guarantees
//!
//! 1. *Replay*: any prefix of a journal answers the same calls in the same way; a call that differs from its
//!    entry is a determinism error and nothing is sent.
//! 2. *Removal*: an entry is removed only if it is a read, a note, or a mutation whose recorded result
//!    proves that it was not performed, and only from the end.
//! 3. *Once*: a call with [`Effect::Once`] is never sent twice; when its result is lost the extension is told
//!    so, with the time by which the call will have settled.
//! 4. *Time* is logical and never goes back; a wait's deadline survives every cut that keeps its mark.

pub mod durable;
pub mod entry;
#[cfg(test)]
mod properties;
pub mod replay;

pub use durable::{DurableError, DurableJournal};
pub use entry::{Attempt, Body, Call, Effect, Entry, Millis, Note, Proof, Slept, State};
pub use replay::{Answer, AttemptAnswer, Journal, JournalError, Suspension};
