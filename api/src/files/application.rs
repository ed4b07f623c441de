//! The application file: what to run on an environment.
//!
//! ```yaml
//! app:
//!   image: registry.example/web:1.4
//!   container_port: 8080
//!   env:
//!     HOST: $CLOUDARK_RDS_Address
//! ```

use serde_json::{Value, json};

use super::fields::{Fields, text, whole_number};
use super::findings::{Findings, Parsed};
use super::interpolate::{self, Fault, Offer, Segment};
use super::places::Places;
use super::source::Source;
use super::words::shown;
use super::yaml::{self, Content, Entry, Node};
use crate::problem::Span;

/// Linux hands no longer string to a program (`MAX_ARG_STRLEN`), name and `=` included.
const MAX_VARIABLE_BYTES: usize = 128 * 1024;
/// Copies of one application.
const MAX_REPLICAS: u32 = 1000;
/// The least memory that container engines accept, in MiB.
const MIN_MEMORY: u32 = 6;
/// One TiB, in MiB.
const MAX_MEMORY: u32 = 1024 * 1024;
/// 256 virtual CPUs.
const MAX_CPU: u32 = 256 * 1024;
/// A day: longer than that nothing starts.
const MAX_GRACE_SECONDS: u32 = 24 * 60 * 60;

/// What an application file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationFile {
    /// CloudARK's own format.
    App(AppSpec),
}

/// `app:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSpec {
    /// The image to run.
    pub image: String,
    /// The port that the container listens on.
    pub container_port: Option<u16>,
    /// The port to reach it at.
    pub host_port: Option<u16>,
    /// MiB.
    pub memory: Option<u32>,
    /// CPU units: 1024 are one virtual CPU.
    pub cpu: Option<u32>,
    /// How many copies.
    pub replicas: Option<u32>,
    /// In the order of the file; names are distinct.
    pub env: Vec<EnvVariable>,
    /// When a copy counts as healthy.
    pub health_check: Option<HealthCheck>,
    /// Where each key stands in the file, by pointers such as `/host_port`.
    pub places: Places,
}

/// A variable of the application's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVariable {
    /// Its name.
    pub name: String,
    /// Its value as it is written, references unresolved.
    pub value: String,
    /// Where the value stands, its quotes included.
    pub span: Span,
}

/// `health_check:`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked.
    pub path: Option<String>,
    /// The statuses that mean health: `200`, `200-399`, `200,302`.
    pub codes: Option<String>,
    /// Seconds that a copy gets to start.
    pub grace: Option<u32>,
}

/// A variable whose references have been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub segments: Vec<Segment>,
}

impl AppSpec {
    /// Keys that only some COEs know, as an extension gets them.
    #[must_use]
    pub fn extra(&self) -> Value {
        let Some(check) = &self.health_check else {
            return json!({});
        };
        let all = [
            ("path", check.path.clone().map(Value::from)),
            ("codes", check.codes.clone().map(Value::from)),
            ("grace", check.grace.map(Value::from)),
        ];
        let given: serde_json::Map<String, Value> =
            all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        json!({ "health_check": given })
    }

    /// Finds what the variables refer to. `text` is the file that this was parsed from, for the places of mistakes.
    #[must_use]
    pub fn resolve(&self, text: &str, offers: &[Offer]) -> Parsed<Vec<ResolvedVariable>> {
        let source = Source::new(text);
        let mut findings = Findings::default();
        let mut resolved = Vec::new();
        for variable in &self.env {
            match interpolate::resolve(&variable.value, offers) {
                Ok(segments) => resolved.push(ResolvedVariable { name: variable.name.clone(), segments }),
                Err(faults) => report(variable, faults, &source, &mut findings),
            }
        }
        findings.conclude(Some(resolved))
    }
}

/// Reads an application file. What its variables refer to is looked up by [`AppSpec::resolve`], when the
/// environment is known.
#[must_use]
pub fn parse(text: &str) -> Parsed<ApplicationFile> {
    let source = Source::new(text);
    let mut findings = Findings::default();
    let file = yaml::load(&source, &mut findings).and_then(|root| file(&root, &source, &mut findings));
    findings.conclude(file.map(ApplicationFile::App))
}

fn file(root: &Node, source: &Source<'_>, findings: &mut Findings) -> Option<AppSpec> {
    let start = source.span(root.span.start, root.span.start);
    let mut top = Fields::of("the file", start, root, findings)?;
    let Some(entry) = top.take("app") else {
        let help = if top.has("environment") {
            "this is an environment file: create it with `cld env create`"
        } else if top.has("apiVersion") && top.has("kind") {
            "this looks like a Kubernetes manifest, which this version does not deploy; describe the application below `app:`"
        } else if top.has("containerDefinitions") {
            "this looks like an ECS task definition, which this version does not deploy; describe the application below `app:`"
        } else {
            "begin with `app:`, and indent everything else below it"
        };
        findings.error_with(start, "an application file begins with `app:`", help.to_owned());
        return None;
    };
    top.finish(findings);
    let mut fields = Fields::of("`app`", entry.key_span, &entry.value, findings)?;
    let mut places = Places::new(entry.key_span);
    places.record("", Some(entry.key_span), &entry.value);
    let image = fields.require("image", "`image:` is what to run, such as `nginx:1.29`", findings);
    let image = image.and_then(|entry| image_reference(entry, findings));
    let mut port = |key: &'static str, fields: &mut Fields<'_>| {
        let number = whole_number(fields.take(key)?, 1, u16::MAX.into(), findings)?;
        u16::try_from(number).ok()
    };
    let container_port = port("container_port", &mut fields);
    let host_port = port("host_port", &mut fields);
    let mut number = |key: &'static str, least, most| whole_number(fields.take(key)?, least, most, findings);
    let memory = number("memory", MIN_MEMORY, MAX_MEMORY);
    let cpu = number("cpu", 1, MAX_CPU);
    let replicas = number("replicas", 1, MAX_REPLICAS);
    let env = fields.take("env").map(|entry| variables(entry, source, findings)).unwrap_or_default();
    let health_check = fields.take("health_check").and_then(|entry| health_check(entry, findings));
    fields.finish(findings);
    Some(AppSpec { image: image?, container_port, host_port, memory, cpu, replicas, env, health_check, places })
}

