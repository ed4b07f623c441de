//! Names and ids: parsed once at the edge, never re-checked inside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name cannot be empty")]
    Empty,
    /// Longer than [`Name::MAX`] characters.
    #[error("\"{0}\" is longer than {max} characters", max = Name::MAX)]
    TooLong(String),
    /// It has a character that no name has.
    #[error(
        "\"{name}\" has {character:?}: names are letters, digits, \"-\", \"_\" and \".\", beginning with a letter or digit"
    )]
    Character {
        /// The whole text.
        name: String,
        /// The first character at fault.
        character: char,
    },
}

/// The name of an environment, an application, a container or a piece, as its user knows it.
///
/// 1 to 64 ASCII letters, digits, `-`, `_` and `.`, beginning with a letter or digit. What the clouds allow
/// does not matter here: names in the cloud are minted by the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const MAX: usize = 64;

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut characters = text.chars();
        let Some(first) = characters.next() else { return Err(NameError::Empty) };
        if text.chars().count() > Self::MAX {
            return Err(NameError::TooLong(text.to_owned()));
        }
        let at_fault = (!first.is_ascii_alphanumeric())
            .then_some(first)
            .or_else(|| characters.find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))));
        match at_fault {
            Some(character) => Err(NameError::Character { name: text.to_owned(), character }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(pub String);

        impl $name {
            /// A new id: a ULID, so that ids sort by their time.
            #[must_use]
            pub fn new() -> Self {
                Self(ulid::Ulid::new().to_string().to_lowercase())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An environment's id: never reused, unlike its name.
    EnvironmentId
);
id!(
    /// An operation's id.
    OperationId
);
