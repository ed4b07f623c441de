//! Templates: a text with holes that only what belongs to the environment fits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Facts;

/// Longer values match no template: the search stays small whatever an extension sends.
const MAX_VALUE: usize = 512;

/// A text with holes: `{account}` and `{setting.NAME}` are known texts, `{minted}` a name of this environment,
/// `{owned}` an id that was shown with our mark, and `*` any letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Account,
    Setting(String),
    Minted,
    Owned,
    Any,
}

impl Template {
    /// Whether a value fits.
    pub fn matches(&self, value: &str, facts: &dyn Facts) -> bool {
        value.len() <= MAX_VALUE && fits(&self.0, value, facts)
    }

    /// Whether it binds the value to something of this environment.
    pub fn binds(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Minted | Part::Owned))
    }
}

fn fits(parts: &[Part], value: &str, facts: &dyn Facts) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return value.is_empty();
    };
    let known = |text: Option<&str>| {
        text.filter(|text| !text.is_empty())
            .and_then(|text| value.strip_prefix(text))
            .is_some_and(|after| fits(rest, after, facts))
    };
    match part {
        Part::Literal(literal) => known(Some(literal)),
        Part::Account => known(facts.account()),
        Part::Setting(name) => known(facts.setting(name)),
        Part::Minted => search(value, rest, facts, |text| facts.is_minted(text)),
        Part::Owned => search(value, rest, facts, |text| facts.is_owned(text)),
        Part::Any => {
            search(value, rest, facts, |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
        }
    }
}

/// Whether some non-empty beginning is accepted and what follows it fits.
fn search(value: &str, rest: &[Part], facts: &dyn Facts, accepts: impl Fn(&str) -> bool) -> bool {
    let ends = value.char_indices().map(|(at, _)| at).skip(1).chain([value.len()]);
    ends.filter_map(|end| value.split_at_checked(end))
        .filter(|(begin, _)| !begin.is_empty())
        .any(|(begin, after)| accepts(begin) && fits(rest, after, facts))
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let hole = rest.find(['{', '*']).unwrap_or(rest.len());
            let (literal, after) = rest.split_at_checked(hole).unwrap_or((rest, ""));
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            rest = after;
            if let Some(after) = rest.strip_prefix('*') {
                parts.push(Part::Any);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or_else(|| format!("`{text}` lacks a `}}`"))?;
                parts.push(hole_of(name)?);
                rest = after;
            }
        }
        let searched = parts.iter().filter(|part| is_searched(part)).count();
        let adjacent = parts.windows(2).any(|pair| pair.iter().all(is_searched));
        if parts.is_empty() || searched > 3 || adjacent {
            return Err(format!("`{text}` must have text between its holes, and at most three of them"));
        }
        Ok(Self(parts))
    }
}

fn is_searched(part: &Part) -> bool {
    matches!(part, Part::Minted | Part::Owned | Part::Any)
}

fn hole_of(name: &str) -> Result<Part, String> {
    Ok(match name {
        "account" => Part::Account,
        "minted" => Part::Minted,
        "owned" => Part::Owned,
        other => match other.strip_prefix("setting.") {
            Some(setting) if !setting.is_empty() => Part::Setting(setting.to_owned()),
            _ => {
                return Err(format!(
                    "`{{{other}}}` is no hole: there are {{account}}, {{setting.NAME}}, {{minted}} and {{owned}}"
                ));
            }
        },
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(literal) => f.write_str(literal),
            Part::Account => f.write_str("{account}"),
            Part::Setting(name) => write!(f, "{{setting.{name}}}"),
            Part::Minted => f.write_str("{minted}"),
            Part::Owned => f.write_str("{owned}"),
            Part::Any => f.write_str("*"),
        })
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> String {
        template.to_string()
    }
}

/// Whether a text matches a glob: `*` is any run of characters, everything else is itself.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        if let Some(middle) = last.replace(piece) {
            let Some((_, after)) = rest.split_once::<&str>(middle) else {
                return false;
            };
            rest = after;
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.ends_with(last),
    }
}
