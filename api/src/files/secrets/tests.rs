//! What someone with a password in a file can rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::json;

use super::super::environment::parse;
use super::super::fixtures::{kind, lines};
use super::*;
use crate::extension::{Kind, KindRole};

/// A kind with secrets in every position that a schema can give them.
fn vault() -> Kind {
    let schema = json!({
        "type": "object",
        "properties": {
            "password": { "type": "string", "writeOnly": true },
            "keys": { "type": "array", "items": { "$ref": "#/$defs/Key" } },
            "users": { "type": "object", "additionalProperties": { "anyOf": [{ "type": "string", "writeOnly": true }, { "type": "null" }] } },
            "whole": { "type": "object", "writeOnly": true, "properties": { "pin": { "writeOnly": true } } },
            "tree": { "$ref": "#" },
        },
        "$defs": { "Key": { "type": "object", "properties": { "id": {}, "value": { "writeOnly": true } } } },
    });
    kind("moon", "vault", KindRole::Resource, schema)
}

/// The secrets of a resource with these keys, and the file redacted.
fn redacted(keys: &str) -> (Value, Vec<Taken>, String) {
    let keys = keys.lines().map(|line| format!("          {line}\n")).collect::<String>();
    let text = format!("environment:\n  resources:\n    moon:\n      - resource:\n          type: vault\n{keys}");
    let parsed = parse(&text, &[vault()]);
    let mut file = parsed.value.unwrap_or_else(|| panic!("{}", lines(&parsed.diagnostics)));
    let spec = &mut file.resources[0];
    let taken = take(&mut spec.config, &vault().config_schema, &spec.places);
    let marks: Vec<_> =
        taken.iter().enumerate().map(|(at, taken)| (taken.span, format!("s{at}").parse().unwrap())).collect();
    (spec.config.clone(), taken, redact(&text, &marks))
}

fn exposed(taken: &[Taken]) -> Vec<(&str, &str)> {
    let text = |given: &Given| match given {
        Given::Plain(plain) => plain.expose().to_owned().leak(),
        Given::Reference(name) => format!("reference to {name}").leak(),
    };
    taken.iter().map(|taken| (taken.pointer.as_str(), &*text(&taken.given))).collect()
}

#[test]
fn secrets_are_found_wherever_a_schema_marks_them() {
    let (config, taken, stored) = redacted(
        "password: one-one-one\nkeys:\n  - {id: a, value: two-two-two}\n  - {id: b, value: \"${secret.b}\"}\nusers: {ann: '333-333', bob: }\n\
         whole: {pin: 4444}\ntree: {password: 'five''five'}",
    );
    let wanted = [
        ("/keys/0/value", "two-two-two"),
        ("/keys/1/value", "reference to b"),
        ("/password", "one-one-one"),
        ("/tree/password", "five'five"),
        ("/users/ann", "333-333"),
        ("/whole", "{\"pin\":4444}"),
    ];
    assert_eq!(exposed(&taken), wanted);
    for secret in ["one-one", "two-two", "333", "five", "4444"] {
        assert!(!stored.contains(secret) && !config.to_string().contains(secret), "{stored}\n{config}");
    }
}

#[test]
fn a_secret_that_is_repeated_by_an_alias_is_redacted_once_where_it_stands() {
    let (_, taken, stored) = redacted("password: &pw hunter2-hunter2\nusers: {ann: *pw}");
    assert_eq!(taken.len(), 2);
    assert!(!stored.contains("hunter2") && stored.contains("users: {ann: *pw}"), "{stored}");
}

#[test]
fn only_one_reference_and_nothing_else_is_a_reference() {
    assert_eq!(reference(" ${secret.db-password}\n").unwrap().as_str(), "db-password");
    for text in ["", "x", "${secret.a} ", "$${secret.a}", "${secret.a}${secret.b}", "${db.Address}", "${secret.}"] {
        assert_eq!(reference(text).is_some(), text == "${secret.a} ", "{text:?}");
    }
}

#[test]
fn labels_are_names_and_tell_fields_apart() {
    assert_eq!(label("db", "/password"), "db.password");
    assert_eq!(label("my.db", "/users/0"), "my.db.users.0");
    let all = [
        label("db", "/a/b"),
        label("db", "/a.b"),
        label("db", "/a b"),
        label("db", "/a-b"),
        label("db", &format!("/{}", "é".repeat(99))),
    ];
    assert!(all.iter().all(|label| label.parse::<Name>().is_ok()), "{all:?}");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
}

proptest! {
    #[test]
    fn however_a_secret_is_written_the_stored_file_refers_to_it(secret in "[a-zA-Z0-9#:{}',&*!|>%@`?-]{8,20}", form in 0..5) {
        let quoted = secret.replace('\'', "''");
        let keys = match form {
            0 => format!("password: '{quoted}'"),
            1 => format!("password: \"{secret}\""),
            2 => format!("password: |-\n  {secret}"),
            3 => format!("keys: [{{id: a, value: '{quoted}'}}, {{id: b}}]"),
            _ => format!("keys:\n  - id: a\n    value: >2\n      {secret}\n  - {{id: b}}"),
        };
        let (_, taken, stored) = redacted(&keys);
        prop_assert_eq!(taken.len(), 1);
        prop_assert!(matches!(&taken[0].given, Given::Plain(plain) if plain.expose().trim() == secret));
        prop_assert!(!stored.contains(&secret) && !stored.contains(&quoted));
        let mut again = parse(&stored, &[vault()]).value.expect("the stored file is a file");
        let spec = &mut again.resources[0];
        let again = take(&mut spec.config, &vault().config_schema, &spec.places);
        prop_assert_eq!(&again[0].given, &Given::Reference("s0".parse().unwrap()));
        prop_assert_eq!(&again[0].pointer, &taken[0].pointer);
    }
}
