//! The rules that no grant may break, whoever agrees to it.

use super::Protocol;
use super::check::{name_fits, read_path};
use super::condition::Condition;
use super::model::{DockerGrant, Effect, HttpGrant, Learn, OwnsRule, Rule};
use super::ownership::Id;
use crate::credentials::wire::{self, PathTemplate, RestOperation};
use crate::extensions::OriginPattern;

/// The longest that a call may take: 15 minutes.
const MAX_TIMEOUT_MS: u32 = 15 * 60 * 1000;
/// The longest consistency window: an hour.
const MAX_SETTLE_MS: u64 = 60 * 60 * 1000;
/// The largest response: 64 MiB.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024 * 1024;

/// Where, below what is checked, and what.
pub(super) type Problem = (String, String);

fn ensure(holds: bool, place: impl Into<String>, what: impl Into<String>) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err((place.into(), what.into())) }
}

pub(super) fn check_grant(grant: &HttpGrant) -> Result<(), Problem> {
    if let Some(problem) = grant.sign.as_ref().and_then(|sign| sign.problem()) {
        return Err((".sign".into(), problem.into()));
    }
    ensure(grant.timeout_ms > 0 && grant.timeout_ms <= MAX_TIMEOUT_MS, ".timeout-ms", "is 1 to 900000")?;
    ensure(grant.settle_ms <= MAX_SETTLE_MS, ".settle-ms", "is at most 3600000")?;
    let bytes = grant.max_response_bytes;
    ensure(bytes > 0 && bytes <= MAX_RESPONSE_BYTES, ".max-response-bytes", "is 1 to 67108864")?;
    if let Some(name) = grant.headers.iter().find(|name| !wire::header_may_be_granted(name)) {
        return Err((".headers".into(), format!("`{name}` belongs to the host and cannot be granted")));
    }
    let rest = grant.protocol == Protocol::Rest;
    ensure(rest || grant.query.is_empty(), ".query", "only `rest` has query parameters")?;
    ensure(rest || grant.error_code.is_none(), ".error-code", "only `rest` needs one")?;
    if let Some(at) = &grant.error_code {
        ensure(at.starts_with('/'), ".error-code", "is a JSON pointer: it begins with `/`")?;
    }
    for (index, read) in grant.read.iter().enumerate() {
        check_read(grant, read).map_err(|what| (format!(".read[{index}]"), what))?;
    }
    for (index, rule) in grant.allow.iter().enumerate() {
        check_rule(grant, rule).map_err(|(place, what)| (format!(".allow[{index}]{place}"), what))?;
    }
    for (index, owns) in grant.owns.iter().enumerate() {
        check_owns(grant, owns).map_err(|what| (format!(".owns[{index}]"), what))?;
    }
    for (index, capture) in grant.capture.iter().enumerate() {
        let place = format!(".capture[{index}]");
        ensure(names_something(grant, &capture.op), &*place, format!("no rule allows `{}`", capture.op))?;
        ensure(capture.at.starts_with('/'), &*place, "`at` is a JSON pointer: it begins with `/`")?;
    }
    Ok(())
}

fn check_read(grant: &HttpGrant, read: &str) -> Result<(), String> {
    if grant.protocol == Protocol::Rest {
        return read_path(read).parse::<PathTemplate>().map(|_| ());
    }
    if !is_name(read.strip_suffix('*').unwrap_or(read)) || !wire::is_reading_name(read) {
        return Err(format!(
            "`{read}` is no reading operation: those begin with Describe, List, Get and the like; write it under `allow` with its effect"
        ));
    }
    refuse_credentials(grant, read)
}

