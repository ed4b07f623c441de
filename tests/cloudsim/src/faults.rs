//! Faults by script: which calls fail, how, and how often. Plain data and a pure decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::{Label, Refusal};

/// A rule of `POST /_sim/faults`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which calls.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// What happens to them.
    pub fault: Fault,
    /// How many calls it strikes; 1 unless said, without end for `every`.
    #[serde(default)]
    pub times: Option<u64>,
    /// How many calls have matched.
    #[serde(default, skip_deserializing)]
    pub seen: u64,
    /// How many calls it struck.
    #[serde(default, skip_deserializing)]
    pub struck: u64,
}

/// Which calls a rule means; what is left out matches anything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// `ec2`
    pub service: Option<String>,
    /// `CreateVpc`; a `*` at the end matches the rest.
    pub action: Option<String>,
    /// `read` or `mutation`.
    pub effect: Option<String>,
    /// Top-level parameters that must have exactly these values.
    pub params: BTreeMap<String, Value>,
    /// Strike from the nth matching call on, counted from 1.
    pub nth: Option<u64>,
    /// Strike every matching call.
    pub every: bool,
    /// Only calls of this number in the call log or later.
    pub from_call: Option<u64>,
}

/// What happens to a struck call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Not processed; the service's own throttling code and status.
    Throttle,
    /// Not processed, but who could tell: an internal error.
    Status500,
    /// Processed, and an internal error all the same.
    Status500After,
    /// Not processed: unavailable.
    Status503,
    /// The connection is closed before anything happens.
    ResetBefore,
    /// Processed; then the connection is closed without an answer.
    ResetAfter,
    /// Processed and answered, later.
    Delay {
        /// How much later.
        ms: u64,
    },
    /// Not processed; the connection is held silent, then closed.
    Hang {
        /// How long it is held.
        ms: u64,
    },
    /// Processed; the connection is held silent, then closed.
    HangAfter {
        /// How long it is held.
        ms: u64,
    },
    /// Not processed; exactly this error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
        /// Its message.
        #[serde(default)]
        message: String,
    },
}

impl Fault {
    /// Whether the cloud acts on a call that this fault strikes.
    pub fn lets_through(&self) -> bool {
        matches!(self, Self::Status500After | Self::ResetAfter | Self::Delay { .. } | Self::HangAfter { .. })
    }

    /// The refusal that is answered, if one is.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::Throttle),
            Self::Status500 | Self::Status500After => Some(Refusal::Status500),
            Self::Status503 => Some(Refusal::Status503),
            Self::Error { status, code, message } => {
                Some(Refusal::Error { status: *status, code: code.clone(), message: message.clone() })
            }
            Self::ResetBefore | Self::ResetAfter | Self::Delay { .. } | Self::Hang { .. } | Self::HangAfter { .. } => {
                None
            }
        }
    }

    /// How long the call is held before it ends, in milliseconds.
    pub fn held_ms(&self) -> u64 {
        match self {
            Self::Delay { ms } | Self::Hang { ms } | Self::HangAfter { ms } => *ms,
            _ => 0,
        }
    }

    /// Whether the connection is closed without an answer.
    pub fn breaks(&self) -> bool {
        matches!(self, Self::ResetBefore | Self::ResetAfter | Self::Hang { .. } | Self::HangAfter { .. })
    }
}

/// All rules. The first that strikes a call decides; every rule that matches counts it.
#[derive(Debug, Default)]
pub struct FaultBook {
    rules: Vec<Rule>,
}

impl FaultBook {
    /// Adds rules after those that are there.
    pub fn add(&mut self, rules: Vec<Rule>) {
        self.rules.extend(rules);
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules, with their counts.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The fault that strikes this call, if one does.
    pub fn strike(&mut self, n: u64, label: &Label) -> Option<Fault> {
        let mut fault = None;
        for rule in &mut self.rules {
            if !rule.matching.covers(n, label) {
                continue;
            }
            rule.seen += 1;
            let limit = rule.times.unwrap_or(if rule.matching.every { u64::MAX } else { 1 });
            let due = rule.seen >= rule.matching.nth.unwrap_or(1) && rule.struck < limit;
            if due && fault.is_none() {
                rule.struck += 1;
                fault = Some(rule.fault.clone());
            }
        }
        fault
    }
}

impl Match {
    fn covers(&self, n: u64, label: &Label) -> bool {
        let effect = match label.effect {
            crate::cloud::Effect::Read => "read",
            crate::cloud::Effect::Mutation => "mutation",
        };
        self.service.as_ref().is_none_or(|service| *service == label.service)
            && self.action.as_ref().is_none_or(|action| named(action, &label.action))
            && self.effect.as_ref().is_none_or(|wanted| wanted == effect)
            && self.from_call.is_none_or(|first| n >= first)
            && self.params.iter().all(|(key, value)| label.params.get(key) == Some(value))
    }
}

fn named(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => pattern == action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Effect;

    fn label(action: &str) -> Label {
        Label {
            service: "ec2".into(),
            action: action.into(),
            region: String::new(),
            access_key: None,
            effect: Effect::Mutation,
            params: serde_json::json!({ "Name": "a" }),
            shown: Value::Null,
        }
    }

    fn book(rules: Value) -> FaultBook {
        let mut book = FaultBook::default();
        book.add(serde_json::from_value(rules).unwrap());
        book
    }

    #[test]
    fn a_rule_strikes_the_nth_call_and_as_often_as_it_says() {
        let mut book = book(serde_json::json!([
            { "match": { "action": "Create*", "nth": 2 }, "fault": "throttle", "times": 2 }
        ]));
        let struck: Vec<bool> = (1..6).map(|n| book.strike(n, &label("CreateVpc")).is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
    }

    #[test]
    fn every_has_no_end_and_other_calls_are_left_alone() {
        let mut book = book(serde_json::json!([
            { "match": { "every": true, "params": { "Name": "a" } }, "fault": { "delay": { "ms": 1 } } }
        ]));
        assert!((1..9).all(|n| book.strike(n, &label("X")).is_some()));
        let mut other = label("X");
        other.params = serde_json::json!({ "Name": "b" });
        assert!(book.strike(9, &other).is_none());
    }
}
