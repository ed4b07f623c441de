//! What passes and what does not.

use serde_json::json;

use super::super::*;
use super::*;

#[test]
fn what_a_rule_allows_passes_with_all_that_the_host_needs() {
    let permit = create().check(&acme()).unwrap();
    assert_eq!(permit.operation, "POST /v1/databases");
    assert_eq!(permit.summary, "POST https://db.eu.acme.example/v1/databases");
    assert_eq!(permit.origin.to_string(), "https://db.eu.acme.example");
    assert_eq!((permit.effect, permit.marked), (Effect::Once, true));
    assert_eq!(permit.sinks, ["/password"]);
    assert_eq!((permit.settle_ms, permit.timeout_ms), (120_000, 30_000));
    let read = rest("GET", "/v1/databases/env-db?page-token=x", None).check(&acme()).unwrap();
    assert_eq!((read.effect, read.operation.as_str()), (Effect::Read, "GET /v1/databases/{name}"));
    let delete = rest("DELETE", "/v1/databases/db-1", None).check(&acme()).unwrap();
    assert_eq!(delete.effect, Effect::Idempotent);
}

#[test]
fn without_grants_nothing_passes() {
    let denial = create().check(&Grants::default()).unwrap_err();
    assert!(denial.message.contains("no grant names this origin"), "{denial}");
    assert!(denial.rule_that_would_allow.is_some());
}

#[test]
fn what_is_not_this_environments_is_not_touched() {
    assert!(
        why(&rest("DELETE", "/v1/databases/production", None)).contains("`name` is not shown to be this environment's")
    );
    // The name of ours is not enough: an answer must have shown it with our mark.
    assert!(why(&rest("DELETE", "/v1/databases/env-db", None)).contains("`name`"));
}

#[test]
fn a_denial_names_a_rule_that_allows_the_request() {
    let requests = [
        rest("DELETE", "/v1/databases/production", None),
        rest("POST", "/v1/other", Some(json!({}))),
        rest("GET", "/v1/other", None),
        rest("GET", "/v1/databases?filter=x", None),
        Request { url: "https://else.example/x".into(), ..rest("GET", "/", None) },
        Request { signer: Some(Signer::Basic), ..rest("GET", "/v1/databases", None) },
        Request { signer: None, ..rest("GET", "/v1/databases", None) },
        rest("POST", "/v1/tokens", Some(json!({"a": "__secret_0__"}))).secret("/a", "__secret_0__", Encoding::Json),
    ];
    for request in requests {
        let denial = request.check(&acme()).unwrap_err();
        let rule = denial.rule_that_would_allow.expect(&denial.message);
        assert!(denial.message.contains(&rule));
        let wider: Grants = serde_yaml_ng::from_str(&rule).expect(&rule);
        // The rule is one more; what else the request needs, the old ones may give.
        let mut both = acme();
        let needs_read = rule.contains("query:");
        both.http.extend(wider.http.into_iter().map(|mut grant| {
            if needs_read {
                grant.read = acme().http[0].read.clone();
            }
            grant
        }));
        request.check(&both).unwrap_or_else(|e| panic!("{rule} should allow: {e}"));
    }
}

#[test]
fn a_query_only_reads() {
    let query = |request: &Request| acme().check(&request.call(), &World::default(), Mode::Query);
    assert!(query(&rest("GET", "/v1/databases", None)).is_ok());
    assert!(query(&create()).unwrap_err().message.contains("may only read"));
    assert!(query(&rest("DELETE", "/v1/databases/db-1", None)).is_err());
    // A rule may say that a POST reads; its author's word is shown to the operator.
    assert!(query(&rest("POST", "/v1/databases:search", Some(json!({})))).is_ok());
}

#[test]
fn nothing_replaces_the_method_that_was_checked() {
    for name in ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X_HTTP_Method_Override"] {
        assert!(why(&rest("GET", "/v1/databases", None).header(name, "DELETE")).contains("belongs to the host"));
    }
    assert!(why(&rest("GET", "/v1/databases?_method=DELETE", None)).contains("never allowed"));
    assert!(why(&rest("GET", "/v1/databases?Action=DeleteDBInstance", None)).contains("never allowed"));
    assert!(why(&rest("get", "/v1/databases", None)).contains("method"));
    assert!(why(&Request { body: b"{}".to_vec(), ..rest("GET", "/v1/databases", None) }).contains("no body"));
}

#[test]
fn headers_of_the_host_are_refused_even_if_granted() {
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "Authorization",
        "Cookie",
        "X-Amz-Security-Token",
        "x-amz-date",
        "X-Forwarded-For",
        "Accept-Encoding",
        "Range",
        "Expect",
        "TE",
    ] {
        let mut grants = acme();
        grants.http[0].headers.push(name.to_owned());
        let refused = rest("GET", "/v1/databases", None).header(name, "x").check(&grants).unwrap_err();
        assert!(refused.message.contains("belongs to the host"), "{refused}");
        assert!(grants.validate().is_err());
    }
    assert!(why(&rest("GET", "/v1/databases", None).header("X-Other", "x")).contains("not granted"));
    assert!(why(&rest("GET", "/v1/databases", None).header("Accept", "a\r\nHost: b")).contains("printable"));
    assert!(why(&rest("GET", "/v1/databases", None).header("A b", "x")).contains("no name of a header"));
    let twice = rest("GET", "/v1/databases", None).header("Accept", "a").header("accept", "b");
    assert!(why(&twice).contains("twice"));
    assert!(rest("GET", "/v1/databases", None).header("X-Acme-Version", "1").check(&acme()).is_ok());
}

#[test]
fn a_path_means_the_same_to_everybody() {
    for path in [
        "/v1/databases/../secrets",
        "/v1/databases/%2e%2e/secrets",
        "/v1/databases/a%2Fb",
        "/v1//databases",
        "/v1/databases/",
        "/v1/databases/a;b",
        "/v1/databases/a%00",
        "/v1/databases/a%5Cb",
        "/v1/databases/%zz",
        "/v1/databases/a%252e",
        "/v1/databases/a%3Fb",
    ] {
        assert!(rest("GET", path, None).check(&acme()).is_err(), "{path}");
    }
    for url in [
        "https://db.eu.acme.example\\@evil.example/v1/databases",
        "https://DB.eu.acme.example/v1/databases",
        "https://db.eu.acme.example:443/v1/databases",
        "https://u@db.eu.acme.example/v1/databases",
        "https://db.eu.acme.example/v1/databases#x",
        "https://db.eu.acme.example/v1/\tdatabases",
        " https://db.eu.acme.example/v1/databases",
        "http://db.eu.acme.example/v1/databases",
    ] {
        assert!(Request { url: url.into(), ..rest("GET", "", None) }.check(&acme()).is_err(), "{url}");
    }
    // A parameter is no way to another verb, and a GET no way into a pod.
    assert!(why(&rest("POST", "/v1/databases/db-1:destroy", Some(json!({})))).contains("no rule names"));
    assert!(rest("GET", "/v1/databases/db-1:export", None).check(&acme()).is_err());
    assert!(rest("POST", "/v1/databases/db-1:start", Some(json!({}))).check(&acme()).is_ok());
    assert!(why(&rest("GET", "/v1/pods/db-1/exec", None)).contains("opens a connection"));
    assert!(rest("GET", "/v1/pods/db-1/log", None).check(&acme()).is_ok());
}
