//! What stands in a body, and where secrets may.

use serde_json::json;

use super::super::*;
use super::*;

#[test]
fn a_body_is_read_as_the_service_reads_it() {
    let with = |text: &str| Request { body: text.as_bytes().to_vec(), substitutions: vec![], ..create() };
    let twice = r#"{"name":"production","name":"env-db","labels":{}}"#;
    assert!(why(&with(twice)).contains("twice"));
    let twin = format!(r#"{{"name":"env-db","Name":"production","labels":{}}}"#, labels());
    assert!(why(&with(&twin)).contains("`Name`"));
    let form =
        Request { headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())], ..create() };
    assert!(why(&form).contains("Content-Type"));
    assert!(why(&Request { headers: vec![], ..create() }).contains("Content-Type"));
    let merge = Request {
        headers: vec![("Content-Type".into(), "application/merge-patch+json; charset=UTF-8".into())],
        ..create()
    };
    assert!(merge.check(&acme()).is_ok());
}

#[test]
fn a_missing_or_empty_field_fulfils_no_condition() {
    for body in [
        json!({"labels": labels()}),
        json!({"name": "", "labels": labels()}),
        json!({"name": null, "labels": labels()}),
        json!({"name": ["env-db"], "labels": labels()}),
        json!({"name": "env-db"}),
        json!({"name": "env-db", "labels": {}}),
        json!({"name": "env-db", "labels": {"cloudark:environment": "e-1"}}),
        json!({"name": "env-db", "labels": {"cloudark:environment": "e-2", "cloudark:piece": "db"}}),
        json!({"name": "env-db", "labels": [], "admin": false}),
        json!({"name": "env-db", "labels": labels(), "admin": true}),
        json!({"name": "env-db", "labels": labels(), "nodes": [{"image": "evil:1"}]}),
        json!({"name": "env-db", "labels": labels(), "nodes": [{"image": "nginx:1"}, {"image": "evil:1"}]}),
        json!({"name": "env-db", "labels": labels(), "surprise": 1}),
    ] {
        assert!(rest("POST", "/v1/databases", Some(body.clone())).check(&acme()).is_err(), "{body}");
    }
    for body in [
        json!({"name": "env-db", "labels": labels()}),
        json!({"name": "env-db", "labels": labels(), "admin": false, "nodes": []}),
        json!({"name": "env-db", "labels": labels(), "nodes": [{"image": "nginx:1"}, {"image": "nginx:1"}]}),
    ] {
        rest("POST", "/v1/databases", Some(body.clone())).check(&acme()).unwrap();
    }
}

#[test]
fn a_secret_goes_where_the_rule_says_and_nowhere_else() {
    let body = |password: &str, image: &str| json!({"name": "env-db", "labels": labels(), "password": password, "note": image});
    let ask = |password: &str, note: &str| rest("POST", "/v1/databases", Some(body(password, note)));
    assert!(ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Json).check(&acme()).is_ok());
    for (request, expected) in [
        (ask("x", "__secret_0__").secret("/note", "__secret_0__", Encoding::Json), "may be written"),
        (ask("x", "__secret_0__").secret("/password", "__secret_0__", Encoding::Json), "does not hold"),
        (ask("__secret_0__", "__secret_0__").secret("/password", "__secret_0__", Encoding::Json), "only place"),
        (ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Raw), "encoding"),
        (ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Form), "encoding"),
        (ask("a\"b-------", "n").secret("/password", "a\"b-------", Encoding::Json), "placeholder"),
        (ask("password", "n").secret("/password", "password", Encoding::Json), "only place"),
        (
            ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Json).secret(
                "/password",
                "secret_0__",
                Encoding::Json,
            ),
            "another secret",
        ),
        (rest("GET", "/v1/databases", None).secret("/password", "__secret_0__", Encoding::Json), "may be written"),
    ] {
        assert!(why(&request).contains(expected), "{}", why(&request));
    }
}
