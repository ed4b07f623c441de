//! What answers prove, show and hide.

use serde_json::json;

use super::super::*;
use super::*;

#[test]
fn only_a_listed_code_proves_that_nothing_happened() {
    let permit = create().check(&acme()).unwrap();
    let code =
        |status, code: &str| classify(&permit, status, &[], json!({"error": {"code": code}}).to_string().as_bytes());
    assert_eq!(code(200, "QuotaExceeded"), Proof::Performed);
    assert_eq!(code(400, "QuotaExceeded"), Proof::NotPerformed { throttled: false, retry_after_s: None });
    assert_eq!(code(503, "SlowDown"), Proof::NotPerformed { throttled: true, retry_after_s: None });
    let retry = [("Retry-After".to_owned(), "7".to_owned())];
    assert_eq!(
        classify(&permit, 429, &retry, b"\xff"),
        Proof::NotPerformed { throttled: true, retry_after_s: Some(7) }
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
    assert_eq!(shown(&permit, &list.call(), 200, body.as_bytes(), mark), ["listed", "mine", "worded"]);
    assert!(shown(&permit, &list.call(), 404, body.as_bytes(), mark).is_empty());
    assert!(shown(&permit, &list.call(), 200, body.as_bytes(), &[]).is_empty());
    let create = create();
    let mut permit = create.check(&acme()).unwrap();
    assert_eq!(shown(&permit, &create.call(), 201, br#"{"name":"db-7","id":"77"}"#, mark), ["77", "db-7"]);
    permit.marked = false;
    assert!(shown(&permit, &create.call(), 201, br#"{"name":"db-7"}"#, mark).is_empty());
    let tags = rest("GET", "/v1/databases/db-9/tags", None);
    let permit = tags.check(&acme()).unwrap();
    assert_eq!(shown(&permit, &tags.call(), 200, br#"{"cloudark:environment":"e-1"}"#, mark), ["db-9"]);
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
        (String::from_utf8(captured.body).unwrap(), kept, captured.taken)
    };
    let (body, kept, taken) = capture(r#"{"tokens":[{"token":"QVdTOnMzY3IzdA==","for":"x"}]}"#);
    assert_eq!(body, r#"{"tokens":[{"for":"x","token":"ref-1"}]}"#);
    assert_eq!(kept, ["s3cr3t"]);
    assert_eq!(taken, ["QVdTOnMzY3IzdA==", "s3cr3t"]);
    // A step that does not fit takes everything; what cannot be read is withheld; what has no secret is as it was.
    assert_eq!(capture(r#"{"tokens":[{"token":"?"},{"token":"%"}]}"#).1, ["?", "%"]);
    assert_eq!(capture("token: s3cr3t").0, "");
    assert_eq!(capture(r#"{"error":  1}"#).0, r#"{"error":  1}"#);
    // A list of one looks like no list in XML.
    let (body, kept, _) = capture("<tokens><token>a &amp; b</token><x>1 &lt; 2</x></tokens>");
    assert_eq!(
        (body.as_str(), kept),
        ("<tokens><token>ref-1</token><x>1 &lt; 2</x></tokens>", vec!["a & b".to_owned()])
    );
    let (_, kept, _) = capture("<tokens><i><token>a</token></i><i><token>b</token></i></tokens>");
    assert_eq!(kept, ["a", "b"]);
    // Of a key that is there twice only one would be seen.
    assert_eq!(capture(r#"{"tokens":[{"token":"s3cr3t","token":null}]}"#).0, "");
}
