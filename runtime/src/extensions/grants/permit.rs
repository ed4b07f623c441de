//! What the matcher is asked with, and what it answers.

use serde::{Deserialize, Serialize};

use super::capture::CaptureRule;
use super::model::{Effect, OwnsRule};
use super::{Protocol, Signer};
use crate::extensions::Origin;

/// What the host knows of the environment whose task makes the call.
pub trait Facts {
    /// Whether it is a name that was minted for this environment.
    fn is_minted(&self, name: &str) -> bool;
    /// Whether a journaled answer has shown this id with our mark: see [`shown`](super::shown).
    fn is_owned(&self, id: &str) -> bool;
    /// Whether the user's files ask for this value.
    fn is_from_application(&self, value: &str) -> bool;
    /// The account or project that the environment is bound to.
    fn account(&self) -> Option<&str>;
    /// A setting of the cloud.
    fn setting(&self, name: &str) -> Option<&str>;
    /// The ownership mark, as `operation.tags` gives it: keys and values that everything the task makes must
    /// carry. Empty: nothing can be marked, and every `mark` condition fails.
    fn mark(&self) -> &[(String, String)];
}

/// What kind of run makes the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A task of an operation.
    Operation,
    /// `plan`, `read`, logs: only [`Effect::Read`] passes.
    Query,
}

/// A call that may be sent, and all that the host needs to know of it. Kept with the call's intent: what an
/// answer proves is decided by the grant under which the request was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permit {
    /// Where it goes.
    pub origin: Origin,
    /// How it was read.
    pub protocol: Protocol,
    /// The operation: `CreateThing`, or method and path template.
    pub operation: String,
    /// For people: `POST https://db.eu.acme.example CreateThing`.
    pub summary: String,
    /// What it does.
    pub effect: Effect,
    /// Who signs.
    pub signer: Option<Signer>,
    /// The fields that its secrets are written into.
    pub sinks: Vec<String>,
    /// Secrets to take out of the answer.
    pub captures: Vec<CaptureRule>,
    /// Codes and statuses that prove that nothing happened.
    pub refused: Vec<String>,
    /// The same, where the service asks to come back later.
    pub throttled: Vec<String>,
    /// Where the code is, under `rest`.
    pub error_code: Option<String>,
    /// Milliseconds within which its effect becomes visible.
    pub settle_ms: u64,
    /// Milliseconds that it may take.
    pub timeout_ms: u32,
    /// The largest response that is read.
    pub max_response_bytes: u64,
    /// Which ids the answer shows with our mark.
    pub owns: Vec<OwnsRule>,
    /// Whether the request carries our mark, by a `mark` condition that it fulfilled.
    pub marked: bool,
}

/// A call that may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// What was refused, why, and the rule that would have allowed it.
    pub message: String,
    /// That rule alone, as YAML; none where no rule could.
    pub rule_that_would_allow: Option<String>,
}
