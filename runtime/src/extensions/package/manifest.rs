//! The manifest: what a package says of itself, and what it asks for.

use serde::{Deserialize, Serialize};

use super::{CONTRACT_VERSION, PackageError};
use crate::extensions::grants::{Grants, GrantsError};

/// What a package says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Lower case, digits and `-`: `acme`.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// Who made it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// An SPDX expression.
    pub licence: String,
    /// One line.
    pub summary: String,
    /// What it asks for.
    #[serde(default)]
    pub grants: Grants,
}

impl Manifest {
    /// A manifest from its YAML.
    ///
    /// # Errors
    /// [`PackageError::Manifest`]: what is wrong, and where.
    pub fn from_yaml(text: &str) -> Result<Self, PackageError> {
        let manifest: Self = serde_yaml_ng::from_str(text).map_err(|e| GrantsError::form(&e))?;
        manifest.grants.validate().map_err(|e| e.below("grants"))?;
        let wrong = |place: &str, what: &str| {
            Err(PackageError::Manifest(GrantsError::Rule { place: place.into(), what: what.into() }))
        };
        if !is_name(&manifest.name) {
            return wrong("name", "is 1 to 40 lower-case letters, digits and `-`, begun by a letter");
        }
        if !is_version(&manifest.version) {
            return wrong("version", "is a semantic version such as 0.1.0");
        }
        if !is_version(&manifest.contract) || !manifest.contract.starts_with(CONTRACT_VERSION) {
            return wrong("contract", "is not one that this server has: it has 0.1");
        }
        let lines = [&manifest.licence, &manifest.summary].into_iter().chain(&manifest.authors);
        if lines.into_iter().any(|line| line.is_empty() || line.len() > 200 || line.chars().any(char::is_control)) {
            return wrong("licence, summary and authors", "are lines of 1 to 200 characters");
        }
        if manifest.grants.digest.is_some() {
            return wrong("grants.digest", "is not for a manifest: it cannot know its own digest");
        }
        Ok(manifest)
    }
}

fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `MAJOR.MINOR.PATCH`, perhaps with `-PRERELEASE` (Semantic Versioning 2.0.0).
pub(super) fn is_version(text: &str) -> bool {
    let (core, pre) = text.split_once('-').unwrap_or((text, "0"));
    let numbers: Vec<&str> = core.split('.').collect();
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    numbers.len() == 3
        && text.len() <= 64
        && numbers.iter().all(|number| {
            let padded = number.len() > 1 && number.starts_with('0');
            !number.is_empty() && number.len() <= 9 && !padded && number.bytes().all(|b| b.is_ascii_digit())
        })
        && pre.split('.').all(word)
}
