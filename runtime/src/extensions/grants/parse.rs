//! Reading grants: the text, and the rules that no grant may break.

use super::model::Grants;
use super::validate;

/// Why a text is not grants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// It is not YAML of this form.
    #[error("{place}: {what}")]
    Form {
        /// Line and column, as far as they are known.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// It is, but says something that cannot be granted.
    #[error("{place}: {what}")]
    Rule {
        /// Where: `http[2].allow[0].where.Name`.
        place: String,
        /// What is wrong and what to write instead.
        what: String,
    },
}

impl GrantsError {
    pub(crate) fn form(error: &serde_yaml_ng::Error) -> Self {
        let place = match error.location() {
            Some(at) => format!("line {}, column {}", at.line(), at.column()),
            None => "the text".to_owned(),
        };
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
        Self::Form { place, what }
    }

    /// The same error below a key of a larger document.
    #[must_use]
    pub fn below(self, key: &str) -> Self {
        match self {
            Self::Rule { place, what } => Self::Rule { place: format!("{key}.{place}"), what },
            form => form,
        }
    }
}

/// Codes and statuses are texts; `429` may be written without quotes.
pub(super) mod codes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Name(String),
        Status(u16),
    }

    pub(in super::super) fn serialize<S: Serializer>(codes: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        codes.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        let codes = Vec::<Code>::deserialize(deserializer)?;
        Ok(codes
            .into_iter()
            .map(|code| match code {
                Code::Name(name) => name,
                Code::Status(status) => status.to_string(),
            })
            .collect())
    }
}

impl Grants {
    /// Grants from a YAML (or JSON) text.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_yaml(text: &str) -> Result<Self, GrantsError> {
        let grants: Self = serde_yaml_ng::from_str(text).map_err(|e| GrantsError::form(&e))?;
        grants.validate()?;
        Ok(grants)
    }

    /// Grants as YAML, to be read by [`from_yaml`](Self::from_yaml).
    ///
    /// # Errors
    /// None that a value of this type can cause.
    pub fn to_yaml(&self) -> Result<String, serde_yaml_ng::Error> {
        serde_yaml_ng::to_string(self)
    }

    /// Checks what the types alone do not: see `docs/grants.md`.
    ///
    /// # Errors
    /// The first thing that cannot be granted, and where it is.
    pub fn validate(&self) -> Result<(), GrantsError> {
        let rule = |(place, what)| GrantsError::Rule { place, what };
        for (index, grant) in self.http.iter().enumerate() {
            validate::check_grant(grant).map_err(|(place, what)| rule((format!("http[{index}]{place}"), what)))?;
        }
        for (index, learn) in self.learn.iter().enumerate() {
            validate::check_learn(learn).map_err(|what| rule((format!("learn[{index}]"), what)))?;
        }
        for (index, docker) in self.docker.iter().enumerate() {
            validate::check_docker(docker).map_err(|what| rule((format!("docker[{index}]"), what)))?;
        }
        Ok(())
    }
}
