//! One call of either protocol: sent through the host, and its answer judged.

use std::time::Duration;

use crate::http::{CallError, Encoding, Request, Response, Signer};
use crate::secrets::Secret;
use crate::{Failure, FailureKind};

use super::refusal::{Meaning, Refusal};

/// What both protocols need to send.
pub(super) struct Call<'a> {
    pub action: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: String,
    pub encoding: Encoding,
    /// The secrets in the body: the field as the grant names it, and which.
    pub secrets: Vec<(String, Secret)>,
}

/// Why a call has no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// AWS said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The host did not send it, or has no answer.
    #[error("calling {action}: {cause}")]
    Unsent {
        /// The call.
        action: String,
        /// Why.
        cause: CallError,
    },
    /// The answer is not what the caller expects.
    #[error(
        "the answer to {action} cannot be read: {reason}. This may be a newer version of the service: look for an update of the extension"
    )]
    Unreadable {
        /// The call.
        action: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(super) fn unreadable(action: &str, reason: impl ToString) -> Self {
        Self::Unreadable { action: action.to_owned(), reason: reason.to_string() }
    }

    /// The service's code, where it said no.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// What the service meant, where it said no.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Refused(refusal) => Some(refusal.meaning()),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Unsent { cause, .. } => Self { message, ..cause.into() },
            Error::Unreadable { .. } => Self::permanent(message),
            Error::Refused(refusal) => {
                let failure = Self::new(kind(refusal.meaning()), message);
                match refusal.retry_after_s {
                    Some(seconds) => failure.retry_after(Duration::from_secs(seconds.into())),
                    None => failure,
                }
            }
        }
    }
}

fn kind(meaning: Meaning) -> FailureKind {
    match meaning {
        Meaning::Throttled => FailureKind::RateLimited,
        Meaning::Fault => FailureKind::Transient,
        Meaning::Denied => FailureKind::Denied,
        Meaning::Absent => FailureKind::NotFound,
        Meaning::Exists | Meaning::Busy => FailureKind::Conflict,
        Meaning::Invalid => FailureKind::Invalid,
        Meaning::Quota | Meaning::Other => FailureKind::Permanent,
    }
}

/// Refusals that are answers.
pub trait Expect<T> {
    /// None where what the call is about is not there: for describes, and for deletes of what may be gone.
    ///
    /// # Errors
    /// Every other error.
    fn or_absent(self) -> Result<Option<T>, Error>;

    /// None where the service refused with one of these codes.
    ///
    /// # Errors
    /// Every other error.
    fn or_code(self, codes: &[&str]) -> Result<Option<T>, Error>;
}

impl<T> Expect<T> for Result<T, Error> {
    fn or_absent(self) -> Result<Option<T>, Error> {
        match self {
            Err(error) if error.meaning() == Some(Meaning::Absent) => Ok(None),
            other => other.map(Some),
        }
    }

    fn or_code(self, codes: &[&str]) -> Result<Option<T>, Error> {
        match self {
            Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Send it. An answer that is not 2xx is a refusal, with the code and message that `read` finds in its body.
pub(super) fn send(call: Call<'_>, read: fn(&str) -> Option<(String, String)>) -> Result<Vec<u8>, Error> {
    let action = call.action;
    let signer = Signer::AwsSigV4 { service: call.service.to_owned(), region: call.region.to_owned() };
    let mut request = Request::post(call.url).sign(signer).body(call.body);
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    for (field, secret) in &call.secrets {
        request = request.substitute(secret, call.encoding, field);
    }
    let response = request.send().map_err(|cause| Error::Unsent { action: action.to_owned(), cause })?;
    if response.is_success() { Ok(response.body) } else { Err(Error::Refused(refusal(action, &response, read))) }
}

fn refusal(action: &str, response: &Response, read: fn(&str) -> Option<(String, String)>) -> Refusal {
    let (code, message) =
        read(&response.text()).unwrap_or_else(|| (format!("HTTP status {}", response.status), String::new()));
    let retry_after_s = response.retry_after().and_then(|delay| u32::try_from(delay.as_secs()).ok());
    Refusal { action: action.to_owned(), status: response.status, code, message, retry_after_s }
}
