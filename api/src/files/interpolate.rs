//! Values that refer to what an environment offers.
//!
//! | written | means |
//! | --- | --- |
//! | `$CLOUDARK_RDS_Address` | an output of a resource, by its kind or name in upper case (`-` and `.` as `_`) |
//! | `${db.Address}` | an output of the resource `db` |
//! | `${secret.NAME}` | a secret that `cld secret set` has stored |
//! | `$$` | a `$` |
//!
//! Any other `$` is itself. Where `$CLOUDARK_A_B_C` can be read in several ways, the longest kind or name for which
//! there is such an output counts.

mod scan;

use std::collections::BTreeSet;
use std::ops::Range;

use super::words::{listed, nearest, shown};
use crate::ids::Name;
use scan::{MAX_FAULTS, scan};

pub(super) use scan::{Part, parts};

/// A resource and what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name in the environment.
    pub name: Name,
    /// Its kind: `rds`.
    pub kind: String,
    /// Its outputs.
    pub outputs: Vec<OfferedOutput>,
}

/// One output of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedOutput {
    /// `Address`
    pub name: String,
    /// Whether its value is a secret.
    pub secret: bool,
}

/// A piece of a value. All of them, one after another, are the value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Segment {
    /// Text as it is.
    Literal(String),
    /// An output of a resource.
    Output {
        /// The resource's name.
        resource: Name,
        /// The output's name.
        output: String,
        /// Whether it is a secret.
        secret: bool,
    },
    /// A secret of the user.
    Secret {
        /// Its name.
        name: Name,
    },
}

impl Segment {
    /// Whether it must not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::Output { secret: true, .. })
    }
}

/// How carefully a value must be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// It can be shown.
    Plain,
    /// It is exactly one secret, and can be handed on as that.
    Secret,
    /// A secret and something else: the host composes it into a secret of its own.
    Composed,
}

/// How carefully the value of these segments must be handled.
#[must_use]
pub fn sensitivity(segments: &[Segment]) -> Sensitivity {
    match segments {
        [only] if only.is_secret() => Sensitivity::Secret,
        all if all.iter().any(Segment::is_secret) => Sensitivity::Composed,
        _ => Sensitivity::Plain,
    }
}

