//! The promises of the matcher, on an invented cloud that speaks `rest` and signs with a header.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::*;
use proptest::prelude::*;
use serde_json::json;

pub(crate) const ACME: &str = include_str!("tests/acme.yaml");

/// An environment that minted `env-db` and `env-role`, owns `db-1` and `net-1`, and whose files say `nginx:1`.
pub(crate) struct World {
    pub(crate) mark: Vec<(String, String)>,
}

impl Default for World {
    fn default() -> Self {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        Self {
            mark: vec![
                pair("cloudark:environment", "e-1"),
                pair("cloudark:piece", "db"),
            ],
        }
    }
}

impl Facts for World {
    fn is_minted(&self, name: &str) -> bool {
        ["env-db", "env-role", "/env/db"].contains(&name)
    }
    fn is_owned(&self, id: &str) -> bool {
        ["db-1", "net-1"].contains(&id)
    }
    fn is_from_application(&self, value: &str) -> bool {
        value == "nginx:1"
    }
    fn account(&self) -> Option<&str> {
        Some("123456789012")
    }
    fn setting(&self, name: &str) -> Option<&str> {
        (name == "region").then_some("eu-1")
    }
    fn mark(&self) -> &[(String, String)] {
        &self.mark
    }
}

/// A request that owns what it is made of.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) signer: Option<Signer>,
    pub(crate) substitutions: Vec<Substitution>,
}

