//! The promises of the catalog.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn extension(name: &str, cloud: &str, kinds: &[(&str, &[u32])], foundation: bool) -> Installed {
    let manifest = Manifest::from_yaml(&format!(
        "{{ name: {name}, version: 1.0.0, contract: 0.1.0, licence: Apache-2.0, summary: For tests }}"
    ))
    .unwrap();
    let mut exports = vec!["metadata", "resource"];
    exports.extend(foundation.then_some("foundation"));
    let exports: Exports = serde_json::from_value(json!(exports)).unwrap();
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(name, versions)| {
            json!({
                "name": name, "summary": "", "config_schema": "{\"type\":\"object\"}", "outputs_schema": {},
                "state_versions": versions, "holds_data": true, "host_ports_collide": false,
            })
        })
        .collect();
    let record = json!({
        "name": name, "version": "1.0.0", "cloud": cloud, "summary": "x", "resource_kinds": kinds, "coe_kinds": [],
        "settings": [{"name": "region", "summary": "", "required": true, "default_value": null}],
        "credentials": [{"signer": "header", "prompt": "Key"}], "registries": [],
        "foundation_state_versions": if foundation { vec![1] } else { vec![] },
    });
    let description = Description::read(record, &manifest, &exports).unwrap();
    Installed {
        name: name.into(),
        version: "1.0.0".into(),
        digest: ComponentDigest::of(name.as_bytes()),
        grants: manifest.grants.clone(),
        manifest,
        exports,
        description,
        installed_at: "2026-01-01T00:00:00Z".into(),
        agreed_by: "operator".into(),
    }
}

fn with(extensions: &[Installed]) -> Catalog {
    extensions.iter().fold(Catalog::default(), |catalog, one| catalog.install(one.clone(), &[]).unwrap())
}

fn state(extension: &str, kind: Option<&str>, version: u32) -> StateInUse {
    StateInUse { extension: extension.into(), kind: kind.map(str::to_owned), version, of: "db in staging".into() }
}

#[test]
fn a_kind_has_one_owner_until_the_operator_chooses() {
    let catalog = with(&[extension("acme", "acme", &[("sql", &[1])], true)]);
    let second = extension("other", "other", &[("sql", &[1]), ("cache", &[1])], true);
    let refused = catalog.install(second.clone(), &[]).unwrap_err();
    assert!(refused.to_string().contains("choose one of them"), "{refused}");
    let chosen = catalog.choose("sql", "other").install(second, &[]).unwrap();
    assert_eq!(chosen.kind(Role::Resource, "sql").unwrap().by.name, "other");
    assert_eq!(chosen.kinds().count(), 2);
    assert!(chosen.kind(Role::Coe, "sql").is_none());
    let back = chosen.remove("other", &[]).unwrap();
    assert_eq!(back.kind(Role::Resource, "sql").unwrap().by.name, "acme");
}

#[test]
fn a_cloud_has_one_foundation() {
    let catalog = with(&[extension("acme", "acme", &[("sql", &[1])], true)]);
    let second = catalog.install(extension("more", "acme", &[("cache", &[1])], true), &[]).unwrap_err();
    assert!(matches!(second, CatalogError::FoundationTaken { .. }), "{second}");
    let without = catalog.install(extension("more", "acme", &[("cache", &[1])], false), &[]).unwrap();
    assert_eq!(without.foundation("acme").unwrap().name, "acme");
    assert_eq!((without.clouds(), without.of_cloud("acme").count()), (vec!["acme"], 2));
    assert!(without.foundation("none").is_none());
}

#[test]
fn an_upgrade_that_asks_for_more_shows_the_difference() {
    let old = extension("acme", "acme", &[("sql", &[1])], true);
    let catalog = with(std::slice::from_ref(&old));
    assert!(!catalog.assess(&old, &[]).unwrap().grants.is_wider());
    let mut new = old.clone();
    new.grants =
        Grants::from_yaml("http: [{ origin: https://a.acme.example, protocol: rest, read: [/v1/x] }]").unwrap();
    let change = catalog.assess(&new, &[]).unwrap();
    assert_eq!(change.replaces.as_deref(), Some("1.0.0"));
    assert_eq!(change.grants.added, ["https://a.acme.example, unsigned: may read /v1/x"]);
    let first = Catalog::default().assess(&new, &[]).unwrap();
    assert!(first.replaces.is_none() && first.grants.is_wider() && first.grants.removed.is_empty());
}

#[test]
fn an_upgrade_that_cannot_read_a_recorded_state_is_refused() {
    let catalog = with(&[extension("acme", "acme", &[("sql", &[1])], true)]);
    let install = |new: Installed, in_use: &[StateInUse]| catalog.install(new, in_use);
    let reads_two = extension("acme", "acme", &[("sql", &[2])], true);
    assert!(install(reads_two.clone(), &[]).is_ok());
    let refused = install(reads_two, &[state("acme", Some("sql"), 1)]).unwrap_err();
    assert!(refused.to_string().contains("the state of db in staging (version 1): it reads 2"), "{refused}");
    assert!(install(extension("acme", "acme", &[("sql", &[1, 2])], true), &[state("acme", Some("sql"), 1)]).is_ok());
    assert!(install(extension("acme", "acme", &[("cache", &[1])], true), &[state("acme", Some("sql"), 1)]).is_err());
    assert!(install(extension("acme", "acme", &[("sql", &[1])], false), &[state("acme", None, 1)]).is_err());
    assert!(install(extension("acme", "else", &[("sql", &[1])], true), &[]).is_err());
}

#[test]
fn what_is_in_use_is_not_removed() {
    let catalog = with(&[extension("acme", "acme", &[("sql", &[1])], true)]);
    assert!(matches!(catalog.remove("acme", &[state("acme", Some("sql"), 1)]), Err(CatalogError::InUse { .. })));
    assert!(matches!(catalog.remove("acne", &[]), Err(CatalogError::NotInstalled { .. })));
    assert_eq!(catalog.remove("acme", &[state("other", None, 1)]).unwrap(), Catalog::default());
}

#[test]
fn a_catalog_reads_back_as_it_is_stored() {
    let catalog = with(&[extension("acme", "acme", &[("sql", &[1])], true)]).choose("sql", "acme");
    let text = serde_json::to_string(&catalog).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&text).unwrap(), catalog);
}

#[test]
fn a_description_that_lies_is_refused() {
    let good = extension("acme", "acme", &[("sql", &[1])], true);
    let record = serde_json::to_value(&good.description).unwrap();
    let read = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut record = record.clone();
        change(&mut record);
        Description::read(record, &good.manifest, &good.exports).map_err(|e| e.to_string())
    };
    assert!(read(&|_| {}).is_ok());
    let lies: [(&str, serde_json::Value, &str); 8] = [
        ("/name", json!("other"), "its manifest says `acme`"),
        ("/version", json!("2.0.0"), "its manifest says `1.0.0`"),
        ("/cloud", json!("a b"), "no name of a cloud"),
        ("/summary", json!("a\u{1b}[2J"), "one line"),
        ("/coe_kinds", record.pointer("/resource_kinds").cloned().unwrap(), "does not export `coe`"),
        ("/resource_kinds/0/config_schema", json!("not json"), "the record"),
        ("/resource_kinds/0/state_versions", json!([]), "no state version"),
        ("/foundation_state_versions", json!([]), "is empty"),
    ];
    for (at, lie, expected) in lies {
        let error = read(&|record| *record.pointer_mut(at).unwrap() = lie.clone()).unwrap_err();
        assert!(error.contains(expected), "{at}: {error}");
    }
}
