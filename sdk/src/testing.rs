//! A double of the host, so that an extension's logic is unit-tested natively.
//!
//! Each thread has one. [`Host::new`] starts afresh; rules answer the extension's HTTP calls; everything that was
//! asked is recorded. Waiting does not end the run, as it does in the server: the clock goes forward instead, so that
//! a wait of an hour runs through in microseconds.
//!
//! ```
//! use cloudark_sdk::prelude::*;
//! use cloudark_sdk::testing::{Answer, Host};
//!
//! let host = Host::new();
//! host.on("GET", "/things/a", |_| Answer::json(200, &serde_json::json!({ "state": "ready" })));
//! let ctx = host.context("a", &[("endpoint", "http://127.0.0.1:7070")]);
//!
//! let url = format!("{}/things/a", ctx.require("endpoint")?);
//! let answer = Request::get(url).send()?.success("reading thing a")?;
//! assert_eq!(answer.status, 200);
//! assert_eq!(host.calls(), ["GET /things/a"]);
//! # Ok::<(), Failure>(())
//! ```

mod answer;
mod world;

use std::cell::RefCell;

use serde::Serialize;

use crate::bindings::types;
use crate::context::Context;
pub use answer::{Answer, Sent};
pub(crate) use world::World;

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

pub(crate) fn with<T>(act: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(act)
}

/// The double of this thread.
#[derive(Debug)]
pub struct Host(());

impl Host {
    /// A host that knows no origin yet: every call is refused until a rule answers it.
    #[must_use]
    pub fn new() -> Self {
        with(|world| *world = World::default());
        crate::adopt::set_unsettled_until(None);
        Self(())
    }

    /// Answer the calls of this method to this path. `*` stands for one segment of the path. The latest rule that
    /// fits answers; it may keep state of its own.
    pub fn on(&self, method: &str, path: &str, answer: impl FnMut(&Sent) -> Answer + 'static) {
        with(|world| world.on(method, path, Box::new(answer)));
    }

    /// Answer the calls of this method to this path with these, one after the other; the last one stays.
    pub fn script(&self, method: &str, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: std::collections::VecDeque<Answer> = answers.into_iter().collect();
        self.on(method, path, move |_| match answers.len() {
            0 => Answer::denied("the script has no answer"),
            1 => answers.front().cloned().unwrap_or_else(|| Answer::denied("the script has no answer")),
            _ => answers.pop_front().unwrap_or_else(|| Answer::denied("the script has no answer")),
        });
    }

    /// A context in environment `test`, about this piece, with these settings.
    #[must_use]
    pub fn context(&self, piece: &str, settings: &[(&str, &str)]) -> Context {
        with(|world| world.piece = piece.to_owned());
        Context::for_test(piece, settings, None)
    }

    /// As [`context`](Self::context), on a foundation with this state.
    #[must_use]
    pub fn context_on<T: Serialize>(&self, piece: &str, settings: &[(&str, &str)], foundation: &T) -> Context {
        with(|world| world.piece = piece.to_owned());
        Context::for_test(piece, settings, serde_json::to_value(foundation).ok())
    }

    /// An earlier task of the piece lost a call that settles at this time, in milliseconds since the epoch.
    pub fn unsettled_until(&self, ms: u64) {
        crate::adopt::set_unsettled_until(Some(ms));
    }

    /// Answer `cancelled` to every call from now on.
    pub fn cancel(&self) {
        with(|world| world.cancelled = true);
    }

    /// What was sent: method and path, with the query.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        with(|world| world.sent.iter().map(Sent::summary).collect())
    }

    /// What was sent, in full.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        with(|world| world.sent.clone())
    }

    /// The notes of the waits.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        with(|world| world.notes.clone())
    }

    /// The lines of the log, and what the user was told.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        with(|world| world.lines.clone())
    }

    /// The time: milliseconds since the epoch. It begins at [`START_MS`](Self::START_MS).
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        with(|world| world.now_ms)
    }

    /// When time begins: the first second of 2026.
    pub const START_MS: u64 = 1_767_225_600_000;
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Host {
    /// The thread's next test starts from nothing.
    fn drop(&mut self) {
        with(|world| *world = World::default());
        crate::adopt::set_unsettled_until(None);
    }
}

fn failure(kind: types::FailureKind, message: impl Into<String>) -> types::Failure {
    types::Failure { kind, message: message.into(), pointer: None, retry_after_s: None }
}