impl Request {
    pub(crate) fn call(&self) -> HttpCall<'_> {
        HttpCall {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            signer: self.signer.as_ref(),
            substitutions: &self.substitutions,
            timeout_ms: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn secret(mut self, field: &str, placeholder: &str, encoding: Encoding) -> Self {
        self.substitutions.push(Substitution {
            secret: format!("ref-of-{placeholder}"),
            placeholder: placeholder.into(),
            encoding,
            field: field.into(),
        });
        self
    }

    pub(crate) fn check(&self, grants: &Grants) -> Result<Permit, Denial> {
        grants.check(&self.call(), &World::default(), Mode::Operation)
    }
}

fn acme() -> Grants {
    Grants::from_yaml(ACME).unwrap()
}

fn rest(method: &str, path: &str, body: Option<serde_json::Value>) -> Request {
    let headers = body
        .iter()
        .map(|_| ("Content-Type".to_owned(), "application/json".to_owned()))
        .collect();
    Request {
        method: method.into(),
        url: format!("https://db.eu.acme.example{path}"),
        headers,
        body: body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default(),
        signer: Some(Signer::Header {
            name: "X-Acme-Key".into(),
            prefix: String::new(),
        }),
        substitutions: Vec::new(),
    }
}

fn labels() -> serde_json::Value {
    json!({"cloudark:environment": "e-1", "cloudark:piece": "db", "team": "x"})
}

fn create() -> Request {
    let body = json!({"name": "env-db", "labels": labels(), "password": "__secret_0__", "nodes": [{"image": "nginx:1"}]});
    rest("POST", "/v1/databases", Some(body)).secret("/password", "__secret_0__", Encoding::Json)
}

fn why(request: &Request) -> String {
    request.check(&acme()).unwrap_err().message
}

#[test]
fn what_a_rule_allows_passes_with_all_that_the_host_needs() {
    let permit = create().check(&acme()).unwrap();
    assert_eq!(permit.operation, "POST /v1/databases");
    assert_eq!(
        permit.summary,
        "POST https://db.eu.acme.example/v1/databases"
    );
    assert_eq!(permit.origin.to_string(), "https://db.eu.acme.example");
    assert_eq!((permit.effect, permit.marked), (Effect::Once, true));
    assert_eq!(permit.sinks, ["/password"]);
    assert_eq!((permit.settle_ms, permit.timeout_ms), (120_000, 30_000));
    let read = rest("GET", "/v1/databases/env-db?page-token=x", None)
        .check(&acme())
        .unwrap();
    assert_eq!(
        (read.effect, read.operation.as_str()),
        (Effect::Read, "GET /v1/databases/{name}")
    );
    let delete = rest("DELETE", "/v1/databases/db-1", None)
        .check(&acme())
        .unwrap();
    assert_eq!(delete.effect, Effect::Idempotent);
}

#[test]
fn without_grants_nothing_passes() {
    let denial = create().check(&Grants::default()).unwrap_err();
    assert!(
        denial.message.contains("no grant names this origin"),
        "{denial}"
    );
    assert!(denial.rule_that_would_allow.is_some());
}

#[test]
fn what_is_not_this_environments_is_not_touched() {
    assert!(
        why(&rest("DELETE", "/v1/databases/production", None))
            .contains("`name` is not shown to be this environment's")
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
        Request {
            url: "https://else.example/x".into(),
            ..rest("GET", "/", None)
        },
        Request {
            signer: Some(Signer::Basic),
            ..rest("GET", "/v1/databases", None)
        },
        Request {
            signer: None,
            ..rest("GET", "/v1/databases", None)
        },
        rest("POST", "/v1/tokens", Some(json!({"a": "__secret_0__"}))).secret(
            "/a",
            "__secret_0__",
            Encoding::Json,
        ),
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
        request
            .check(&both)
            .unwrap_or_else(|e| panic!("{rule} should allow: {e}"));
    }
}

#[test]
fn a_query_only_reads() {
    let query = |request: &Request| acme().check(&request.call(), &World::default(), Mode::Query);
    assert!(query(&rest("GET", "/v1/databases", None)).is_ok());
    assert!(
        query(&create())
            .unwrap_err()
            .message
            .contains("may only read")
    );
    assert!(query(&rest("DELETE", "/v1/databases/db-1", None)).is_err());
    // A rule may say that a POST reads; its author's word is shown to the operator.
    assert!(query(&rest("POST", "/v1/databases:search", Some(json!({})))).is_ok());
}

#[test]
fn nothing_replaces_the_method_that_was_checked() {
    for name in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
    ] {
        assert!(
            why(&rest("GET", "/v1/databases", None).header(name, "DELETE"))
                .contains("belongs to the host")
        );
    }
    assert!(why(&rest("GET", "/v1/databases?_method=DELETE", None)).contains("never allowed"));
    assert!(
        why(&rest("GET", "/v1/databases?Action=DeleteDBInstance", None)).contains("never allowed")
    );
    assert!(why(&rest("get", "/v1/databases", None)).contains("method"));
    assert!(
        why(&Request {
            body: b"{}".to_vec(),
            ..rest("GET", "/v1/databases", None)
        })
        .contains("no body")
    );
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
        let refused = rest("GET", "/v1/databases", None)
            .header(name, "x")
            .check(&grants)
            .unwrap_err();
        assert!(refused.message.contains("belongs to the host"), "{refused}");
        assert!(grants.validate().is_err());
    }
    assert!(
        why(&rest("GET", "/v1/databases", None).header("X-Other", "x")).contains("not granted")
    );
    assert!(
        why(&rest("GET", "/v1/databases", None).header("Accept", "a\r\nHost: b"))
            .contains("printable")
    );
    assert!(
        why(&rest("GET", "/v1/databases", None).header("A b", "x")).contains("no name of a header")
    );
    let twice = rest("GET", "/v1/databases", None)
        .header("Accept", "a")
        .header("accept", "b");
    assert!(why(&twice).contains("twice"));
    assert!(
        rest("GET", "/v1/databases", None)
            .header("X-Acme-Version", "1")
            .check(&acme())
            .is_ok()
    );
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
        assert!(
            Request {
                url: url.into(),
                ..rest("GET", "", None)
            }
            .check(&acme())
            .is_err(),
            "{url}"
        );
    }
    // A parameter is no way to another verb, and a GET no way into a pod.
    assert!(
        why(&rest("POST", "/v1/databases/db-1:destroy", Some(json!({})))).contains("no rule names")
    );
    assert!(
        rest("GET", "/v1/databases/db-1:export", None)
            .check(&acme())
            .is_err()
    );
    assert!(
        rest("POST", "/v1/databases/db-1:start", Some(json!({})))
            .check(&acme())
            .is_ok()
    );
    assert!(why(&rest("GET", "/v1/pods/db-1/exec", None)).contains("opens a connection"));
    assert!(
        rest("GET", "/v1/pods/db-1/log", None)
            .check(&acme())
            .is_ok()
    );
}

