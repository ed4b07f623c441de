//! The decision about one request.

use url::Url;

use super::denial::{Part, Refused, denial};
use super::fields::{self, Miss};
use super::model::{Effect, Grants, HttpGrant, Rule};
use super::permit::{Denial, Facts, Mode, Permit};
use super::template::glob;
use super::{HttpCall, Protocol, sinks};
use crate::credentials::wire::{self, Asked, PathTemplate, RestOperation};
use crate::extensions::Origin;

/// What allows an operation.
struct Allowed<'a> {
    operation: String,
    effect: Effect,
    /// None for the `read` list.
    rule: Option<&'a Rule>,
    parameters: Vec<(String, String)>,
}

impl Grants {
    /// Whether a request may be sent, and as what.
    ///
    /// # Errors
    /// The [`Denial`] of the grant that comes closest to allowing it.
    pub fn check(&self, call: &HttpCall<'_>, facts: &dyn Facts, mode: Mode) -> Result<Permit, Denial> {
        let never =
            |why: String| Denial { message: format!("the request is refused: {why}"), rule_that_would_allow: None };
        let url = call.parsed_url().map_err(|e| never(e.to_string()))?;
        let origin = Origin::of(&url).map_err(|e| never(e.to_string()))?;
        let mut closest: Option<(&HttpGrant, Refused)> = None;
        for grant in self.http.iter().filter(|grant| grant.origin.matches(&origin)) {
            match grant.check(call, &url, &origin, facts, mode) {
                Ok(permit) => return Ok(permit),
                Err(refused) if closest.as_ref().is_none_or(|(_, best)| best.rank() < refused.rank()) => {
                    closest = Some((grant, refused));
                }
                Err(_) => {}
            }
        }
        Err(denial(call, &url, &origin, closest))
    }
}

impl HttpGrant {
    fn check(
        &self,
        call: &HttpCall<'_>,
        url: &Url,
        origin: &Origin,
        facts: &dyn Facts,
        mode: Mode,
    ) -> Result<Permit, Refused> {
        let signed_as_granted = match (&self.sign, call.signer) {
            (Some(rule), Some(signer)) => rule.allows(signer),
            (None, None) => true,
            _ => false,
        };
        if !signed_as_granted {
            return Err(Refused::Signer);
        }
        let request = |e: wire::Refusal| Refused::Request(e.to_string());
        wire::check_headers(self.protocol, call, &self.headers).map_err(request)?;
        let asked = Asked::read(self.protocol, call, url).map_err(request)?;
        let mut closest = Refused::Operation(asked.operation());
        for allowed in self.allowing(&asked) {
            match self.check_allowed(call, &asked, &allowed, facts, mode) {
                Ok((sinks, marked)) => return Ok(self.permit(call, origin, allowed, sinks, marked)),
                Err(refused) if closest.rank() < refused.rank() => closest = refused,
                Err(_) => {}
            }
        }
        Err(closest)
    }

