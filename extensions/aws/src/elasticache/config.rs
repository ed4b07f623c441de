//! The configuration of a cache, and what is wrong with one.

use cloudark_sdk::prelude::*;
use cloudark_sdk::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The smallest node of the current generation.
pub const DEFAULT_NODE: &str = "cache.t4g.micro";

/// `configuration:` of a resource of type `elasticache`, with its `policy`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The engine. Both speak the protocol of Redis.
    #[serde(default)]
    pub engine: Engine,
    /// The engine's version, `8.0`; the one that ElastiCache prefers if silent.
    pub engine_version: Option<String>,
    /// The node type: cache.t4g.micro if silent.
    #[serde(default = "default_node")]
    pub flavor: String,
    /// How many replicas stand by to take over from the primary: none if silent.
    #[schemars(range(min = 0, max = 5))]
    #[serde(default)]
    pub replicas: u32,
    /// Whether connections are encrypted, and need the password that is generated: yes if silent.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Who may reach it, and what becomes of it.
    #[serde(default)]
    pub policy: Policy,
}

fn default_node() -> String {
    DEFAULT_NODE.to_owned()
}

const fn yes() -> bool {
    true
}

/// The engines that are offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Valkey.
    #[default]
    Valkey,
    /// Redis OSS.
    Redis,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valkey => "valkey",
            Self::Redis => "redis",
        })
    }
}

/// Who may reach a cache, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// `cluster`, applications of this environment: ElastiCache has no public addresses.
    pub access: Option<String>,
    /// What deleting does.
    pub deletion: Deletion,
}

/// What deleting a cache does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Deletion {
    /// The data is gone.
    #[default]
    Delete,
    /// A last snapshot is taken before.
    Snapshot,
}

impl Config {
    /// What is wrong with it, or dangerous.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.flavor.starts_with("cache.") || self.flavor.split('.').count() != 3 {
            let message =
                format!("{:?} is no node type of ElastiCache: write one such as `{DEFAULT_NODE}`", self.flavor);
            problems.push(Problem::error("/flavor", message));
        }
        if let Some(access) = self.policy.access.as_deref().filter(|access| *access != "cluster") {
            let message = format!(
                "ElastiCache has no public addresses, so {access:?} cannot be: applications of this environment reach \
                 it (`cluster`), and nobody else"
            );
            problems.push(Problem::error("/policy/access", message));
        }
        if !self.tls {
            let message = "without TLS there is no password either: every application of this environment can read and \
                           change everything in it";
            problems.push(Problem::warning("/tls", message));
        }
        problems
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cloudark_sdk::plan::Severity;
    use serde_json::json;

    #[test]
    fn what_cannot_work_is_an_error_and_what_is_dangerous_a_warning() {
        for (file, severity, pointer) in [
            (json!({ "flavor": "large" }), Severity::Error, "/flavor"),
            (json!({ "policy": { "access": "open" } }), Severity::Error, "/policy/access"),
            (json!({ "tls": false }), Severity::Warning, "/tls"),
        ] {
            let config: Config = serde_json::from_value(file.clone()).unwrap();
            let found: Vec<_> = config.problems().into_iter().map(|one| (one.severity, one.pointer)).collect();
            assert_eq!(found, [(severity, pointer.to_owned())], "{file}");
        }
        let config: Config = serde_json::from_value(json!({ "policy": { "access": "cluster" } })).unwrap();
        assert!(config.problems().is_empty());
        assert_eq!((config.engine, config.tls, config.replicas), (Engine::Valkey, true, 0));
    }
}
