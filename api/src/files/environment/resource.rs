//! The `resources:` of an environment.

use std::collections::BTreeMap;

use super::super::fields::{Fields, kind_of, text};
use super::super::words::shown;
use super::super::yaml::{Content, Entry, Node};
use super::piece::{Gathered, entries};
use super::{Reading, ResourceSpec};
use crate::extension::KindRole;
use crate::ids::Name;
use crate::problem::Span;

/// Keys of a resource that are no part of its configuration.
const BESIDE: [&str; 4] = ["type", "name", "configuration", "policy"];
/// `${secret.NAME}` is a secret, so no resource can have this name.
const RESERVED: &str = "secret";

/// A resource whose name may not have been given.
struct Unnamed {
    name: Option<(Name, Span)>,
    /// Where its kind stands.
    place: Span,
    spec: ResourceSpec,
}

impl Reading<'_> {
    pub(super) fn resources(&mut self, entry: &Entry) -> Vec<ResourceSpec> {
        let mut found = Vec::new();
        for cloud in entries("resources", &entry.value, self.findings) {
            let known = self.knows_cloud(&cloud.key, KindRole::Resource, cloud.key_span);
            let items = match &cloud.value.content {
                Content::Sequence(items) => items.as_slice(),
                _ if cloud.value.is_null() => &[],
                content => {
                    let message =
                        format!("`{}` must be a list of resources, not {}", shown(&cloud.key), kind_of(content));
                    self.findings.error_with(cloud.value.span, message, "write `- resource:` before each".to_owned());
                    continue;
                }
            };
            for item in items.iter().filter(|_| known) {
                found.extend(self.item(&cloud.key, item));
            }
        }
        self.named(found)
    }

    fn item(&mut self, cloud: &str, item: &Node) -> Option<Unnamed> {
        let start = self.source.span(item.span.start, item.span.start);
        let mut fields = Fields::of("`- resource`", start, item, self.findings)?;
        let Some(entry) = fields.take("resource") else {
            let help = "write `- resource:`, and its keys indented below".to_owned();
            self.findings.error_with(start, "each item of this list is a `resource:`", help);
            return None;
        };
        fields.finish(self.findings);
        self.resource(cloud, entry)
    }

    fn resource(&mut self, cloud: &str, entry: &Entry) -> Option<Unnamed> {
        let mut fields = Fields::of("`resource`", entry.key_span, &entry.value, self.findings)?;
        let name = fields.take("name").and_then(|entry| self.name(entry));
        let (configuration, policy) = (fields.take("configuration"), fields.take("policy"));
        let type_entry = fields.require("type", "`type:` is its kind, such as `rds`", self.findings)?;
        let type_name = text(type_entry, self.findings)?.to_owned();
        let place = type_entry.value.span;
        let kind = self.kind(&type_name, cloud, KindRole::Resource, place);
        let schema = kind.map(|kind| &kind.config_schema);

        let mut gathered = Gathered::new(place);
        let nested =
            configuration.map(|entry| entries("configuration", &entry.value, self.findings)).unwrap_or_default();
        for own in fields.rest().into_iter().chain(nested) {
            if own.key == "policy" {
                gathered.put_policy(own, self.findings);
            } else if self.setting(own, cloud, schema) {
                gathered.put(own, self.findings);
            }
        }
        if let Some(policy) = policy {
            gathered.put_policy(policy, self.findings);
        }
        let (config, places) = self.checked(gathered, kind, &BESIDE);
        let kind = kind?;
        let default = kind.name.parse().ok().or_else(|| name.as_ref().map(|(name, _)| name.clone()))?;
        let spec = ResourceSpec { name: default, kind: kind.name.clone(), cloud: cloud.to_owned(), config, places };
        Some(Unnamed { name, place, spec })
    }

    fn name(&mut self, entry: &Entry) -> Option<(Name, Span)> {
        let place = entry.value.span;
        match text(entry, self.findings)?.parse::<Name>() {
            Ok(name) if name.as_str() == RESERVED => {
                self.findings.error(place, "a resource cannot be called `secret`: `${secret.…}` refers to secrets");
                None
            }
            Ok(name) => Some((name, place)),
            Err(error) => {
                self.findings.error(place, error.to_string());
                None
            }
        }
    }

    /// Gives every resource a name of its own.
    fn named(&mut self, found: Vec<Unnamed>) -> Vec<ResourceSpec> {
        let mut taken: BTreeMap<Name, Span> = BTreeMap::new();
        let mut named = Vec::new();
        for Unnamed { name, place, mut spec } in found {
            let given = name.is_some();
            let (name, place) = name.unwrap_or((spec.name.clone(), place));
            if let Some(first) = taken.get(&name) {
                let (message, help) = if given {
                    (
                        format!("another resource is called `{name}`, in line {}", first.line),
                        "give each a name of its own".to_owned(),
                    )
                } else {
                    let help = "give each a `name:` beside its `type:`".to_owned();
                    (format!("there is another `{name}` without a name of its own, in line {}", first.line), help)
                };
                self.findings.error_with(place, message, help);
                continue;
            }
            taken.insert(name.clone(), place);
            spec.name = name;
            named.push(spec);
        }
        named
    }
}
