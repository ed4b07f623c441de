//! What an extension may do: the grants, and the matcher that every call passes.
//!
//! [`Grants`] is what a manifest asks for, what an operator agrees to and what the store keeps by digest: the
//! same type in YAML and JSON. [`Grants::check`] decides about a request and answers a [`Permit`], which says all
//! that the host needs for the rest of the call: its effect, who signs, what is captured, what the answer proves;
//! or a [`Denial`], which names the rule that would have allowed it. Deny by default: a request passes only if
//! one origin, one protocol, one operation and every condition of one rule say yes.
//!
//! After the call: [`classify`] says what the answer proves, [`apply_captures`] takes secrets out of it and
//! [`shown`] reads which ids it shows with our mark.
//!
//! The format is in the documentation of [`extensions`](super) and in `docs/grants.md`.

mod answer;
mod capture;
mod check;
mod condition;
mod denial;
mod explain;
mod fields;
mod mark;
mod model;
mod ownership;
mod parse;
mod permit;
mod sinks;
mod template;
#[cfg(test)]
mod tests;
mod validate;

pub use answer::{Proof, classify};
pub use capture::{CaptureRule, Captured, Step, apply_captures};
pub use condition::{Condition, Conditions};
pub use explain::GrantsDiff;
pub use model::{DockerGrant, Effect, Grants, HttpGrant, Learn, OwnsRule, Rule};
pub use ownership::{Id, shown};
pub use parse::GrantsError;
pub use permit::{Denial, Facts, Mode, Permit};
pub use template::Template;

pub use crate::credentials::wire::{Encoding, HttpCall, Protocol, SignRule, Signer, Substitution};
