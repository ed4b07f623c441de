//! The environment file: managed services, and where applications are deployed.
//!
//! ```yaml
//! environment:
//!   resources:
//!     aws:
//!       - resource:
//!           type: rds
//!           configuration:
//!             engine: mysql
//!   app_deployment:
//!     target: aws
//!     type: ecs
//! ```

mod deployment;
mod piece;
mod resource;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::fields::Fields;
use super::findings::{Findings, Parsed};
use super::places::{Places, child};
use super::schema::Schema;
use super::source::Source;
use super::words::{listed, shown};
use super::{walk, yaml};
use crate::extension::{Kind, KindRole};
use crate::ids::Name;
use crate::problem::Span;

/// What an environment file declares.
#[derive(Debug, Clone)]
pub struct EnvironmentFile {
    /// In the order of the file; their names are distinct.
    pub resources: Vec<ResourceSpec>,
    /// Where applications go; none in an environment of resources only.
    pub deployment: Option<DeploymentSpec>,
    /// `region`, `project` and `zone` as the file gives them, by cloud.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
}

/// A managed service.
#[derive(Clone)]
pub struct ResourceSpec {
    /// Its name: its kind when the file gives none.
    pub name: Name,
    /// Its kind: `rds`.
    pub kind: String,
    /// Its cloud: `aws`.
    pub cloud: String,
    /// Its configuration, valid by its kind's schema; an object. Secrets are still in it: see
    /// [`take`](super::secrets::take).
    pub config: Value,
    /// Where the configuration stands in the file.
    pub places: Places,
}

/// Where applications are deployed.
#[derive(Clone)]
pub struct DeploymentSpec {
    /// The cloud: `aws`.
    pub cloud: String,
    /// The COE kind: `ecs`.
    pub kind: String,
    /// Its configuration, valid by its kind's schema; an object. Secrets are still in it.
    pub config: Value,
    /// Where the configuration stands in the file.
    pub places: Places,
}

/// Configurations may hold secrets: debug output leaves them out.
impl fmt::Debug for ResourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, cloud, .. } = self;
        write!(f, "ResourceSpec({name}: {kind} on {cloud})")
    }
}

impl fmt::Debug for DeploymentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeploymentSpec({} on {})", self.kind, self.cloud)
    }
}

/// Reads an environment file. `kinds` are those of the installed extensions.
#[must_use]
pub fn parse(text: &str, kinds: &[Kind]) -> Parsed<EnvironmentFile> {
    let source = Source::new(text);
    let mut findings = Findings::default();
    let file = yaml::load(&source, &mut findings).and_then(|root| {
        let mut reading = Reading {
            kinds,
            source: &source,
            findings: &mut findings,
            schemas: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        reading.file(&root)
    });
    findings.conclude(file)
}

/// What the parts of a file share while they are read.
struct Reading<'r> {
    kinds: &'r [Kind],
    source: &'r Source<'r>,
    findings: &'r mut Findings,
    /// Those of the kinds that have been met, by cloud, name, and whether it is a COE.
    schemas: BTreeMap<(&'r str, &'r str, bool), Result<Schema<'r>, String>>,
    /// By cloud and setting: the value, and where it was given first.
    settings: BTreeMap<String, BTreeMap<String, (String, Span)>>,
}

impl<'r> Reading<'r> {
    fn file(&mut self, root: &yaml::Node) -> Option<EnvironmentFile> {
        let start = self.source.span(root.span.start, root.span.start);
        let mut top = Fields::of("the file", start, root, self.findings)?;
        let Some(environment) = top.take("environment") else {
            let help = if top.has("app") {
                "this is an application file: deploy it with `cld app deploy`"
            } else {
                "begin with `environment:`, and indent everything else below it"
            };
            self.findings.error_with(start, "an environment file begins with `environment:`", help.to_owned());
            return None;
        };
        top.finish(self.findings);
        let mut fields = Fields::of("`environment`", environment.key_span, &environment.value, self.findings)?;
        let (resources, deployment) = (fields.take("resources"), fields.take("app_deployment"));
        fields.finish(self.findings);
        let resources = resources.map(|entry| self.resources(entry)).unwrap_or_default();
        let deployment = deployment.and_then(|entry| self.deployment(entry));
        if resources.is_empty() && deployment.is_none() && !self.findings.has_errors() {
            let help = "give it `resources:`, an `app_deployment:`, or both".to_owned();
            self.findings.error_with(environment.key_span, "the environment is empty", help);
        }
        if let Some(deployment) = &deployment {
            self.refuse_unreachable(&resources, &deployment.cloud);
        }
        let plain = |(name, (value, _)): (String, (String, Span))| (name, value);
        let settings = std::mem::take(&mut self.settings);
        let settings = settings.into_iter().map(|(cloud, own)| (cloud, own.into_iter().map(plain).collect())).collect();
        Some(EnvironmentFile { resources, deployment, settings })
    }

