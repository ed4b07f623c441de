//! Answers, and why there is none.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::bindings::http as wit;
use crate::{Failure, FailureKind, Result};

/// How much of an error's body is put into a failure's message.
const MOST_SHOWN: usize = 300;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The number of this call in the task's journal.
    pub call: u64,
    /// The status.
    pub status: u16,
    /// The headers, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, scrubbed: captured and known secrets are references.
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn from_wit(response: wit::Response) -> Self {
        Self {
            call: response.call,
            status: response.status,
            headers: response.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: response.body,
        }
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body from JSON.
    ///
    /// # Errors
    /// `permanent`: the answer is not what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            crate::failure!(permanent, "the answer ({}) is not what was expected, at {error}", self.status)
        })
    }

    /// This answer, if its status is 2xx; none if it is 404.
    ///
    /// # Errors
    /// As [`success`](Self::success).
    pub fn found(self, doing: &str) -> Result<Option<Self>> {
        if self.status == 404 { Ok(None) } else { self.success(doing).map(Some) }
    }

    /// This answer, if its status is 2xx.
    ///
    /// # Errors
    /// What the status says, with what was being done and the beginning of the body: `denied` (401, 403),
    /// `not-found` (404, 410), `conflict` (409, 412), `rate-limited` (429), `transient` (408, 5xx), `invalid` (400,
    /// 422), otherwise `permanent`.
    pub fn success(self, doing: &str) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let kind = match self.status {
            400 | 422 => FailureKind::Invalid,
            401 | 403 => FailureKind::Denied,
            404 | 410 => FailureKind::NotFound,
            409 | 412 => FailureKind::Conflict,
            429 => FailureKind::RateLimited,
            408 | 500..=599 => FailureKind::Transient,
            _ => FailureKind::Permanent,
        };
        let body: String = self.text().trim().chars().take(MOST_SHOWN).collect();
        let message = match body.as_str() {
            "" => format!("{doing}: status {}", self.status),
            body => format!("{doing}: status {}: {body}", self.status),
        };
        let mut failure = Failure::new(kind, message);
        failure.retry_after = self.retry_after();
        Err(failure)
    }

    /// What `Retry-After` asks for, where it is in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The host refused to send it: the message names the rule that would have allowed it.
    #[error("{0}")]
    Denied(String),
    /// It was sent, and its result was lost.
    #[error("{message}")]
    OutcomeUnknown {
        /// What happened.
        message: String,
        /// Milliseconds since the epoch by which it will have taken effect, or never will.
        settles_at_ms: u64,
    },
    /// Nothing was changed, and retries are used up.
    #[error("{0}")]
    Transport(String),
    /// The answer was larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The operation was cancelled.
    #[error("the operation was cancelled")]
    Cancelled,
    /// The request could not be written.
    #[error("{0}")]
    Malformed(String),
}

impl CallError {
    pub(crate) fn from_wit(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied(denial) => Self::Denied(denial.message),
            wit::Error::OutcomeUnknown(unknown) => {
                Self::OutcomeUnknown { message: unknown.message, settles_at_ms: unknown.settles_at_ms }
            }
            wit::Error::Transport(message) => Self::Transport(message),
            wit::Error::TooLarge(limit) => Self::TooLarge(limit),
            wit::Error::Cancelled => Self::Cancelled,
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let kind = match &error {
            CallError::Denied(_) => FailureKind::Denied,
            CallError::OutcomeUnknown { .. } => FailureKind::OutcomeUnknown,
            CallError::Transport(_) => FailureKind::Transient,
            CallError::TooLarge(_) | CallError::Malformed(_) => FailureKind::Permanent,
            CallError::Cancelled => FailureKind::Cancelled,
        };
        let mut failure = Self::new(kind, error.to_string());
        if let CallError::OutcomeUnknown { settles_at_ms, .. } = error {
            failure.settles_at_ms = Some(settles_at_ms);
        }
        failure
    }
}
