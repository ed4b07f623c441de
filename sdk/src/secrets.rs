//! Secrets that the host holds. An extension has references only.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::bindings::secrets as wit;
use crate::{Failure, Result, host};

/// A reference to a secret: a random token that means nothing outside the host.
///
/// A field of a configuration of this type is a secret that the user gives: its schema says `writeOnly`, and
/// the host puts a reference in its place before anyone sees the value. To send a secret, write
/// [`placeholder`](Self::placeholder) into the body and name it with
/// [`Request::substitute`](crate::http::Request::substitute).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret that this reference, from a response or the state, stands for.
    #[must_use]
    pub fn from_reference(reference: impl Into<String>) -> Self {
        Self(reference.into())
    }

    /// The reference.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.0
    }

    /// What stands for the secret in a body: the reference, without the characters that an encoding would
    /// change.
    #[must_use]
    pub fn placeholder(&self) -> String {
        let token: String = self.0.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("cloudarkSecret{token}")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// What a generated password is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Password {
    length: u32,
    alphabet: wit::Alphabet,
}

impl Password {
    /// So many letters and digits: 8 to 128.
    #[must_use]
    pub const fn alphanumeric(length: u32) -> Self {
        Self { length, alphabet: wit::Alphabet::Alphanumeric }
    }

    /// So many hexadecimal digits: 8 to 128.
    #[must_use]
    pub const fn hex(length: u32) -> Self {
        Self { length, alphabet: wit::Alphabet::Hex }
    }

    /// So many letters, digits, `-` and `_`: 8 to 128.
    #[must_use]
    pub const fn url_safe(length: u32) -> Self {
        Self { length, alphabet: wit::Alphabet::UrlSafe }
    }
}

/// The secret of this label of this piece: made by the host on the first call, the same ever after.
///
/// # Errors
/// `invalid` for a length that the host does not make.
pub fn generate(label: &str, password: Password) -> Result<Secret> {
    let recipe = wit::Recipe { length: password.length, alphabet: password.alphabet };
    host::generate(label, recipe).map(Secret).map_err(Failure::from_wit)
}
