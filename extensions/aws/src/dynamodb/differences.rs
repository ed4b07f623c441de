//! What differs between a table and what is wanted: the decision, without the calls.

use cloudark_sdk::Plan;

use super::State;
use super::config::{Config, KeyType};

/// A key as states and plans write it: `id (string)`.
pub fn key(name: &str, kind: KeyType) -> String {
    format!("{name} ({})", kind.name())
}

/// How to get from what it is to what is wanted: keys are for ever, billing is not.
pub fn plan(seen: &State, config: &Config) -> Plan {
    let mut keys = config.keys().into_iter().map(|(name, kind)| key(name, kind));
    let (hash, range) = (keys.next().unwrap_or_default(), keys.next().unwrap_or_default());
    Plan::compare()
        .by_replacement("/hash_key", &seen.hash_key, &hash)
        .by_replacement("/range_key", &seen.range_key, &range)
        .in_place("/billing", &seen.billing, &config.billing().to_string())
        .plan()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn billing_is_changed_in_place_and_a_key_by_a_new_table() {
        let seen = State { hash_key: "id (string)".into(), range_key: String::new(), billing: "on-demand".into() };
        let plan_of = |config| plan(&seen, &serde_json::from_value(config).unwrap());
        assert_eq!(plan_of(json!({})), Plan::Nothing);
        assert!(matches!(plan_of(json!({ "billing": "provisioned" })), Plan::Update(changes) if changes.len() == 1));
        assert!(matches!(plan_of(json!({ "range_key": "at" })), Plan::Replace(_)));
        assert!(matches!(plan_of(json!({ "hash_key_type": "number" })), Plan::Replace(_)));
    }
}
