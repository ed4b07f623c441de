//! What differs between a cache and what is wanted, and in which order it is changed: the decision, without the calls.

use std::fmt;

use cloudark_sdk::Plan;

use super::State;
use super::config::Config;
use super::group::Group;

/// How to get from what it is to what is wanted.
pub fn plan(seen: &State, config: &Config) -> Plan {
    let comparison = Plan::compare()
        .by_replacement("/engine", &seen.engine, &config.engine.to_string())
        .by_replacement("/tls", &seen.tls, &config.tls)
        .in_place("/flavor", &seen.node_type, &config.flavor)
        .in_place("/replicas", &seen.replicas, &config.replicas);
    match &config.engine_version {
        Some(version) => comparison.in_place("/engine_version", &seen.engine_version, version),
        None => comparison,
    }
    .plan()
}

/// One change: ElastiCache makes one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Whether a replica takes over when the primary fails.
    Failover(bool),
    /// To so many replicas, from fewer.
    Grow(u32),
    /// To so many replicas, from more.
    Shrink(u32),
    /// To this node type.
    NodeType(String),
    /// To this version.
    Version(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failover(true) => f.write_str("letting replicas take over"),
            Self::Failover(false) => f.write_str("letting no replica take over any more"),
            Self::Grow(replicas) => write!(f, "adding replicas: {replicas}"),
            Self::Shrink(replicas) => write!(f, "removing replicas: {replicas}"),
            Self::NodeType(node_type) => write!(f, "changing to {node_type}"),
            Self::Version(version) => write!(f, "changing to version {version}"),
        }
    }
}

/// The changes, in an order that ElastiCache takes: somebody must be there to take over while failover is on.
pub fn steps(group: &Group, recorded: &State, config: &Config) -> Vec<Step> {
    let mut steps = Vec::new();
    let (now, wanted) = (group.replicas(), config.replicas);
    if wanted == 0 && group.has_failover() {
        steps.push(Step::Failover(false));
    }
    match wanted.cmp(&now) {
        std::cmp::Ordering::Greater => steps.push(Step::Grow(wanted)),
        std::cmp::Ordering::Less => steps.push(Step::Shrink(wanted)),
        std::cmp::Ordering::Equal => {}
    }
    if wanted > 0 && !group.has_failover() {
        steps.push(Step::Failover(true));
    }
    let version = config.engine_version.clone().filter(|version| *version != recorded.engine_version);
    if group.node_type != config.flavor {
        steps.push(Step::NodeType(config.flavor.clone()));
    }
    steps.extend(version.map(Step::Version));
    steps
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state() -> State {
        State {
            subnets: "subnets".into(),
            engine: "valkey".into(),
            engine_version: String::new(),
            node_type: "cache.t4g.micro".into(),
            replicas: 0,
            tls: true,
        }
    }

    fn config(config: serde_json::Value) -> Config {
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn size_is_changed_in_place_and_encryption_by_a_new_cache() {
        assert_eq!(plan(&state(), &config(json!({}))), Plan::Nothing);
        let larger = plan(&state(), &config(json!({ "flavor": "cache.r7g.large", "replicas": 1 })));
        assert!(matches!(larger, Plan::Update(changes) if changes.len() == 2));
        assert!(matches!(plan(&state(), &config(json!({ "tls": false }))), Plan::Replace(_)));
        assert!(matches!(plan(&state(), &config(json!({ "engine": "redis" }))), Plan::Replace(_)));
    }

    #[test]
    fn replicas_are_there_before_they_may_take_over_and_until_they_need_not() {
        let one = Group::with_nodes(1, false);
        let two = Group::with_nodes(2, true);
        let steps_of = |group: &Group, replicas: u32| steps(group, &state(), &config(json!({ "replicas": replicas })));
        assert_eq!(steps_of(&one, 0), []);
        assert_eq!(steps_of(&one, 2), [Step::Grow(2), Step::Failover(true)]);
        assert_eq!(steps_of(&two, 3), [Step::Grow(3)]);
        assert_eq!(steps_of(&two, 0), [Step::Failover(false), Step::Shrink(0)]);
        let newer = config(json!({ "engine_version": "8.0" }));
        assert_eq!(steps(&one, &state(), &newer), [Step::Version("8.0".into())]);
    }
}
