//! Grants in plain words, the privileges that they need, and how two versions of them differ.

use serde_json::{Value, json};

use super::Protocol;
use super::check::read_path;
use super::condition::Condition;
use super::fields::words;
use super::model::{Effect, Grants, HttpGrant, Rule};
use crate::credentials::wire::{self, Need, least_policy};

/// Appended to the line of each rule that is not bound to the environment.
const UNBOUND: &str = "can change things CloudARK did not make";

/// How the grants of two versions of an extension differ, in the lines of [`Grants::explain`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantsDiff {
    /// What only the new ones allow.
    pub added: Vec<String>,
    /// What only the old ones allow.
    pub removed: Vec<String>,
}

impl GrantsDiff {
    /// Whether the new grants allow something that the old ones did not: the operator must be asked.
    pub fn is_wider(&self) -> bool {
        !self.added.is_empty()
    }
}

/// A line and what it is about. Lines leave details out; two things are the same only if all of them is.
struct Line {
    text: String,
    about: Value,
}

/// Whether things of one sort share a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Grouped,
    Each,
}

impl Grants {
    /// What the grants allow, in plain words, a line each: what `install` shows before the operator agrees.
    pub fn explain(&self) -> Vec<String> {
        match self.lines(Detail::Grouped) {
            lines if lines.is_empty() => vec!["may reach nothing".to_owned()],
            lines => lines.into_iter().map(|line| line.text).collect(),
        }
    }

    fn lines(&self, detail: Detail) -> Vec<Line> {
        let mut lines: Vec<Line> = self.http.iter().flat_map(|grant| explain_http(grant, detail)).collect();
        for learn in &self.learn {
            let text = format!("may trust the endpoint that `{}` shows with our mark", learn.from);
            lines.push(Line { text, about: json!(learn) });
        }
        for docker in &self.docker {
            let credential = docker.credential.as_ref();
            let credential = credential.map_or(String::new(), |name| format!(", with the credential {name}"));
            let network: Vec<String> = docker.network.iter().map(ToString::to_string).collect();
            let network = match network.is_empty() {
                true => "without network".to_owned(),
                false => format!("reaching {}", network.join(", ")),
            };
            let text = format!("may run {} in {}{credential}, {network}", docker.argv.join("; "), docker.image);
            lines.push(Line { text, about: json!(docker) });
        }
        lines
    }

    /// The least cloud privilege that the grants need: a document for each kind of signer.
    pub fn policy(&self) -> Value {
        let needs: Vec<Need<'_>> = self.http.iter().flat_map(needs_of).collect();
        least_policy(&needs)
    }

    /// How `new` differs from `old`. Any change of a rule counts as one removed and one added.
    pub fn diff(old: &Self, new: &Self) -> GrantsDiff {
        let (old, new) = (old.lines(Detail::Each), new.lines(Detail::Each));
        let only = |these: &[Line], those: &[Line]| {
            let there = |line: &&Line| those.iter().all(|other| other.about != line.about);
            these.iter().filter(there).map(|line| line.text.clone()).collect()
        };
        GrantsDiff { added: only(&new, &old), removed: only(&old, &new) }
    }
}

