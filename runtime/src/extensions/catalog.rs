//! Which extensions are installed, and who offers what.
//!
//! A [`Catalog`] is a plain value: functions answer a new one or say why not, the caller stores it. It keeps these
//! promises: a kind, a registry and a cloud's foundation have one owner each; what environments have on record
//! can be read by what is installed; nothing is removed while it is in use.

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ComponentDigest;
use super::description::{Description, Kind};
use super::grants::{Grants, GrantsDiff};
use super::package::{Exports, Manifest};

pub use error::CatalogError;

/// An extension that an operator has agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// Its package's name.
    pub name: String,
    /// Its package's version.
    pub version: String,
    /// The package.
    pub digest: ComponentDigest,
    /// What the package says of itself.
    pub manifest: Manifest,
    /// The interfaces that it exports.
    pub exports: Exports,
    /// What it may do: what was agreed to, perhaps less than the manifest asks for.
    pub grants: Grants,
    /// What it says when it is asked.
    pub description: Description,
    /// RFC 3339.
    pub installed_at: String,
    /// Who agreed.
    pub agreed_by: String,
}

/// Whether a kind is a service or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A managed service.
    Resource,
    /// A container orchestration engine.
    Coe,
}

/// A kind and who offers it.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The extension.
    pub by: &'a Installed,
    /// Resource or COE.
    pub role: Role,
    /// The kind.
    pub kind: &'a Kind,
}

/// A state that some environment has on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateInUse {
    /// The extension that wrote it.
    pub extension: String,
    /// The kind; none for a foundation.
    pub kind: Option<String>,
    /// The version of its layout.
    pub version: u32,
    /// Whose it is, for the message: `db in staging`.
    pub of: String,
}

/// What installing a package would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The version that it replaces.
    pub replaces: Option<String>,
    /// How what it may do changes; all of it, if it replaces none.
    pub grants: GrantsDiff,
}

/// The installed extensions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    installed: BTreeMap<String, Installed>,
    /// Who was chosen for a kind that several offer.
    choices: BTreeMap<String, String>,
}

impl Catalog {
    /// What installing this would change, and whether it can be installed at all.
    ///
    /// # Errors
    /// Kinds, registries or a foundation that another has; states that it cannot read.
    pub fn assess(&self, candidate: &Installed, in_use: &[StateInUse]) -> Result<Change, CatalogError> {
        let old = self.installed.get(&candidate.name);
        if let Some(old) = old.filter(|old| old.description.cloud != candidate.description.cloud) {
            return Err(CatalogError::OtherCloud {
                name: candidate.name.clone(),
                old: old.description.cloud.clone(),
                new: candidate.description.cloud.clone(),
            });
        }
        let others = || self.installed.values().filter(|other| other.name != candidate.name);
        others().try_for_each(|other| self.check_apart(candidate, other))?;
        let ours = in_use.iter().filter(|state| state.extension == candidate.name);
        ours.into_iter().try_for_each(|state| check_readable(candidate, state))?;
        let nothing = Grants::default();
        let before = old.map_or(&nothing, |old| &old.grants);
        let mut grants = Grants::diff(before, &candidate.grants);
        // "May reach nothing" is no right that could be lost.
        if *before == nothing {
            grants.removed.clear();
        }
        Ok(Change { replaces: old.map(|old| old.version.clone()), grants })
    }

    fn check_apart(&self, candidate: &Installed, other: &Installed) -> Result<(), CatalogError> {
        for (_, kind) in candidate.kinds() {
            let chosen =
                self.choices.get(&kind.name).is_some_and(|name| *name == candidate.name || *name == other.name);
            if other.offers(&kind.name) && !chosen {
                return Err(CatalogError::KindTaken {
                    kind: kind.name.clone(),
                    installed: other.name.clone(),
                    candidate: candidate.name.clone(),
                });
            }
        }
        for registry in &candidate.description.registries {
            if other.description.registries.iter().any(|theirs| theirs.name == registry.name) {
                let (registry, installed) = (registry.name.clone(), other.name.clone());
                return Err(CatalogError::RegistryTaken { registry, installed });
            }
        }
        let cloud = &candidate.description.cloud;
        let both = candidate.exports.has("foundation") && other.exports.has("foundation");
        match both && *cloud == other.description.cloud {
            true => Err(CatalogError::FoundationTaken { cloud: cloud.clone(), installed: other.name.clone() }),
            false => Ok(()),
        }
    }

    /// The catalog with this installed, in place of another version of it.
    ///
    /// # Errors
    /// As [`assess`](Self::assess).
    pub fn install(&self, candidate: Installed, in_use: &[StateInUse]) -> Result<Self, CatalogError> {
        self.assess(&candidate, in_use)?;
        let mut catalog = self.clone();
        catalog.installed.insert(candidate.name.clone(), candidate);
        Ok(catalog)
    }

