//! What an answer proves of the call it answers.

use serde::{Deserialize, Serialize};

use super::Permit;
use crate::credentials::wire;

/// What an answer proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The service has answered: the call took effect, or the answer says why it did not. Either way it is a
    /// result that must stay in the journal.
    Performed,
    /// Nothing happened: the grant lists the code, or the status.
    NotPerformed {
        /// Whether the service asks to come back later.
        throttled: bool,
        /// Seconds after which, if it said so.
        retry_after_s: Option<u32>,
    },
    /// It may have taken effect, or may yet.
    Unknown,
}

/// What an answer proves. Only what the grant lists as refused or throttled proves that nothing happened: a
/// code of its `throttled-codes` and `refused-codes`, or the status itself.
pub fn classify(permit: &Permit, status: u16, headers: &[(String, String)], body: &[u8]) -> Proof {
    if (200..300).contains(&status) {
        return Proof::Performed;
    }
    let code = wire::error_code(permit.protocol, headers, body, permit.error_code.as_deref());
    let status_text = status.to_string();
    let listed = |list: &[String]| list.iter().any(|one| *one == status_text || Some(one) == code.as_ref());
    let not_performed = |throttled| Proof::NotPerformed { throttled, retry_after_s: retry_after(headers) };
    if listed(&permit.throttled) {
        return not_performed(true);
    }
    if listed(&permit.refused) {
        return not_performed(false);
    }
    match status {
        // The server gave up on reading the request, or on something behind it: it may have begun.
        408 | 425 | 499 => Proof::Unknown,
        300..=499 => Proof::Performed,
        _ => Proof::Unknown,
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3), an hour at most. Its date form is left out: answers
/// must not depend on this machine's clock.
fn retry_after(headers: &[(String, String)]) -> Option<u32> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse::<u32>().ok().map(|seconds| seconds.min(3600))
}