fn image_reference(entry: &Entry, findings: &mut Findings) -> Option<String> {
    let image = text(entry, findings)?;
    let begins = image.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if begins && image.chars().all(|c| c.is_ascii_graphic()) {
        return Some(image.to_owned());
    }
    let help = "write it as `registry.example/name:tag`, or `name:tag`".to_owned();
    findings.error_with(entry.value.span, format!("`{}` is no image reference", shown(image)), help);
    None
}

fn variables(entry: &Entry, source: &Source<'_>, findings: &mut Findings) -> Vec<EnvVariable> {
    let entries = match &entry.value.content {
        Content::Mapping(entries) => entries.as_slice(),
        Content::Sequence(_) => {
            let help = "write each variable as `NAME: value`, without dashes".to_owned();
            findings.error_with(entry.value.span, "`env` must be a mapping, not a list", help);
            &[]
        }
        _ if entry.value.is_null() => &[],
        content => {
            let kind = super::fields::kind_of(content);
            findings.error(entry.value.span, format!("`env` must be a mapping (`NAME: value` lines), not {kind}"));
            &[]
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        if !is_variable_name(&entry.key) {
            let help = "letters, digits, `_`, `-` and `.`, not beginning with a digit".to_owned();
            findings.error_with(entry.key_span, format!("`{}` is no name of a variable", shown(&entry.key)), help);
        }
        if entry.value.is_null() {
            let help = "write \"\" for an empty one".to_owned();
            findings.error_with(entry.key_span, format!("`{}` has no value", shown(&entry.key)), help);
            continue;
        }
        let Some(value) = text(entry, findings) else {
            continue;
        };
        if value.contains('\0') || entry.key.len() + value.len() >= MAX_VARIABLE_BYTES {
            let message =
                format!("`{}` cannot be a variable: it is longer than 128 KiB, or has a NUL in it", shown(&entry.key));
            findings.error(entry.key_span, message);
            continue;
        }
        let variable = EnvVariable { name: entry.key.clone(), value: value.to_owned(), span: entry.value.span };
        report(&variable, interpolate::faults(value), source, findings);
        found.push(variable);
    }
    found
}

/// What Kubernetes, ECS and Docker all take.
fn is_variable_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Reports the faults of a value where they stand in the file.
fn report(variable: &EnvVariable, faults: Vec<Fault>, source: &Source<'_>, findings: &mut Findings) {
    let written = source.slice(variable.span);
    for fault in faults {
        // The text can differ from the value (escapes, folded lines): then the whole value is the place.
        let wanted = variable.value.get(fault.range.clone()).unwrap_or_default();
        let before = variable.value.get(..fault.range.start).unwrap_or_default();
        let place = written
            .match_indices(wanted)
            .nth(before.matches(wanted).count())
            .filter(|_| !wanted.is_empty())
            .map_or(variable.span, |(at, _)| {
                source.span(variable.span.start + at, variable.span.start + at + wanted.len())
            });
        findings.error_with(place, fault.message, fault.help);
    }
}

fn health_check(entry: &Entry, findings: &mut Findings) -> Option<HealthCheck> {
    let mut fields = Fields::of("`health_check`", entry.key_span, &entry.value, findings)?;
    let path = fields.take("path").and_then(|entry| {
        let path = text(entry, findings)?;
        if path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic()) {
            return Some(path.to_owned());
        }
        findings.error_with(
            entry.value.span,
            format!("`{}` is no path", shown(path)),
            "a path begins with `/`".to_owned(),
        );
        None
    });
    let codes = fields.take("codes").and_then(|entry| {
        let codes: String = text(entry, findings)?.split_whitespace().collect();
        if codes.split(',').all(is_code_or_range) {
            return Some(codes);
        }
        let help = "write statuses and ranges of them: `200`, `200-399`, `200,302`".to_owned();
        findings.error_with(entry.value.span, format!("`{}` are no HTTP statuses", shown(&codes)), help);
        None
    });
    let grace = fields.take("grace").and_then(|entry| grace(entry, findings));
    fields.finish(findings);
    Some(HealthCheck { path, codes, grace })
}

fn is_code_or_range(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| text.len() == 3 && (100..600).contains(code));
    match text.split_once('-') {
        Some((least, most)) => {
            matches!((code(least), code(most)), (Some(least), Some(most)) if least <= most)
        }
        None => code(text).is_some(),
    }
}

/// Seconds: `90`, `90s` or `2m`.
fn grace(entry: &Entry, findings: &mut Findings) -> Option<u32> {
    let written = text(entry, findings)?;
    let (number, unit) = match written.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (written.strip_suffix('s').unwrap_or(written), 1),
    };
    let seconds = number.trim().parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds <= MAX_GRACE_SECONDS);
    if seconds.is_none() {
        let help = "write seconds, or a number with `s` or `m`: `90`, `90s`, `2m`; at most a day".to_owned();
        findings.error_with(entry.value.span, format!("`{}` is no time to start", shown(written)), help);
    }
    seconds
}

#[cfg(test)]
mod tests;
