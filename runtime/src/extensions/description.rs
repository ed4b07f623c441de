//! What an extension says of itself when it is asked (`metadata.describe`): its kinds, settings and credentials.
//!
//! The record comes from the guest; [`Description::read`] checks it before anything relies on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::package::{Exports, Manifest};

/// Why an extension's description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what the extension says of itself is wrong: {place}: {what}")]
pub struct BadDescription {
    /// Where: `resource-kinds[0].name`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What an extension is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The cloud that it implements.
    pub cloud: String,
    /// One line.
    pub summary: String,
    /// Managed services.
    pub resource_kinds: Vec<Kind>,
    /// Container orchestration engines.
    pub coe_kinds: Vec<Kind>,
    /// Settings of the cloud.
    pub settings: Vec<Setting>,
    /// What `cld setup CLOUD` asks for.
    pub credentials: Vec<CredentialNeed>,
    /// Image registries.
    pub registries: Vec<Registry>,
    /// State versions of the foundation that it can read.
    pub foundation_state_versions: Vec<u32>,
}

/// A kind of resource or COE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kind {
    /// Lower case, digits and `-`.
    pub name: String,
    /// One line.
    pub summary: String,
    /// JSON Schema of the configuration.
    #[serde(deserialize_with = "schema")]
    pub config_schema: Value,
    /// JSON Schema of the outputs.
    #[serde(deserialize_with = "schema")]
    pub outputs_schema: Value,
    /// State versions that the extension can read.
    pub state_versions: Vec<u32>,
    /// Whether it holds data.
    pub holds_data: bool,
    /// Whether two applications that name one `host_port` collide.
    pub host_ports_collide: bool,
}

/// A setting of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// `region`
    pub name: String,
    /// One line.
    pub summary: String,
    /// Whether it must be set.
    pub required: bool,
    /// Its value when silent.
    pub default_value: Option<String>,
}

/// A credential of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialNeed {
    /// The signer that uses it, as grants name it.
    pub signer: String,
    /// What to ask the user for.
    pub prompt: String,
}

/// An image registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The target of `cld container create NAME TARGET`.
    pub name: String,
    /// One line.
    pub summary: String,
}

/// A schema is a JSON text in the contract, and the value itself where it was stored.
fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => serde_json::from_str(&text).map_err(serde::de::Error::custom),
        value => Ok(value),
    }
}

impl Description {
    /// A description from the JSON of the guest's record, checked against the package that it belongs to.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(record: Value, manifest: &Manifest, exports: &Exports) -> Result<Self, BadDescription> {
        let description: Self = serde_json::from_value(record).map_err(|e| bad("the record", e.to_string()))?;
        description.check(manifest, exports)?;
        Ok(description)
    }

    fn check(&self, manifest: &Manifest, exports: &Exports) -> Result<(), BadDescription> {
        for (place, said, manifest) in
            [("name", &self.name, &manifest.name), ("version", &self.version, &manifest.version)]
        {
            ensure(said == manifest, place, || format!("is `{said}`, but its manifest says `{manifest}`"))?;
        }
        ensure(is_name(&self.cloud), "cloud", || format!("`{}` is no name of a cloud", self.cloud.escape_default()))?;
        ensure(is_line(&self.summary), "summary", not_a_line)?;
        let mut seen = BTreeSet::new();
        for (list, interface, kinds) in
            [("resource-kinds", "resource", &self.resource_kinds), ("coe-kinds", "coe", &self.coe_kinds)]
        {
            ensure(kinds.is_empty() || exports.has(interface), list, || {
                format!("has kinds, but the component does not export `{interface}`")
            })?;
            for (index, kind) in kinds.iter().enumerate() {
                check_kind(&format!("{list}[{index}]"), kind)?;
                ensure(seen.insert(&kind.name), list, || format!("has `{}` twice", kind.name))?;
            }
        }
        let place = "foundation-state-versions";
        match (exports.has("foundation"), self.foundation_state_versions.is_empty()) {
            (true, true) => return Err(bad(place, "is empty, but the component exports `foundation`".to_owned())),
            (false, false) => return Err(bad(place, "but the component does not export `foundation`".to_owned())),
            _ => {}
        }
        for (list, names) in [
            ("settings", self.settings.iter().map(|one| &one.name).collect::<Vec<_>>()),
            ("registries", self.registries.iter().map(|one| &one.name).collect()),
            ("credentials", self.credentials.iter().map(|one| &one.signer).collect()),
        ] {
            let mut seen = BTreeSet::new();
            for name in names {
                let good = is_name(&name.replace('_', "-")) && seen.insert(name);
                ensure(good, list, || format!("`{}` is no name, or there twice", name.escape_default()))?;
            }
        }
        let lines = self.settings.iter().map(|one| &one.summary);
        let lines = lines.chain(self.registries.iter().map(|one| &one.summary));
        let mut lines = lines.chain(self.credentials.iter().map(|one| &one.prompt));
        ensure(lines.all(|line| is_line(line)), "settings, registries and credentials", not_a_line)
    }
}

fn check_kind(place: &str, kind: &Kind) -> Result<(), BadDescription> {
    ensure(is_name(&kind.name), place, || format!("`{}` is no name of a kind", kind.name.escape_default()))?;
    ensure(is_line(&kind.summary), place, not_a_line)?;
    let schemas = kind.config_schema.is_object() && kind.outputs_schema.is_object();
    ensure(schemas, place, || "its schemas must be JSON objects".to_owned())?;
    ensure(!kind.state_versions.is_empty(), place, || "it can read no state version".to_owned())
}

fn bad(place: &str, what: String) -> BadDescription {
    BadDescription { place: place.to_owned(), what }
}

fn ensure(holds: bool, place: &str, what: impl FnOnce() -> String) -> Result<(), BadDescription> {
    if holds { Ok(()) } else { Err(bad(place, what())) }
}

/// Lower case, digits and `-`: names go into URLs, tables and shells.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_line(text: &str) -> bool {
    text.len() <= 500 && !text.chars().any(char::is_control)
}

fn not_a_line() -> String {
    "texts are one line of at most 500 characters".to_owned()
}