    /// The rules that name what is asked, then the `read` list.
    fn allowing<'a>(&'a self, asked: &Asked) -> Vec<Allowed<'a>> {
        let by_rule = self.allow.iter().filter_map(|rule| {
            let (operation, parameters) = bind(&rule.op, asked)?;
            Some(Allowed { operation, effect: rule.effect_under(self.protocol), rule: Some(rule), parameters })
        });
        let by_read = self.read.iter().filter_map(|read| {
            let (operation, parameters) = bind_read(read, asked)?;
            Some(Allowed { operation, effect: Effect::Read, rule: None, parameters })
        });
        by_rule.chain(by_read).collect()
    }

    fn check_allowed(
        &self,
        call: &HttpCall<'_>,
        asked: &Asked,
        allowed: &Allowed<'_>,
        facts: &dyn Facts,
        mode: Mode,
    ) -> Result<(Vec<String>, bool), Refused> {
        if mode == Mode::Query && allowed.effect != Effect::Read {
            return Err(Refused::Changes(allowed.operation.clone()));
        }
        let open = Rule::default();
        let rule = allowed.rule.unwrap_or(&open);
        let outside = |part: Part| {
            move |miss: Miss| Refused::Outside {
                operation: allowed.operation.clone(),
                effect: allowed.effect,
                part,
                miss,
            }
        };
        if let Asked::Rest { query, .. } = asked {
            let named = |name: &str| {
                self.query.iter().any(|granted| granted == name)
                    || rule.conditions.fields().any(|field| field.strip_prefix('?') == Some(name))
            };
            if let Some((name, _)) = query.iter().find(|(name, _)| !named(name)) {
                let miss = Miss::new(name, "is no query parameter that the grant lists");
                return Err(outside(Part::Query)(miss));
            }
        }
        let marked = fields::check(asked, &allowed.parameters, rule, facts).map_err(outside(Part::Where))?;
        let sinks = sinks::check(call, self.protocol, asked, allowed.rule).map_err(outside(Part::Secrets))?;
        Ok((sinks, marked))
    }

    fn permit(
        &self,
        call: &HttpCall<'_>,
        origin: &Origin,
        allowed: Allowed<'_>,
        sinks: Vec<String>,
        marked: bool,
    ) -> Permit {
        let limit = allowed.rule.and_then(|rule| rule.timeout_ms).unwrap_or(self.timeout_ms);
        let of_operation = |op: &str| same_operation(op, &allowed.operation);
        Permit {
            origin: origin.clone(),
            protocol: self.protocol,
            summary: match self.protocol {
                Protocol::Rest => match allowed.operation.split_once(' ') {
                    // The path as it was sent: people look for the thing it is about.
                    Some((method, _)) => format!("{method} {}", call.url.split('?').next().unwrap_or_default()),
                    None => allowed.operation.clone(),
                },
                _ => format!("{} {origin} {}", call.method, allowed.operation),
            },
            effect: allowed.effect,
            signer: call.signer.cloned(),
            sinks,
            captures: self.capture.iter().filter(|rule| of_operation(&rule.op)).cloned().collect(),
            refused: self.refused_codes.clone(),
            throttled: self.throttled_codes.clone(),
            error_code: self.error_code.clone(),
            settle_ms: allowed.rule.and_then(|rule| rule.settle_ms).unwrap_or(self.settle_ms),
            timeout_ms: call.timeout_ms.map_or(limit, |asked| asked.clamp(1, limit)),
            max_response_bytes: self.max_response_bytes,
            owns: self.owns.iter().filter(|rule| of_operation(&rule.op)).cloned().collect(),
            marked,
            operation: allowed.operation,
        }
    }
}

impl Rule {
    /// Its effect, or what is assumed where it is silent.
    pub(super) fn effect_under(&self, protocol: Protocol) -> Effect {
        self.effect.unwrap_or_else(|| {
            let reads = protocol == Protocol::Rest && self.op.parse::<RestOperation>().is_ok_and(|op| op.is_reading());
            if reads { Effect::Read } else { Effect::Once }
        })
    }
}

/// Whether a rule's operation is what is asked: the operation's name and the values of path parameters.
fn bind(op: &str, asked: &Asked) -> Option<(String, Vec<(String, String)>)> {
    match asked {
        Asked::Form { action, .. } | Asked::Json { action, .. } => (op == action).then(|| (action.clone(), Vec::new())),
        Asked::Rest { method, path, .. } => {
            let op: RestOperation = op.parse().ok()?;
            let parameters = op.path.bind(path).filter(|_| op.method == *method)?;
            Some((format!("{method} {}", op.path), parameters))
        }
    }
}

fn bind_read(read: &str, asked: &Asked) -> Option<(String, Vec<(String, String)>)> {
    match asked {
        Asked::Form { action, .. } | Asked::Json { action, .. } => {
            name_fits(read, action).then(|| (action.clone(), Vec::new()))
        }
        Asked::Rest { method, path, .. } if matches!(method.as_str(), "GET" | "HEAD") => {
            let template: PathTemplate = read_path(read).parse().ok()?;
            Some((format!("{method} {template}"), template.bind(path)?))
        }
        Asked::Rest { .. } => None,
    }
}

/// The path of a `read` entry of `rest`, which may be led by `GET`.
pub(super) fn read_path(read: &str) -> &str {
    read.strip_prefix("GET ").unwrap_or(read)
}

/// Whether a name, perhaps ended by `*`, is this operation's.
pub(super) fn name_fits(pattern: &str, operation: &str) -> bool {
    glob(pattern, operation)
}

/// Whether an `owns` or `capture` entry is about this operation.
pub(super) fn same_operation(op: &str, operation: &str) -> bool {
    match operation.contains(' ') {
        true => op == operation || operation.strip_prefix("GET ") == Some(op),
        false => name_fits(op, operation),
    }
}
