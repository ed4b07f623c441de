//! Where a cloud's credentials come from, as `cld setup CLOUD` stores it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// Where credentials come from. The store keeps it encrypted; its serialized form is that of the API's
/// `CredentialInput`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CredentialSource {
    /// A named profile in the AWS configuration files of the server's user: keys, SSO, assumed roles,
    /// external commands.
    Profile {
        /// `default`
        name: String,
    },
    /// `AWS_ACCESS_KEY_ID` … in the server's environment.
    Environment,
    /// AWS's default chain: environment, profile, web identity, container, instance metadata.
    Chain,
    /// An AWS access key.
    Key {
        /// The access key's id.
        id: String,
        /// Its secret.
        secret: Secret,
        /// With temporary credentials.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<Secret>,
    },
    /// One value, for the `header` signer.
    Value {
        /// The API key or token.
        secret: Secret,
        /// What the key belongs to. Without it the key itself, hashed, stands for the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// HTTP basic authentication.
    Basic {
        /// The user's name; without a colon (RFC 7617).
        username: String,
        /// The password.
        password: Secret,
        /// As for a value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// The OAuth 2 client credentials grant.
    ClientCredentials {
        /// Where tokens come from: https, or http on loopback.
        token_url: String,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// What the client belongs to. Without it the client's id and token URL, hashed, stand for the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
}

impl fmt::Display for CredentialSource {
    /// For the operator: `profile default`, `stored key AKIA…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { name } => write!(f, "profile {name}"),
            Self::Environment => f.write_str("environment"),
            Self::Chain => f.write_str("default chain"),
            Self::Key { id, .. } => {
                let shown: String = id.chars().take(4).collect();
                write!(f, "stored key {shown}…")
            }
            Self::Value { .. } => f.write_str("stored key"),
            Self::Basic { username, .. } => write!(f, "stored password of {username}"),
            Self::ClientCredentials { client_id, .. } => write!(f, "OAuth client {client_id}"),
        }
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialSource({self})")
    }
}