/// Operations that hand out credentials would carry them into the sandbox.
fn refuse_credentials(grant: &HttpGrant, op: &str) -> Result<(), String> {
    let out = grant.sign.as_ref().map_or(&[][..], |sign| sign.hands_out_credentials());
    match out.iter().find(|name| name_fits(op, name)) {
        Some(name) => Err(format!("`{op}` allows {name}, which hands out credentials: it cannot be granted")),
        None => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn check_rule(grant: &HttpGrant, rule: &Rule) -> Result<(), Problem> {
    let mut parameters: Vec<String> = Vec::new();
    if grant.protocol == Protocol::Rest {
        let op: RestOperation = rule.op.parse().map_err(|what| (".op".to_owned(), what))?;
        parameters.extend(op.path.parameters().map(str::to_owned));
    } else {
        ensure(is_name(&rule.op), ".op", format!("`{}` is no name of an operation; `*` is for `read` alone", rule.op))?;
        refuse_credentials(grant, &rule.op).map_err(|what| (".op".to_owned(), what))?;
    }
    for (field, condition) in rule.conditions.iter() {
        let place = format!(".where.{field}");
        check_field(grant.protocol, field, &parameters).map_err(|what| (place.clone(), what))?;
        check_condition(condition, true).map_err(|what| (place, what))?;
    }
    for field in &rule.secrets {
        let good = match grant.protocol {
            Protocol::FormAction => is_form_field(field),
            Protocol::TargetHeader | Protocol::Rest => field.starts_with('/'),
        };
        ensure(good, ".secrets", format!("`{field}` is no field of a body under {}", grant.protocol.name()))?;
    }
    let limit = rule.timeout_ms.unwrap_or(1);
    ensure(limit > 0 && limit <= MAX_TIMEOUT_MS, ".timeout-ms", "is 1 to 900000")?;
    ensure(rule.settle_ms.unwrap_or(0) <= MAX_SETTLE_MS, ".settle-ms", "is at most 3600000")?;
    check_power(grant, rule)
}

/// Rules that could give power: over what is ours, or over who may do what.
fn check_power(grant: &HttpGrant, rule: &Rule) -> Result<(), Problem> {
    if rule.effect_under(grant.protocol) == Effect::Read {
        return Ok(());
    }
    let bound = rule.conditions.iter().any(|(_, condition)| condition.binds());
    if wire::sets_tags(grant.protocol, &rule.op) {
        let what = "this operation could put our mark on anything: bind its target with `minted` or `owned`";
        ensure(bound, ".where", what)?;
    }
    let Some(sign) = grant.sign.as_ref().filter(|sign| sign.governs_access()) else {
        return Ok(());
    };
    let what = "this service decides who may do what: bind the target with `minted` or `owned`";
    ensure(bound, ".where", what)?;
    for field in sign.powerful_fields(&rule.op) {
        let condition = rule.conditions.iter().find(|(name, _)| name == field).map(|(_, condition)| condition);
        let narrow = condition.is_some_and(|condition| condition.is_narrow());
        ensure(narrow, ".where", format!("`{field}` gives power: say what it may be"))?;
    }
    Ok(())
}

fn check_field(protocol: Protocol, field: &str, parameters: &[String]) -> Result<(), String> {
    match protocol {
        Protocol::FormAction if is_form_field(field) => Ok(()),
        Protocol::FormAction => Err("is no form field: labels with `.` between, `*` for a number".to_owned()),
        Protocol::TargetHeader if field.starts_with('/') => Ok(()),
        Protocol::TargetHeader => Err("is a JSON pointer: it begins with `/`".to_owned()),
        Protocol::Rest if field.starts_with('/') || field.starts_with('?') => Ok(()),
        Protocol::Rest if parameters.iter().any(|name| name == field) => Ok(()),
        Protocol::Rest => {
            Err("is neither a JSON pointer, nor `?` and a query parameter, nor a path parameter".to_owned())
        }
    }
}

fn is_form_field(field: &str) -> bool {
    !field.starts_with('*') && field.split('.').all(|label| label == "*" || is_name(label))
}

fn check_condition(condition: &Condition, top: bool) -> Result<(), String> {
    match condition {
        Condition::Absent | Condition::Mark | Condition::Optional(_) if !top => {
            return Err("`absent`, `mark` and `optional` stand alone, not within other conditions".to_owned());
        }
        Condition::OneOf(texts) if texts.is_empty() => return Err("`one-of` is empty".to_owned()),
        Condition::Glob(pattern) if pattern.is_empty() => return Err("`glob` is empty".to_owned()),
        Condition::All(all) | Condition::Either(all) if all.is_empty() => {
            return Err("the list of conditions is empty".to_owned());
        }
        Condition::Json(conditions) => {
            for (pointer, inner) in conditions.iter() {
                if !pointer.starts_with('/') {
                    return Err(format!("`{pointer}` is a JSON pointer: it begins with `/`"));
                }
                check_condition(inner, true).map_err(|what| format!("at {pointer}: {what}"))?;
            }
            return Ok(());
        }
        _ => {}
    }
    let within_optional = matches!(condition, Condition::Optional(_));
    condition.parts().into_iter().try_for_each(|part| match part {
        Condition::Mark if within_optional => Ok(()),
        part => check_condition(part, false),
    })
}

/// Whether some rule, or the `read` list, is about this operation.
fn names_something(grant: &HttpGrant, op: &str) -> bool {
    if grant.protocol == Protocol::Rest {
        let op = op.strip_prefix("GET ").unwrap_or(op);
        return grant.read.iter().any(|read| read_path(read) == op)
            || grant.allow.iter().any(|rule| rule.op.strip_prefix("GET ").unwrap_or(&rule.op) == op);
    }
    let prefix = op.strip_suffix('*').unwrap_or(op);
    grant.allow.iter().any(|rule| name_fits(op, &rule.op))
        || grant.read.iter().any(|read| name_fits(read, op) || read.starts_with(prefix))
}

fn check_owns(grant: &HttpGrant, owns: &OwnsRule) -> Result<(), String> {
    if !names_something(grant, &owns.op) {
        return Err(format!("no rule allows `{}`", owns.op));
    }
    let pointers = owns.items.iter().chain(owns.tags.iter());
    if let Some(pointer) =
        pointers.chain(in_answer(&owns.id)).find(|pointer| !pointer.is_empty() && !pointer.starts_with('/'))
    {
        return Err(format!("`{pointer}` is a JSON pointer: it begins with `/`"));
    }
    let marks = |rule: &Rule| rule.conditions.iter().any(|(_, condition)| condition.is_mark());
    if owns.tags.is_none() && !grant.allow.iter().any(|rule| rule.op == owns.op && marks(rule)) {
        return Err(format!(
            "without `tags` the request must have carried the mark: give a rule of `{}` a `mark` condition",
            owns.op
        ));
    }
    Ok(())
}

fn in_answer(id: &Id) -> Vec<&String> {
    match id {
        Id::In(pointer) => vec![pointer],
        Id::Asked { .. } => Vec::new(),
        Id::Several(all) => all.iter().flat_map(in_answer).collect(),
    }
}

pub(super) fn check_learn(learn: &Learn) -> Result<(), String> {
    let form = || format!("`from: {}` must be `GET https://host/path/{{name}}`", learn.from);
    let rest = learn.from.strip_prefix("GET https://").ok_or_else(form)?;
    let (host, path) = rest.split_once('/').ok_or_else(form)?;
    format!("https://{host}").parse::<OriginPattern>().map_err(|e| e.to_string())?;
    format!("/{path}").parse::<PathTemplate>()?;
    match [&learn.endpoint, &learn.ca].iter().all(|pointer| pointer.starts_with('/')) {
        true => Ok(()),
        false => Err("`endpoint` and `ca` are JSON pointers: they begin with `/`".to_owned()),
    }
}

pub(super) fn check_docker(docker: &DockerGrant) -> Result<(), String> {
    let by_digest = docker
        .image
        .split_once('@')
        .is_some_and(|(name, digest)| !name.is_empty() && digest.parse::<crate::extensions::ComponentDigest>().is_ok());
    if !by_digest {
        return Err(format!("the image `{}` must be named by its digest: NAME@sha256:…", docker.image));
    }
    if docker.argv.is_empty() || docker.argv.iter().any(|pattern| pattern.trim().is_empty() || pattern.starts_with('*'))
    {
        return Err("`argv` lists patterns, each begun by a word".to_owned());
    }
    Ok(())
}
