//! Which extensions may stand beside each other, and what an upgrade must be able to read.
//!
//! A cloud's kinds and its foundation have one owner each, and so has a registry; what environments have on record
//! must be readable by what is installed. These are the rules; who is installed, the store knows.

mod error;
#[cfg(test)]
mod tests;

pub use error::CatalogError;

use super::description::{Description, Kind};

/// A state that some environment has on record, written by the extension that is being upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateInUse {
    /// The kind; none for a foundation.
    pub kind: Option<String>,
    /// The version of its layout.
    pub version: u32,
    /// Whose it is, for the message: `db in staging`.
    pub of: String,
}

/// Whether an extension may be installed beside these others. Another version of itself is not one of them.
///
/// # Errors
/// Kinds, registries or a foundation that another has.
pub fn check_beside<'a>(
    candidate: &Description,
    others: impl IntoIterator<Item = &'a Description>,
) -> Result<(), CatalogError> {
    others.into_iter().filter(|other| other.name != candidate.name).try_for_each(|other| check_apart(candidate, other))
}

fn check_apart(candidate: &Description, other: &Description) -> Result<(), CatalogError> {
    let registries = || other.registries.iter().map(|registry| registry.name.as_str());
    if let Some(taken) = candidate.registries.iter().find(|ours| registries().any(|theirs| theirs == ours.name)) {
        return Err(CatalogError::RegistryTaken { registry: taken.name.clone(), installed: other.name.clone() });
    }
    if candidate.cloud != other.cloud {
        return Ok(());
    }
    if let Some(taken) = candidate.kinds().find(|kind| other.kind(&kind.name).is_some()) {
        return Err(CatalogError::KindTaken {
            kind: taken.name.clone(),
            cloud: candidate.cloud.clone(),
            installed: other.name.clone(),
            candidate: candidate.name.clone(),
        });
    }
    match candidate.makes_foundation() && other.makes_foundation() {
        true => Err(CatalogError::FoundationTaken { cloud: candidate.cloud.clone(), installed: other.name.clone() }),
        false => Ok(()),
    }
}

/// Whether a new version may take the place of an old one whose states these are.
///
/// # Errors
/// A change of the cloud; states that it cannot read.
pub fn check_upgrade(old: &Description, new: &Description, in_use: &[StateInUse]) -> Result<(), CatalogError> {
    if old.cloud != new.cloud {
        return Err(CatalogError::OtherCloud {
            name: new.name.clone(),
            old: old.cloud.clone(),
            new: new.cloud.clone(),
        });
    }
    in_use.iter().try_for_each(|state| check_readable(new, state))
}

fn check_readable(new: &Description, state: &StateInUse) -> Result<(), CatalogError> {
    let versions = match &state.kind {
        None => Some(&new.foundation_state_versions),
        Some(kind) => new.kind(kind).map(|kind| &kind.state_versions),
    };
    let can = match versions {
        Some(versions) if versions.contains(&state.version) => return Ok(()),
        Some(versions) => {
            format!("it reads {}", versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
        None => "it does not have the kind".to_owned(),
    };
    Err(CatalogError::StateUnreadable {
        name: new.name.clone(),
        version: new.version.clone(),
        of: state.of.clone(),
        state: state.version,
        can,
    })
}

impl Description {
    /// All kinds, resources first.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.resource_kinds.iter().chain(&self.coe_kinds)
    }

    /// A kind, by name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds().find(|kind| kind.name == name)
    }

    /// Whether it makes its cloud's foundation.
    pub fn makes_foundation(&self) -> bool {
        !self.foundation_state_versions.is_empty()
    }
}