#[test]
fn a_body_is_read_as_the_service_reads_it() {
    let with = |text: &str| Request {
        body: text.as_bytes().to_vec(),
        substitutions: vec![],
        ..create()
    };
    let twice = r#"{"name":"production","name":"env-db","labels":{}}"#;
    assert!(why(&with(twice)).contains("twice"));
    let twin = format!(
        r#"{{"name":"env-db","Name":"production","labels":{}}}"#,
        labels()
    );
    assert!(why(&with(&twin)).contains("`Name`"));
    let form = Request {
        headers: vec![(
            "Content-Type".into(),
            "application/x-www-form-urlencoded".into(),
        )],
        ..create()
    };
    assert!(why(&form).contains("Content-Type"));
    assert!(
        why(&Request {
            headers: vec![],
            ..create()
        })
        .contains("Content-Type")
    );
    let merge = Request {
        headers: vec![(
            "Content-Type".into(),
            "application/merge-patch+json; charset=UTF-8".into(),
        )],
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
        assert!(
            rest("POST", "/v1/databases", Some(body.clone()))
                .check(&acme())
                .is_err(),
            "{body}"
        );
    }
    for body in [
        json!({"name": "env-db", "labels": labels()}),
        json!({"name": "env-db", "labels": labels(), "admin": false, "nodes": []}),
        json!({"name": "env-db", "labels": labels(), "nodes": [{"image": "nginx:1"}, {"image": "nginx:1"}]}),
    ] {
        rest("POST", "/v1/databases", Some(body.clone()))
            .check(&acme())
            .unwrap();
    }
}

#[test]
fn a_secret_goes_where_the_rule_says_and_nowhere_else() {
    let body = |password: &str, image: &str| json!({"name": "env-db", "labels": labels(), "password": password, "note": image});
    let ask =
        |password: &str, note: &str| rest("POST", "/v1/databases", Some(body(password, note)));
    assert!(
        ask("__secret_0__", "n")
            .secret("/password", "__secret_0__", Encoding::Json)
            .check(&acme())
            .is_ok()
    );
    for (request, expected) in [
        (
            ask("x", "__secret_0__").secret("/note", "__secret_0__", Encoding::Json),
            "may be written",
        ),
        (
            ask("x", "__secret_0__").secret("/password", "__secret_0__", Encoding::Json),
            "does not hold",
        ),
        (
            ask("__secret_0__", "__secret_0__").secret("/password", "__secret_0__", Encoding::Json),
            "only place",
        ),
        (
            ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Raw),
            "encoding",
        ),
        (
            ask("__secret_0__", "n").secret("/password", "__secret_0__", Encoding::Form),
            "encoding",
        ),
        (
            ask("a\"b-------", "n").secret("/password", "a\"b-------", Encoding::Json),
            "placeholder",
        ),
        (
            ask("password", "n").secret("/password", "password", Encoding::Json),
            "only place",
        ),
        (
            ask("__secret_0__", "n")
                .secret("/password", "__secret_0__", Encoding::Json)
                .secret("/password", "secret_0__", Encoding::Json),
            "another secret",
        ),
        (
            rest("GET", "/v1/databases", None).secret("/password", "__secret_0__", Encoding::Json),
            "may be written",
        ),
    ] {
        assert!(why(&request).contains(expected), "{}", why(&request));
    }
}

#[test]
fn only_a_listed_code_proves_that_nothing_happened() {
    let permit = create().check(&acme()).unwrap();
    let code = |status, code: &str| {
        classify(
            &permit,
            status,
            &[],
            json!({"error": {"code": code}}).to_string().as_bytes(),
        )
    };
    assert_eq!(code(200, "QuotaExceeded"), Proof::Performed);
    assert_eq!(
        code(400, "QuotaExceeded"),
        Proof::NotPerformed {
            throttled: false,
            retry_after_s: None
        }
    );
    assert_eq!(
        code(503, "SlowDown"),
        Proof::NotPerformed {
            throttled: true,
            retry_after_s: None
        }
    );
    let retry = [("Retry-After".to_owned(), "7".to_owned())];
    assert_eq!(
        classify(&permit, 429, &retry, b"\xff"),
        Proof::NotPerformed {
            throttled: true,
            retry_after_s: Some(7)
        }
    );
    assert_eq!(code(400, "Invalid"), Proof::Performed);
    assert_eq!(code(404, ""), Proof::Performed);
    assert_eq!(code(302, ""), Proof::Performed);
    for status in [100, 408, 500, 502, 503, 504, 599, 999] {
        assert_eq!(code(status, "Invalid"), Proof::Unknown, "{status}");
    }
}

