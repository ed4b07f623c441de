//! The promises of the catalog and of descriptions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::*;
use crate::extensions::package::{Exports, Manifest};

fn manifest(name: &str) -> Manifest {
    Manifest::from_yaml(&format!(
        "{{ name: {name}, version: 1.0.0, contract: 0.1.0, licence: Apache-2.0, summary: For tests }}"
    ))
    .unwrap()
}

fn record(name: &str, cloud: &str, kinds: &[(&str, &[u32])], foundation: &[u32]) -> Value {
    let kind = |(name, versions): &(&str, &[u32])| {
        json!({
            "name": name, "summary": "", "config_schema": "{\"type\":\"object\"}", "outputs_schema": "{}",
            "state_versions": versions, "holds_data": true, "host_ports_collide": false,
        })
    };
    json!({
        "name": name, "version": "1.0.0", "cloud": cloud, "summary": "x",
        "resource_kinds": kinds.iter().map(kind).collect::<Vec<_>>(), "coe_kinds": [],
        "settings": [{"name": "region", "summary": "", "required": true, "default_value": null}],
        "credentials": [{"signer": "header", "prompt": "Key"}],
        "registries": [{"name": format!("{name}-images"), "summary": ""}],
        "foundation_state_versions": foundation,
    })
}

fn exports(foundation: bool) -> Exports {
    let mut exports = vec!["metadata", "resource"];
    exports.extend(foundation.then_some("foundation"));
    serde_json::from_value(json!(exports)).unwrap()
}

fn description(name: &str, cloud: &str, kinds: &[(&str, &[u32])], foundation: &[u32]) -> Description {
    let record = record(name, cloud, kinds, foundation);
    Description::read(record, &manifest(name), &exports(!foundation.is_empty())).unwrap()
}

fn state(kind: Option<&str>, version: u32) -> StateInUse {
    StateInUse { kind: kind.map(str::to_owned), version, of: "db in staging".into() }
}

#[test]
fn a_kind_of_a_cloud_has_one_owner() {
    let first = description("acme", "acme", &[("sql", &[1])], &[1]);
    let second = description("more", "acme", &[("cache", &[1]), ("sql", &[1])], &[]);
    let refused = check_beside(&second, [&first]).unwrap_err();
    assert!(refused.to_string().starts_with("`sql` of the cloud acme is offered by acme already"), "{refused}");
    // On another cloud it is another kind, and a newer version is no rival.
    assert_eq!(check_beside(&description("other", "other", &[("sql", &[1])], &[1]), [&first]), Ok(()));
    assert_eq!(check_beside(&first, [&first]), Ok(()));
}

#[test]
fn a_cloud_has_one_foundation_and_a_registry_one_owner() {
    let first = description("acme", "acme", &[("sql", &[1])], &[1]);
    let second = description("more", "acme", &[("cache", &[1])], &[1]);
    assert!(matches!(check_beside(&second, [&first]), Err(CatalogError::FoundationTaken { .. })));
    assert_eq!(check_beside(&description("more", "acme", &[("cache", &[1])], &[]), [&first]), Ok(()));
    let mut images = description("other", "other", &[], &[]);
    images.registries.clone_from(&first.registries);
    assert!(matches!(check_beside(&images, [&first]), Err(CatalogError::RegistryTaken { .. })));
}

#[test]
fn an_upgrade_that_cannot_read_a_recorded_state_is_refused() {
    let old = description("acme", "acme", &[("sql", &[1])], &[1]);
    let upgrade = |kinds: &[(&str, &[u32])], foundation: &[u32], in_use: &[StateInUse]| {
        check_upgrade(&old, &description("acme", "acme", kinds, foundation), in_use)
    };
    assert_eq!(upgrade(&[("sql", &[2])], &[1], &[]), Ok(()));
    assert_eq!(upgrade(&[("sql", &[1, 2])], &[1], &[state(Some("sql"), 1), state(None, 1)]), Ok(()));
    let refused = upgrade(&[("sql", &[2])], &[1], &[state(Some("sql"), 1)]).unwrap_err();
    assert!(refused.to_string().contains("the state of db in staging (version 1): it reads 2"), "{refused}");
    // A kind, or the foundation, that is no longer there cannot be read at all.
    assert!(upgrade(&[("cache", &[1])], &[1], &[state(Some("sql"), 1)]).is_err());
    assert!(upgrade(&[("sql", &[1])], &[], &[state(None, 1)]).is_err());
    let elsewhere = description("acme", "else", &[("sql", &[1])], &[1]);
    assert!(matches!(check_upgrade(&old, &elsewhere, &[]), Err(CatalogError::OtherCloud { .. })));
}

#[test]
fn a_description_reads_back_as_it_is_stored() {
    let description = description("acme", "acme", &[("sql", &[1])], &[1]);
    let text = serde_json::to_string(&description).unwrap();
    assert_eq!(serde_json::from_str::<Description>(&text).unwrap(), description);
}

#[test]
fn a_description_that_lies_is_refused() {
    let good = record("acme", "acme", &[("sql", &[1])], &[1]);
    let lies: [(&str, Value, &str); 11] = [
        ("/name", json!("other"), "its manifest says `acme`"),
        ("/version", json!("2.0.0"), "its manifest says `1.0.0`"),
        ("/cloud", json!("a b"), "no name of a cloud"),
        ("/summary", json!("a\u{1b}[2J"), "one line"),
        ("/settings/0/name", json!("region\n"), "is no name"),
        ("/credentials/0/prompt", json!("a\r"), "one line"),
        ("/coe_kinds", good["resource_kinds"].clone(), "does not export `coe`"),
        ("/resource_kinds/0/name", json!("../sql"), "no name of a kind"),
        ("/resource_kinds/0/config_schema", json!("not json"), "the record"),
        ("/resource_kinds/0/state_versions", json!([]), "no state version"),
        ("/foundation_state_versions", json!([]), "exports `foundation`"),
    ];
    for (at, lie, expected) in lies {
        let mut record = good.clone();
        *record.pointer_mut(at).unwrap() = lie;
        let error = Description::read(record, &manifest("acme"), &exports(true)).unwrap_err().to_string();
        assert!(error.contains(expected), "{at}: {error}");
    }
    let silent = Description::read(good, &manifest("acme"), &exports(false)).unwrap_err().to_string();
    assert!(silent.contains("does not export `foundation`"), "{silent}");
}