fn explain_http(grant: &HttpGrant, detail: Detail) -> Vec<Line> {
    let signed = grant.sign.as_ref().map_or("unsigned".to_owned(), |sign| format!("signed by {}", sign.words()));
    let place = format!("{}, {signed}", grant.origin);
    // The fields that a line about something else does not change.
    let bare = json!([grant.origin, grant.protocol, grant.sign]);
    let line = |text: String, about: Value| Line { text: format!("{place}: {text}"), about: json!([bare, about]) };
    let mut lines = Vec::new();
    let reads = grant.read.iter().map(|read| match grant.protocol {
        Protocol::Rest => read_path(read),
        _ => read,
    });
    let each = |text: &str, names: &[&str]| -> Vec<Line> {
        let of = |names: &str| line(text.replace("{}", names), json!([text, names]));
        match detail {
            Detail::Each => names.iter().map(|name| of(name)).collect(),
            Detail::Grouped if names.is_empty() => Vec::new(),
            Detail::Grouped => vec![of(&names.join(", "))],
        }
    };
    lines.extend(each("may read {}", &reads.collect::<Vec<_>>()));
    for rule in &grant.allow {
        lines.push(line(explain_rule(grant, rule), json!(rule)));
    }
    for capture in &grant.capture {
        lines.push(line(format!("keeps {} of {} as a secret", capture.at, capture.op), json!(capture)));
    }
    for owns in &grant.owns {
        let how = match &owns.tags {
            Some(_) => "carries our mark",
            None => "was asked for with our mark",
        };
        lines.push(line(format!("takes as ours what {} shows and {how}", owns.op), json!(owns)));
    }
    for (text, names) in [
        ("may set the headers {}", &grant.headers),
        ("may set the query parameters {}", &grant.query),
        ("takes {} as a proof that nothing happened", &grant.refused_codes),
        ("takes {} as a proof that nothing happened yet", &grant.throttled_codes),
    ] {
        lines.extend(each(text, &names.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    if let Some(at) = &grant.error_code {
        lines.push(line(format!("reads error codes at {at}"), json!(["error-code", at])));
    }
    let limits = [grant.settle_ms, grant.timeout_ms.into(), grant.max_response_bytes];
    if limits != HttpGrant::DEFAULT_LIMITS {
        let [settle, timeout, bytes] = limits;
        let text =
            format!("calls take at most {timeout} ms, show within {settle} ms, and answer at most {bytes} bytes");
        lines.push(line(text, json!(limits)));
    }
    lines
}

fn explain_rule(grant: &HttpGrant, rule: &Rule) -> String {
    let effect = rule.effect_under(grant.protocol);
    let mut line = match effect {
        Effect::Read => format!("may read {}", rule.op),
        Effect::Idempotent => format!("may call {}, more than once", rule.op),
        Effect::Once => format!("may call {}, once", rule.op),
    };
    let conditions: Vec<String> =
        rule.conditions.iter().map(|(field, condition)| requirement(field, condition)).collect();
    if !conditions.is_empty() {
        line.push_str(&format!(", if {}", conditions.join(", ")));
    }
    if let Some(only) = &rule.only {
        let only = if only.is_empty() { "nothing".to_owned() } else { only.join(", ") };
        line.push_str(&format!(", with {only} besides"));
    }
    if !rule.secrets.is_empty() {
        line.push_str(&format!(", with secrets in {}", rule.secrets.join(", ")));
    }
    if effect != Effect::Read && !is_bound(grant, rule) {
        line.push_str(&format!(": {UNBOUND}"));
    }
    if effect == Effect::Read && !reads_by_name(grant, rule) {
        line.push_str(": counts as reading by the author's word alone");
    }
    line
}

fn requirement(field: &str, condition: &Condition) -> String {
    match condition {
        Condition::Absent => format!("{field} is absent"),
        Condition::Mark => format!("{field} carries our mark"),
        Condition::Optional(inner) => format!("{field}, where given, is {}", words(inner)),
        condition => format!("{field} is {}", words(condition)),
    }
}

/// A rule is bound if its target is: a field that is minted or owned. What it makes anew is, by our mark.
fn is_bound(grant: &HttpGrant, rule: &Rule) -> bool {
    let marked = || rule.conditions.iter().any(|(_, condition)| *condition == Condition::Mark);
    rule.conditions.iter().any(|(_, condition)| condition.binds())
        || wire::makes_something(grant.protocol, &rule.op) && marked()
}

fn reads_by_name(grant: &HttpGrant, rule: &Rule) -> bool {
    match grant.protocol {
        Protocol::Rest => rule.op.starts_with("GET ") || rule.op.starts_with("HEAD "),
        _ => wire::is_reading_name(&rule.op),
    }
}

fn needs_of(grant: &HttpGrant) -> Vec<Need<'_>> {
    let need = |operation: &str, hands_on| Need {
        sign: grant.sign.as_ref(),
        origin: grant.origin.to_string(),
        operation: operation.to_owned(),
        marks: false,
        hands_on,
    };
    let rules = grant.allow.iter().map(|rule| {
        let templates = rule.conditions.iter().flat_map(|(_, condition)| templates_of(condition)).collect();
        let marks = rule.conditions.iter().any(|(_, condition)| *condition == Condition::Mark);
        Need { marks, ..need(&rule.op, templates) }
    });
    let reads = grant.read.iter().map(|read| match grant.protocol {
        Protocol::Rest => need(&format!("GET {}", read_path(read)), Vec::new()),
        _ => need(read, Vec::new()),
    });
    rules.chain(reads).collect()
}

fn templates_of(condition: &Condition) -> Vec<String> {
    match condition {
        Condition::Template(template) => vec![template.to_string()],
        other => other.parts().into_iter().flat_map(templates_of).collect(),
    }
}