#[test]
fn an_answer_shows_only_what_carries_our_mark() {
    let mark = &World::default().mark[..1];
    let list = rest("GET", "/v1/databases", None);
    let permit = list.check(&acme()).unwrap();
    let body = json!({"databases": [
        {"name": "mine", "labels": {"cloudark:environment": "e-1"}},
        {"name": "theirs", "labels": {"cloudark:environment": "e-2"}},
        {"name": "nobodys", "labels": {}},
        {"name": "listed", "labels": [{"Key": "cloudark:environment", "Value": "e-1"}]},
        {"name": "worded", "labels": "made by x; cloudark:environment=e-1"},
        {"name": "close", "labels": "cloudark:environment=e-12"},
        {"name": "ambiguous", "labels": [{"key": "cloudark:environment", "value": "e-1"}, {"key": "cloudark:environment", "value": "e-2"}]},
        {"name": 5, "labels": {"cloudark:environment": "e-1"}},
        {"labels": {"cloudark:environment": "e-1"}},
    ]})
    .to_string();
    assert_eq!(
        shown(&permit, &list.call(), 200, body.as_bytes(), mark),
        ["listed", "mine", "worded"]
    );
    assert!(shown(&permit, &list.call(), 404, body.as_bytes(), mark).is_empty());
    assert!(shown(&permit, &list.call(), 200, body.as_bytes(), &[]).is_empty());
    let create = create();
    let mut permit = create.check(&acme()).unwrap();
    assert_eq!(
        shown(
            &permit,
            &create.call(),
            201,
            br#"{"name":"db-7","id":"77"}"#,
            mark
        ),
        ["77", "db-7"]
    );
    permit.marked = false;
    assert!(shown(&permit, &create.call(), 201, br#"{"name":"db-7"}"#, mark).is_empty());
    let tags = rest("GET", "/v1/databases/db-9/tags", None);
    let permit = tags.check(&acme()).unwrap();
    assert_eq!(
        shown(
            &permit,
            &tags.call(),
            200,
            br#"{"cloudark:environment":"e-1"}"#,
            mark
        ),
        ["db-9"]
    );
}

#[test]
fn a_captured_secret_is_gone_from_the_answer() {
    let request = rest("POST", "/v1/tokens", Some(json!({})));
    let permit = request.check(&acme()).unwrap();
    let capture = |body: &str| {
        let mut kept = Vec::new();
        let captured = apply_captures(&permit, body.as_bytes(), |secret| {
            kept.push(secret.to_owned());
            format!("ref-{}", kept.len())
        });
        (
            String::from_utf8(captured.body).unwrap(),
            kept,
            captured.taken,
        )
    };
    let (body, kept, taken) = capture(r#"{"tokens":[{"token":"QVdTOnMzY3IzdA==","for":"x"}]}"#);
    assert_eq!(body, r#"{"tokens":[{"for":"x","token":"ref-1"}]}"#);
    assert_eq!(kept, ["s3cr3t"]);
    assert_eq!(taken, ["QVdTOnMzY3IzdA==", "s3cr3t"]);
    // A step that does not fit takes everything; what cannot be read is withheld; what has no secret is as it was.
    assert_eq!(
        capture(r#"{"tokens":[{"token":"?"},{"token":"%"}]}"#).1,
        ["?", "%"]
    );
    assert_eq!(capture("token: s3cr3t").0, "");
    assert_eq!(capture(r#"{"error":  1}"#).0, r#"{"error":  1}"#);
    let (body, kept, _) = capture("<tokens><token>a &amp; b</token><x>1</x></tokens>");
    assert!(
        kept.is_empty() && body.contains("a &amp; b"),
        "the pointer has an index that XML has not: {body}"
    );
}

#[test]
fn one_endpoint_for_everything_is_that_one_only() {
    let endpoint: crate::extensions::Origin = "http://127.0.0.1:4566".parse().unwrap();
    let grants = acme().rebind(&endpoint);
    assert!(grants.is_loopback_only() && !acme().is_loopback_only());
    let at = |url: &str| {
        Request {
            url: url.into(),
            ..rest("GET", "", None)
        }
        .check(&grants)
    };
    assert!(at("http://127.0.0.1:4566/v1/databases").is_ok());
    for url in [
        "https://db.eu.acme.example/v1/databases",
        "http://127.0.0.1:4567/v1/databases",
        "http://localhost:4566/v1/databases",
    ] {
        assert!(at(url).is_err(), "{url}");
    }
}

#[test]
fn grants_read_back_as_they_are_written() {
    let grants = acme();
    assert_eq!(
        Grants::from_yaml(&grants.to_yaml().unwrap()).unwrap(),
        grants
    );
    let json = serde_json::to_string(&grants).unwrap();
    assert_eq!(serde_json::from_str::<Grants>(&json).unwrap(), grants);
    assert_eq!(Grants::from_yaml("{}").unwrap(), Grants::default());
}

#[test]
fn an_error_in_grants_says_where_it_is() {
    let rule = |rule: &str| {
        format!(
            "http:\n- origin: https://a.acme.example\n  protocol: rest\n  read: [\"/x/{{name}}\"]\n  allow:\n  - {rule}\n"
        )
    };
    for (text, expected) in [
        (
            "http:\n- orgin: x",
            "line 2, column 3: http[0]: unknown field `orgin`, expected one of",
        ),
        (
            "http: [{ protocol: soap, origin: https://a.acme.example }]",
            "unknown variant `soap`",
        ),
        (
            "http: [{ protocol: rest, origin: \"https://*\" }]",
            "the last two labels",
        ),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, sign: header }]",
            "unknown variant `header`",
        ),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, headers: [Host] }]",
            "http[0].headers: `Host`",
        ),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, read: [x] }]",
            "http[0].read[0]: the path `x`",
        ),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, timeout-ms: 0 }]",
            "http[0].timeout-ms",
        ),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, query: [a], owns: [{ op: /y, id: /a, tags: /b }] }]",
            "owns[0]: no rule allows `/y`",
        ),
        (
            &rule("{ op: /x }"),
            "allow[0].op: `/x` must be a method and a path",
        ),
        (
            &rule("{ op: POST /x, where: { a: minted } }"),
            "allow[0].where.a",
        ),
        (
            &rule("{ op: POST /x, where: { /a: mintd } }"),
            "unknown variant `mintd`",
        ),
        (
            &rule("{ op: POST /x, where: { /a: minted, /a: any } }"),
            "the field `/a` is there twice",
        ),
        (
            &rule("{ op: POST /x, where: { /a: [absent] } }"),
            "stand alone",
        ),
        (
            &rule("{ op: POST /x, where: { /a: { one-of: [] } } }"),
            "empty",
        ),
        (
            &rule("{ op: POST /x, where: { /a: { template: \"{user}\" } } }"),
            "is no hole",
        ),
        (
            &rule("{ op: POST /x, where: { /a: { glob: a, one-of: [b] } } }"),
            "",
        ),
        (&rule("{ op: POST /x, secrets: [a] }"), "allow[0].secrets"),
        (
            "docker: [{ image: acme/cli, argv: [x] }]",
            "docker[0]: the image",
        ),
        (
            "learn: [{ from: GET /x, endpoint: /a, ca: /b }]",
            "learn[0]",
        ),
    ] {
        let error = Grants::from_yaml(text)
            .map(|_| text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_operator_is_told_what_can_touch_others_things() {
    let lines = acme().explain();
    let line = |part: &str| {
        lines
            .iter()
            .find(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {lines:#?}"))
    };
    assert!(!line("call POST /v1/databases, once").contains("did not make"));
    assert!(!line("DELETE /v1/databases/{name}").contains("did not make"));
    assert!(line("PUT /v1/quota").ends_with("can change things CloudARK did not make"));
    assert!(line("databases:search").ends_with("counts as reading by the author's word alone"));
    assert_eq!(Grants::default().explain(), ["may reach nothing"]);
}

#[test]
fn wider_grants_are_found_whatever_they_widen() {
    let old = acme();
    assert!(!Grants::diff(&old, &old).is_wider());
    let widen: [fn(&mut HttpGrant); 10] = [
        |grant| grant.read.push("/v1/secrets".into()),
        |grant| grant.query.push("filter".into()),
        |grant| grant.headers.push("X-B".into()),
        |grant| grant.refused_codes.push("X".into()),
        |grant| grant.allow[1].conditions = Conditions::default(),
        |grant| grant.allow[1].secrets.push("/a".into()),
        |grant| grant.allow[0].only = None,
        |grant| grant.settle_ms = 0,
        |grant| grant.owns[1].tags = None,
        |grant| grant.origin = "https://*.*.acme.example".parse().unwrap(),
    ];
    for (index, change) in widen.into_iter().enumerate() {
        let mut new = old.clone();
        change(&mut new.http[0]);
        assert!(Grants::diff(&old, &new).is_wider(), "{index}");
    }
    let mut fewer = old.clone();
    fewer.http[0].read.pop();
    let diff = Grants::diff(&old, &fewer);
    assert!(!diff.is_wider() && !diff.removed.is_empty());
}

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
    let text = prop_oneof![
        Just("env-db"),
        Just("production"),
        Just("e-1"),
        Just("db"),
        Just("")
    ]
    .prop_map(|t| json!(t));
    let leaf = prop_oneof![
        text,
        Just(json!(null)),
        Just(json!(false)),
        Just(json!(true)),
        Just(labels())
    ];
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