    /// The catalog without an extension.
    ///
    /// # Errors
    /// [`CatalogError::NotInstalled`], [`CatalogError::InUse`].
    pub fn remove(&self, name: &str, in_use: &[StateInUse]) -> Result<Self, CatalogError> {
        self.must_get(name)?;
        if let Some(state) = in_use.iter().find(|state| state.extension == name) {
            return Err(CatalogError::InUse { name: name.to_owned(), of: state.of.clone() });
        }
        let mut catalog = self.clone();
        catalog.installed.remove(name);
        catalog.choices.retain(|_, chosen| chosen != name);
        Ok(catalog)
    }

    /// The catalog with other grants for an extension.
    ///
    /// # Errors
    /// [`CatalogError::NotInstalled`].
    pub fn regrant(&self, name: &str, grants: Grants, agreed_by: &str) -> Result<Self, CatalogError> {
        self.must_get(name)?;
        let mut catalog = self.clone();
        if let Some(installed) = catalog.installed.get_mut(name) {
            installed.grants = grants;
            installed.agreed_by = agreed_by.to_owned();
        }
        Ok(catalog)
    }

    /// The catalog with an extension chosen for a kind that several offer: one that is installed, or that is
    /// about to be.
    #[must_use]
    pub fn choose(&self, kind: &str, extension: &str) -> Self {
        let mut catalog = self.clone();
        catalog.choices.insert(kind.to_owned(), extension.to_owned());
        catalog
    }

    /// All extensions, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Installed> {
        self.installed.values()
    }

    /// An extension, by name.
    pub fn get(&self, name: &str) -> Option<&Installed> {
        self.installed.get(name)
    }

    /// An extension, by name.
    ///
    /// # Errors
    /// [`CatalogError::NotInstalled`], with those that are.
    pub fn must_get(&self, name: &str) -> Result<&Installed, CatalogError> {
        self.get(name).ok_or_else(|| CatalogError::NotInstalled {
            name: name.to_owned(),
            known: match self.installed.is_empty() {
                true => "none".to_owned(),
                false => self.installed.keys().cloned().collect::<Vec<_>>().join(", "),
            },
        })
    }

    /// An extension, by the digest of its package.
    pub fn by_digest(&self, digest: &ComponentDigest) -> Option<&Installed> {
        self.iter().find(|installed| installed.digest == *digest)
    }

    /// All kinds, each by the one who offers it, or was chosen.
    pub fn kinds(&self) -> impl Iterator<Item = Offer<'_>> {
        self.iter().flat_map(|by| {
            by.kinds().filter(|(_, kind)| self.is_owner(by, &kind.name)).map(|(role, kind)| Offer { by, role, kind })
        })
    }

    fn is_owner(&self, installed: &Installed, kind: &str) -> bool {
        let chosen = self.choices.get(kind).and_then(|name| self.get(name)).filter(|chosen| chosen.offers(kind));
        chosen.is_none_or(|chosen| chosen.name == installed.name)
    }

    /// A kind of this role, by name.
    pub fn kind(&self, role: Role, name: &str) -> Option<Offer<'_>> {
        self.kinds().find(|offer| offer.role == role && offer.kind.name == name)
    }

    /// Who makes a cloud's foundation.
    pub fn foundation(&self, cloud: &str) -> Option<&Installed> {
        self.iter().find(|installed| installed.description.cloud == cloud && installed.exports.has("foundation"))
    }

    /// Who offers a registry.
    pub fn registry(&self, name: &str) -> Option<&Installed> {
        self.iter().find(|installed| installed.description.registries.iter().any(|one| one.name == name))
    }

    /// All extensions of a cloud.
    pub fn of_cloud<'a>(&'a self, cloud: &'a str) -> impl Iterator<Item = &'a Installed> {
        self.iter().filter(move |installed| installed.description.cloud == cloud)
    }

    /// The names of all clouds.
    pub fn clouds(&self) -> Vec<&str> {
        let mut clouds: Vec<&str> = self.iter().map(|installed| installed.description.cloud.as_str()).collect();
        clouds.sort_unstable();
        clouds.dedup();
        clouds
    }
}

impl Installed {
    /// Its kinds, resources first.
    pub fn kinds(&self) -> impl Iterator<Item = (Role, &Kind)> {
        let resources = self.description.resource_kinds.iter().map(|kind| (Role::Resource, kind));
        resources.chain(self.description.coe_kinds.iter().map(|kind| (Role::Coe, kind)))
    }

    fn offers(&self, kind: &str) -> bool {
        self.kinds().any(|(_, offered)| offered.name == kind)
    }
}

fn check_readable(candidate: &Installed, state: &StateInUse) -> Result<(), CatalogError> {
    let versions = match &state.kind {
        None => Some(&candidate.description.foundation_state_versions),
        Some(kind) => {
            candidate.kinds().find(|(_, offered)| offered.name == *kind).map(|(_, kind)| &kind.state_versions)
        }
    };
    if versions.is_some_and(|versions| versions.contains(&state.version)) {
        return Ok(());
    }
    let can = match versions {
        None => "it does not have the kind".to_owned(),
        Some(versions) => {
            format!("it reads {}", versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    Err(CatalogError::StateUnreadable {
        name: candidate.name.clone(),
        version: candidate.version.clone(),
        of: state.of.clone(),
        state: state.version,
        can,
    })
}
