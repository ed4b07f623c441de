//! What resources and deployments have in common: a configuration gathered from the places where it may stand.

use serde_json::{Map, Value};

use super::super::findings::Findings;
use super::super::places::{Places, child};
use super::super::schema::{Piece, Schema};
use super::super::words::shown;
use super::super::yaml::{Content, Entry, Node};
use super::Reading;
use crate::extension::{Kind, KindRole};
use crate::problem::Span;

/// Keys that are settings of a piece's cloud wherever they stand.
const SETTINGS: [&str; 3] = ["region", "project", "zone"];

/// A configuration as it is gathered.
pub(super) struct Gathered {
    pub(super) config: Map<String, Value>,
    pub(super) places: Places,
}

impl Gathered {
    pub(super) fn new(whole: Span) -> Self {
        Self { config: Map::new(), places: Places::new(whole) }
    }

    /// Adds a key, unless it is there.
    pub(super) fn put(&mut self, entry: &Entry, findings: &mut Findings) {
        let pointer = child("", &entry.key);
        if self.config.contains_key(&entry.key) {
            return given_twice(entry, self.places.key(&pointer), findings);
        }
        self.places.record(&pointer, Some(entry.key_span), &entry.value);
        self.config.insert(entry.key.clone(), entry.value.to_json());
    }

    /// Adds the keys of a policy, which may stand in two places.
    pub(super) fn put_policy(&mut self, entry: &Entry, findings: &mut Findings) {
        let Content::Mapping(entries) = &entry.value.content else {
            if !entry.value.is_null() {
                self.put(entry, findings);
            }
            return;
        };
        match self.config.get_mut("policy") {
            None => self.put(entry, findings),
            Some(Value::Object(policy)) => {
                for own in entries {
                    let pointer = child("/policy", &own.key);
                    if policy.contains_key(&own.key) {
                        given_twice(own, self.places.key(&pointer), findings);
                    } else {
                        self.places.record(&pointer, Some(own.key_span), &own.value);
                        policy.insert(own.key.clone(), own.value.to_json());
                    }
                }
            }
            Some(_) => given_twice(entry, self.places.key("/policy"), findings),
        }
    }
}

fn given_twice(entry: &Entry, first: Span, findings: &mut Findings) {
    let message = format!("`{}` is given twice; the first is in line {}", shown(&entry.key), first.line);
    findings.error_with(entry.key_span, message, "keep one of them".to_owned());
}

impl<'r> Reading<'r> {
    /// Takes a key that is a setting of the cloud, and says whether the configuration should have it too.
    pub(super) fn setting(&mut self, entry: &Entry, cloud: &str, schema: Option<&Value>) -> bool {
        if !SETTINGS.contains(&entry.key.as_str()) {
            return true;
        }
        let wanted = schema.is_some_and(|schema| super::may_have(schema, &[entry.key.as_str()]));
        let Some(value) = super::super::fields::text(entry, self.findings) else {
            return false;
        };
        if value.is_empty() {
            self.findings.error(entry.value.span, format!("`{}` is empty", entry.key));
            return false;
        }
        let own = self.settings.entry(cloud.to_owned()).or_default();
        match own.get(&entry.key) {
            Some((other, first)) if other != value => {
                let message = format!(
                    "the {} of `{}` is `{}` in line {} already",
                    entry.key,
                    shown(cloud),
                    shown(other),
                    first.line
                );
                let help = format!("an environment has one {} per cloud", entry.key);
                self.findings.error_with(entry.value.span, message, help);
            }
            Some(_) => {}
            None => {
                own.insert(entry.key.clone(), (value.to_owned(), entry.value.span));
            }
        }
        wanted
    }

    /// Checks a gathered configuration against its kind, and hands it on.
    pub(super) fn checked(&mut self, gathered: Gathered, kind: Option<&'r Kind>, beside: &[&str]) -> (Value, Places) {
        let Gathered { config, places } = gathered;
        let config = Value::Object(config);
        let Some(kind) = kind else {
            return (config, places);
        };
        let schema = self
            .schemas
            .entry((&kind.cloud, &kind.name, kind.role == KindRole::Coe))
            .or_insert_with(|| Schema::of(kind));
        match schema {
            Ok(schema) => {
                let piece = Piece { config: &config, places: &places, beside, source: self.source };
                schema.check(&piece, self.findings);
            }
            Err(fault) => {
                let help = "that is a fault of the extension: report it to its author".to_owned();
                self.findings.error_with(places.value(""), fault.clone(), help);
            }
        }
        (config, places)
    }
}

/// The entries of a node that should be a mapping; an empty node has none.
pub(super) fn entries<'n>(what: &str, node: &'n Node, findings: &mut Findings) -> &'n [Entry] {
    match &node.content {
        Content::Mapping(entries) => entries,
        _ if node.is_null() => &[],
        content => {
            let kind = super::super::fields::kind_of(content);
            findings.error(node.span, format!("`{what}` must be a mapping (`key: value` lines), not {kind}"));
            &[]
        }
    }
}