    /// The kind of that name on that cloud; otherwise says which there are.
    fn kind(&mut self, name: &str, cloud: &str, role: KindRole, place: Span) -> Option<&'r Kind> {
        let kinds = self.kinds;
        let found = kinds.iter().find(|kind| kind.name == name && kind.cloud == cloud && kind.role == role);
        if found.is_some() {
            return found;
        }
        let elsewhere = kinds.iter().find(|kind| kind.name == name && kind.role == role);
        let what = match role {
            KindRole::Resource => "resource",
            KindRole::Coe => "COE",
        };
        let there =
            || kinds.iter().filter(|kind| kind.cloud == cloud && kind.role == role).map(|kind| kind.name.as_str());
        let (message, help) = match elsewhere {
            Some(kind) => {
                let help = match role {
                    KindRole::Resource => format!("put it below `{}:`", kind.cloud),
                    KindRole::Coe => {
                        format!("write `target: {}`, or a COE of `{}`: {}", kind.cloud, shown(cloud), listed(there()))
                    }
                };
                (format!("`{}` is of the cloud `{}`, not of `{}`", shown(name), kind.cloud, shown(cloud)), Some(help))
            }
            None => {
                let help = super::words::suggestion(name, &format!("`{}` has", shown(cloud)), there());
                (format!("no installed extension has a {what} `{}`", shown(name)), help)
            }
        };
        self.findings.error_with(place, message, help);
        None
    }

    /// Whether an installed extension has something of a role on a cloud; otherwise says which clouds do.
    fn knows_cloud(&mut self, cloud: &str, role: KindRole, place: Span) -> bool {
        let mut clouds: Vec<&str> =
            self.kinds.iter().filter(|kind| kind.role == role).map(|kind| kind.cloud.as_str()).collect();
        clouds.sort_unstable();
        clouds.dedup();
        if clouds.contains(&cloud) {
            return true;
        }
        let help = match super::words::nearest(cloud, clouds.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if clouds.is_empty() => "install one: `cld extension install FILE`".to_owned(),
            None => format!("there are {}; `cld extension install FILE` adds others", listed(clouds)),
        };
        let what = match role {
            KindRole::Resource => "resources",
            KindRole::Coe => "a COE",
        };
        self.findings.error_with(
            place,
            format!("no installed extension has {what} for the cloud `{}`", shown(cloud)),
            help,
        );
        false
    }

    /// A resource of another cloud lets nobody in unless its policy says so.
    fn refuse_unreachable(&mut self, resources: &[ResourceSpec], target: &str) {
        for resource in resources.iter().filter(|resource| resource.cloud != target) {
            let schema = self.kinds.iter().find(|kind| kind.name == resource.kind && kind.cloud == resource.cloud);
            let can_open = schema.is_some_and(|kind| may_have(&kind.config_schema, &["policy", "access"]));
            if can_open && is_closed(&resource.config) {
                let message = format!(
                    "applications on `{}` can never reach `{}`, which is on `{}`",
                    shown(target),
                    resource.name,
                    shown(&resource.cloud)
                );
                let help = "give it a `policy:` with `access: open`, or with the addresses that may reach it (`access: 203.0.113.0/24`)";
                self.findings.error_with(resource.places.value(""), message, help.to_owned());
            }
        }
    }
}

/// Whether a policy lets nobody in from outside its own cloud: it says nothing, or `cluster`, which is what silence
/// means.
fn is_closed(config: &Value) -> bool {
    config.pointer("/policy/access").is_none_or(|access| access.is_null() || access == "cluster")
}

/// Whether a schema has a property at a path.
fn may_have(schema: &Value, path: &[&str]) -> bool {
    let mut pointer = String::new();
    let mut wanted = Value::String(String::new());
    for key in path.iter().rev() {
        wanted = serde_json::json!({ *key: wanted });
    }
    for key in path {
        pointer = child(&pointer, key);
    }
    let mut found = false;
    walk::annotations(&wanted, schema, &mut |at, _| found |= at == pointer);
    found
}

#[cfg(test)]
mod tests;