/// A mistake in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The bytes of the value that are at fault.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Reads a value and finds what it refers to.
///
/// # Errors
/// Every reference that is malformed, undefined or ambiguous.
pub fn resolve(text: &str, offers: &[Offer]) -> Result<Vec<Segment>, Vec<Fault>> {
    let (parts, mut faults) = scan(text);
    let mut segments = Vec::new();
    for part in parts {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        let found = match part {
            Part::Literal(text) => Ok(Segment::Literal(text)),
            Part::Secret { name, .. } => Ok(Segment::Secret { name }),
            Part::Variable { name, range } => variable(&name, range, offers),
            Part::Output { resource, output, range } => output_of(&resource, &output, range, offers),
        };
        match found {
            Ok(segment) => segments.push(segment),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(segments);
    }
    faults.sort_by_key(|fault| fault.range.start);
    Err(faults)
}

/// The mistakes of a value that can be seen without knowing an environment.
#[must_use]
pub fn faults(text: &str) -> Vec<Fault> {
    scan(text).1
}

/// The names of the secrets that a value refers to.
pub fn secrets_in(text: &str) -> BTreeSet<Name> {
    let secret = |part| {
        if let Part::Secret { name, .. } = part { Some(name) } else { None }
    };
    scan(text).0.into_iter().filter_map(secret).collect()
}

/// The value that is exactly this text, whatever is in it.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// A kind or name as variables spell it.
fn spelled(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// What remains of a variable after a resource's kind or name; longest kinds and names first.
fn readings<'o>(name: &str, offers: &'o [Offer]) -> Vec<(usize, &'o Offer, String)> {
    let mut readings: Vec<(usize, &Offer, String)> = Vec::new();
    for offer in offers {
        let spellings = BTreeSet::from([spelled(&offer.kind), spelled(offer.name.as_str())]);
        for spelling in spellings {
            if let Some(output) = name.strip_prefix(&spelling).and_then(|rest| rest.strip_prefix('_')) {
                readings.push((spelling.len(), offer, output.to_owned()));
            }
        }
    }
    readings.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
    readings
}

fn variable(name: &str, range: Range<usize>, offers: &[Offer]) -> Result<Segment, Fault> {
    let readings = readings(name, offers);
    let defined = |reading: &&(usize, &Offer, String)| reading.1.outputs.iter().any(|output| output.name == reading.2);
    let longest = readings.iter().find(defined).map(|(length, ..)| *length);
    let meant: Vec<_> = readings.iter().filter(|reading| Some(reading.0) == longest).filter(defined).collect();
    let fault = |message: String, help: Option<String>| Err(Fault { range: range.clone(), message, help });
    match meant.as_slice() {
        [(_, offer, output)] => output_of(offer.name.as_str(), output, range, offers),
        [] => match readings.first() {
            Some((_, offer, output)) => no_output(offer, output, range),
            None => fault(format!("`$CLOUDARK_{}` is not defined", shown(name)), defined_ones(name, offers)),
        },
        several => {
            let forms: Vec<String> =
                several.iter().map(|(_, offer, output)| format!("${{{}.{output}}}", offer.name)).collect();
            let help = format!("write {}", listed(forms.iter().map(String::as_str)).replace(" and ", " or "));
            fault(format!("`$CLOUDARK_{}` can mean {} resources", shown(name), several.len()), Some(help))
        }
    }
}

fn output_of(resource: &str, output: &str, range: Range<usize>, offers: &[Offer]) -> Result<Segment, Fault> {
    let Some(offer) = offers.iter().find(|offer| offer.name.as_str() == resource) else {
        let names = || offers.iter().map(|offer| offer.name.as_str());
        let help = match nearest(resource, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if offers.is_empty() => "the environment has no resources".to_owned(),
            None => format!("it has {}", listed(names())),
        };
        return Err(Fault {
            range,
            message: format!("the environment has no resource `{}`", shown(resource)),
            help: Some(help),
        });
    };
    match offer.outputs.iter().find(|offered| offered.name == output) {
        Some(found) => {
            Ok(Segment::Output { resource: offer.name.clone(), output: found.name.clone(), secret: found.secret })
        }
        None => no_output(offer, output, range),
    }
}

fn no_output(offer: &Offer, output: &str, range: Range<usize>) -> Result<Segment, Fault> {
    let names = || offer.outputs.iter().map(|output| output.name.as_str());
    let help = match nearest(output, names()) {
        Some(near) => format!("did you mean `{near}`? it has {}", listed(names())),
        None if offer.outputs.is_empty() => "it has no outputs yet".to_owned(),
        None => format!("it has {}", listed(names())),
    };
    Err(Fault { range, message: format!("`{}` has no output `{}`", offer.name, shown(output)), help: Some(help) })
}

/// What a variable that refers to nothing may have been meant to be.
fn defined_ones(name: &str, offers: &[Offer]) -> Option<String> {
    let all: BTreeSet<String> = offers
        .iter()
        .flat_map(|offer| {
            offer.outputs.iter().map(|output| format!("{}_{}", spelled(offer.name.as_str()), output.name))
        })
        .collect();
    let forms: Vec<String> = all.iter().map(|name| format!("$CLOUDARK_{name}")).collect();
    let defined = format!("defined are {}", listed(forms.iter().map(String::as_str)));
    match nearest(name, all.iter().map(String::as_str)) {
        _ if all.is_empty() => Some("the environment offers nothing to refer to".to_owned()),
        Some(near) => Some(format!("did you mean `$CLOUDARK_{near}`? {defined}")),
        None => Some(defined),
    }
}

#[cfg(test)]
mod tests;
