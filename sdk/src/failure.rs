//! Why an extension did not do its work, in terms that the engine can act on.

use std::fmt;
use std::time::Duration;

use crate::bindings::types;

/// What kind of failure it is: the engine decides by it whether to run the task again.
pub use crate::bindings::types::FailureKind;

/// What everything in an extension returns.
pub type Result<T, E = Failure> = core::result::Result<T, E>;

/// Why an export did not do its work.
///
/// The message is one or two sentences for the person who reads them at three in the morning: what was being
/// done, to what, what went wrong, the next step. Make one with [`failure!`](crate::failure), return one with
/// [`fail!`](crate::fail).
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What the engine acts on.
    pub kind: FailureKind,
    /// For the user.
    pub message: String,
    /// A JSON pointer (RFC 6901) into the piece's configuration, when that is what must change.
    pub pointer: Option<String>,
    /// What the cloud asked to wait before the next try, for `rate-limited` and `transient`.
    pub retry_after: Option<Duration>,
    /// For `outcome-unknown`: milliseconds since the epoch by which the call will have taken effect, or never
    /// will. Until then "not found" proves nothing.
    pub settles_at_ms: Option<u64>,
}

/// One constructor for each kind.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Failure {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(message: impl Into<String>) -> Self {
                Self::new(FailureKind::$kind, message)
            }
        )*}
    };
}

constructors! {
    /// The configuration cannot work; the user must change it. Say where with [`at`](Self::at).
    invalid => Invalid;
    /// The cloud, or a grant, does not allow it.
    denied => Denied;
    /// Something that must exist does not.
    not_found => NotFound;
    /// Something is in the way that is not ours, or is in use.
    conflict => Conflict;
    /// The cloud throttles: the engine runs the task again after a backoff.
    rate_limited => RateLimited;
    /// A passing fault: the engine runs the task again after a backoff.
    transient => Transient;
    /// Nothing will make it work without a change outside.
    permanent => Permanent;
    /// The operation was cancelled.
    cancelled => Cancelled;
    /// A wait ran past its deadline.
    expired => Expired;
    /// A call that may happen once only was sent and its result was lost.
    outcome_unknown => OutcomeUnknown;
}

impl Failure {
    /// A failure of this kind.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), pointer: None, retry_after: None, settles_at_ms: None }
    }

    /// With the place in the configuration that must change: a JSON pointer such as `/size`.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// With what the cloud asked to wait before the next try.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// With the time by which a call of unknown outcome will have settled, in milliseconds since the epoch.
    #[must_use]
    pub fn settles_at(mut self, ms: u64) -> Self {
        self.settles_at_ms = Some(ms);
        self
    }

    /// With what was being done put before the message: `creating the database: …`.
    #[must_use]
    pub fn doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(crate) fn from_wit(failure: types::Failure) -> Self {
        Self {
            kind: failure.kind,
            message: failure.message,
            pointer: failure.pointer,
            retry_after: failure.retry_after_s.map(|seconds| Duration::from_secs(seconds.into())),
            settles_at_ms: None,
        }
    }

    pub(crate) fn into_wit(self) -> types::Failure {
        types::Failure {
            kind: self.kind,
            message: self.message,
            pointer: self.pointer,
            retry_after_s: self.retry_after.map(|delay| u32::try_from(delay.as_secs()).unwrap_or(u32::MAX)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Say what was being done when something failed.
pub trait Doing<T> {
    /// Put `what` before the failure's message.
    ///
    /// # Errors
    /// The failure that was there, with its message extended.
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().doing(what))
    }
}

/// Make a [`Failure`](crate::Failure): `failure!(conflict, "{name} is there and not ours")`. The kinds are the
/// names of its constructors.
#[macro_export]
macro_rules! failure {
    ($kind:ident, $($message:tt)+) => {
        $crate::Failure::$kind(::std::format!($($message)+))
    };
}

/// Return a [`Failure`](crate::Failure): `fail!(permanent, "RDS reports {status}")`.
#[macro_export]
macro_rules! fail {
    ($kind:ident, $($message:tt)+) => {
        return ::core::result::Result::Err(::core::convert::From::from($crate::failure!($kind, $($message)+)))
    };
}
