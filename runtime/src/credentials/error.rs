//! What can go wrong with credentials, and what to do about it.

use crate::egress::SendError;

/// Why a request was not signed, or why it is not known whose credentials they are. No variant holds a value
/// of a credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There are none where they should come from.
    #[error("there are no credentials for {cloud}: {why}. Set them up with `cld setup {cloud}`")]
    Missing {
        /// The cloud.
        cloud: String,
        /// What was looked for and not found.
        why: String,
    },
    /// What was stored cannot be used.
    #[error("the credentials of {cloud} cannot be used: {why}. Set them up again with `cld setup {cloud}`")]
    Unusable {
        /// The cloud.
        cloud: String,
        /// What is wrong with them.
        why: String,
    },
    /// They are of another type than the signer needs.
    #[error("`{signer}` needs {needs}, but the credentials of {cloud} are {has}. Change them with `cld setup {cloud}`")]
    Mismatch {
        /// The cloud.
        cloud: String,
        /// The signer asked for.
        signer: &'static str,
        /// What it needs.
        needs: &'static str,
        /// What there is.
        has: &'static str,
    },
    /// This server has no such signer.
    #[error("this server cannot sign with `{signer}`; the extension needs a newer one")]
    NoSuchSigner {
        /// The signer asked for.
        signer: &'static str,
    },
    /// The cloud does not accept them.
    #[error("{cloud} refuses the credentials: {why}. Set up others with `cld setup {cloud}`")]
    Refused {
        /// The cloud.
        cloud: String,
        /// Its own words.
        why: String,
    },
    /// Who was to be asked gave no usable answer; a later try may get one.
    #[error("{what} could not be reached for the credentials of {cloud}: {why}")]
    Unreachable {
        /// The cloud.
        cloud: String,
        /// What was asked.
        what: String,
        /// What happened.
        why: String,
    },
    /// The request has a part that a signature cannot cover.
    #[error("the request cannot be signed: {0}")]
    Request(String),
}

impl CredentialError {
    /// Whether trying again later can help, without a change by anybody.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// A request of our own that got no answer.
    pub(super) fn unanswered(cloud: &str, what: &str, error: &SendError) -> Self {
        let (cloud, what, why) = (cloud.to_owned(), what.to_owned(), error.to_string());
        match error {
            SendError::Refused(_) => Self::Unusable { cloud, why },
            _ => Self::Unreachable { cloud, what, why },
        }
    }
}
