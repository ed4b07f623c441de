//! Where a call happens, and what is wanted.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::types;
use crate::names::Rules;
use crate::{Failure, Result, host, json};

pub use crate::bindings::types::{PieceRole, UnsettledCall};

/// Where a call happens: the environment, the piece, the cloud's settings, and what the foundation made.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The environment's id: random, never reused.
    pub environment_id: String,
    /// The environment's name, as its user knows it.
    pub environment: String,
    /// The name of the piece this call is about: `db`.
    pub piece: String,
    /// Settings of this cloud: `region`, `project`, `zone` …, and the account the environment is bound to, as
    /// `account`.
    pub settings: BTreeMap<String, String>,
    foundation: Option<Value>,
}

impl Context {
    /// A setting, where there is one.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// A setting that must be there.
    ///
    /// # Errors
    /// `invalid` where it is not, with the places to set it.
    pub fn require(&self, name: &str) -> Result<&str> {
        self.setting(name).ok_or_else(|| {
            crate::failure!(
                invalid,
                "the setting `{name}` is missing: add it to the environment file, or run `cld setup` for this cloud"
            )
        })
    }

    /// What this cloud's foundation made: the state that its `prepare` returned.
    ///
    /// # Errors
    /// `permanent` where there is none, or it is not a `T`.
    pub fn foundation<T: DeserializeOwned>(&self) -> Result<T> {
        let Some(state) = &self.foundation else {
            crate::fail!(permanent, "this cloud has no foundation in environment {}", self.environment);
        };
        T::deserialize(state).map_err(|error| {
            crate::failure!(permanent, "the foundation of {} cannot be read: {error}", self.environment)
        })
    }

    /// Whether this cloud's foundation is there: a delete may come after a foundation that was never made.
    #[must_use]
    pub fn has_foundation(&self) -> bool {
        self.foundation.is_some()
    }

    /// The name of this label of this piece and generation: minted on the first call, the same ever after, also in
    /// a rollback and a later delete.
    ///
    /// # Errors
    /// `invalid` for rules that leave no room.
    pub fn name(&self, label: &str, rules: Rules) -> Result<String> {
        host::name(label, &rules.to_wit()).map_err(Failure::from_wit)
    }

    /// A token for the idempotency fields of cloud APIs: at most `max` (16 or more) lower-case letters and digits,
    /// or a UUID where `max` is 36. The same on every run of the piece's generation.
    #[must_use]
    pub fn token(&self, label: &str, max: u32) -> String {
        host::token(label, max)
    }

    /// The ownership mark, as tags: set it *in* the call that creates a thing.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String)> {
        host::tags()
    }

    /// Whether these tags bear our mark. What does not must never be changed or deleted.
    #[must_use]
    pub fn owns<K: AsRef<str>, V: AsRef<str>>(&self, tags: impl IntoIterator<Item = (K, V)>) -> bool {
        let mut missing = self.tags();
        for (key, value) in tags {
            missing.retain(|(ours, mark)| ours != key.as_ref() || mark != value.as_ref());
        }
        missing.is_empty()
    }

    pub(crate) fn from_wit(context: types::Context) -> Result<Self> {
        Ok(Self {
            settings: json::decode("the settings", &context.settings)?,
            foundation: context.foundation.map(|state| json::decode("the foundation", &state)).transpose()?,
            environment_id: context.environment_id,
            environment: context.environment,
            piece: context.piece,
        })
    }

    /// For tests: a context in environment `test` with these settings.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn for_test(piece: &str, settings: &[(&str, &str)], foundation: Option<Value>) -> Self {
        Self {
            environment_id: "e-test".to_owned(),
            environment: "test".to_owned(),
            piece: piece.to_owned(),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            foundation,
        }
    }
}

/// What is wanted of a piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent<C> {
    /// The kind: `rds`.
    pub kind: String,
    /// The piece's configuration: valid against the kind's schema.
    pub config: C,
    /// Calls of earlier tasks of this piece whose outcome never became known, or that were performed so lately that a look
    /// may not show it yet.
    /// [`create_or_adopt`](crate::create_or_adopt) takes heed of them by itself.
    pub unsettled: Vec<UnsettledCall>,
    /// Names that were minted for the piece, by label. A delete without a record begins with them.
    pub names: BTreeMap<String, String>,
}

impl<C: DeserializeOwned> Intent<C> {
    pub(crate) fn from_wit(intent: types::Intent) -> Result<Self> {
        Ok(Self {
            config: json::decode("the configuration", &intent.config)?,
            kind: intent.kind,
            unsettled: intent.unsettled,
            names: intent.names.into_iter().collect(),
        })
    }
}

impl<C> Intent<C> {
    /// The name that was minted for this label, where one was: without it, nothing was made under it.
    #[must_use]
    pub fn minted(&self, label: &str) -> Option<&str> {
        self.names.get(label).map(String::as_str)
    }

    /// An intent of this configuration that nothing was done for yet: for tests.
    #[must_use]
    pub fn new(kind: &str, config: C) -> Self {
        Self { kind: kind.to_owned(), config, unsettled: Vec::new(), names: BTreeMap::new() }
    }
}

/// A piece of an environment, as its foundation sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// What it is to the environment.
    pub role: PieceRole,
    /// The kind: `rds`, `ecs` …
    pub kind: String,
    /// Its name in the environment: `db`.
    pub name: String,
    /// Its configuration.
    pub config: Value,
}

impl Piece {
    pub(crate) fn from_wit(piece: types::Piece) -> Result<Self> {
        Ok(Self {
            config: json::decode("a piece's configuration", &piece.config)?,
            role: piece.role,
            kind: piece.kind,
            name: piece.name,
        })
    }
}
