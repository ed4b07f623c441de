//! What holds for whatever is sent.

use serde_json::json;

use super::super::*;
use super::*;

proptest! {
    #[test]
    fn a_glob_matches_as_the_slow_way_does(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
        fn slow(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| slow(rest, &text[at..])),
                Some((c, rest)) => text.first() == Some(c) && slow(rest, &text[1..]),
            }
        }
        prop_assert_eq!(super::template::glob(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn a_template_lets_through_only_its_own(value in "role/(env-|x|:|/){0,3}(role|db|1){0,2}") {
        let template: Template = "role/{minted}".parse().unwrap();
        prop_assert_eq!(template.matches(&value, &World::default()), ["role/env-role", "role/env-db", "role//env/db"].contains(&value.as_str()));
    }

    /// Whatever path is asked to be deleted: it passes only as the canonical path of an owned thing.
    #[test]
    fn no_spelling_of_a_path_deletes_what_is_not_ours(path in "/v1/databases/[a-zA-Z0-9%./:;?#&=_-]{0,12}", method in "(DELETE|delete|Delete|POST)") {
        let request = Request { method, ..rest("", &path, None) };
        if let Ok(permit) = request.check(&acme()) && permit.effect != Effect::Read {
            let name = request.url.rsplit('/').next().unwrap().to_owned();
            let name = percent_encoding::percent_decode_str(&name).decode_utf8().unwrap().into_owned();
            prop_assert!(["db-1", "net-1"].contains(&name.as_str()), "{}", request.url);
        }
    }

    #[test]
    fn no_host_but_the_granted_passes(host in "(db|DB|\\*)[.](eu|e_u|a[.]b|)[.]acme[.]example([.]evil|:444|:443|@x|\\\\|%2e|/[.][.]|)") {
        let request = Request { url: format!("https://{host}/v1/databases"), ..rest("GET", "", None) };
        if request.check(&acme()).is_ok() {
            prop_assert_eq!(host, "db.eu.acme.example");
        }
    }

    /// Whatever body a create has: it passes only if a strict reader finds our name and mark in it.
    #[test]
    fn no_body_creates_without_our_name_and_mark(body in arbitrary_body()) {
        let text = body.to_string();
        let request = Request { body: text.clone().into_bytes(), substitutions: vec![], ..create() };
        if request.check(&acme()).is_ok() {
            prop_assert_eq!(&body["name"], "env-db");
            prop_assert_eq!(&body["labels"]["cloudark:environment"], "e-1");
            prop_assert!(body.get("admin").is_none_or(|admin| *admin == json!(false)));
        }
    }

    #[test]
    fn no_bytes_crash_the_reading_of_answers(bytes in proptest::collection::vec(any::<u8>(), 0..120), status in any::<u16>()) {
        let request = rest("POST", "/v1/tokens", Some(json!({})));
        let mut permit = request.check(&acme()).unwrap();
        permit.owns = acme().http[0].owns.clone();
        classify(&permit, status, &[], &bytes);
        shown(&permit, &request.call(), status, &bytes, &World::default().mark);
        apply_captures(&permit, &bytes, |_| String::new());
    }

    #[test]
    fn no_request_crashes_the_matcher(method in "\\PC{0,6}", url in "(https://db.eu.acme.example)?\\PC{0,20}", name in "\\PC{0,8}", body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let request = Request { method, url, body, ..rest("GET", "", None).header(&name, "x") };
        let _ = request.check(&acme());
    }
}

fn arbitrary_body() -> impl Strategy<Value = serde_json::Value> {
    let text =
        prop_oneof![Just("env-db"), Just("production"), Just("e-1"), Just("db"), Just("")].prop_map(|t| json!(t));
    let leaf = prop_oneof![text, Just(json!(null)), Just(json!(false)), Just(json!(true)), Just(labels())];
    let key = prop_oneof![
        Just("name"),
        Just("Name"),
        Just("labels"),
        Just("admin"),
        Just("nodes"),
        Just("password"),
        Just("cloudark:environment")
    ];
    let value = leaf.prop_recursive(2, 8, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    (value.clone(), value, Just(labels()))
        .prop_map(|(name, other, labels)| json!({"name": name, "labels": labels, "admin": other}))
}
