//! How grants are written, read and explained.

use super::super::*;
use super::*;

#[test]
fn one_endpoint_for_everything_is_that_one_only() {
    let endpoint: crate::extensions::Origin = "http://127.0.0.1:4566".parse().unwrap();
    let grants = acme().rebind(&endpoint);
    assert!(grants.is_loopback_only() && !acme().is_loopback_only());
    let at = |url: &str| Request { url: url.into(), ..rest("GET", "", None) }.check(&grants);
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
    assert_eq!(Grants::from_yaml(&grants.to_yaml().unwrap()).unwrap(), grants);
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
        ("http:\n- orgin: x", "line 2, column 3: http[0]: unknown field `orgin`, expected one of"),
        ("http: [{ protocol: soap, origin: https://a.acme.example }]", "unknown variant `soap`"),
        ("http: [{ protocol: rest, origin: \"https://*\" }]", "the last two labels"),
        ("http: [{ protocol: rest, origin: https://a.acme.example, sign: header }]", "unknown variant `header`"),
        ("http: [{ protocol: rest, origin: https://a.acme.example, headers: [Host] }]", "http[0].headers: `Host`"),
        ("http: [{ protocol: rest, origin: https://a.acme.example, read: [x] }]", "http[0].read[0]: the path `x`"),
        ("http: [{ protocol: rest, origin: https://a.acme.example, timeout-ms: 0 }]", "http[0].timeout-ms"),
        (
            "http: [{ protocol: rest, origin: https://a.acme.example, query: [a], owns: [{ op: /y, id: /a, tags: /b }] }]",
            "owns[0]: no rule allows `/y`",
        ),
        (&rule("{ op: /x }"), "allow[0].op: `/x` must be a method and a path"),
        (&rule("{ op: POST /x, where: { a: minted } }"), "allow[0].where.a"),
        (&rule("{ op: POST /x, where: { /a: mintd } }"), "unknown variant `mintd`"),
        (&rule("{ op: POST /x, where: { /a: minted, /a: any } }"), "the field `/a` is there twice"),
        (&rule("{ op: POST /x, where: { /a: [absent] } }"), "stand alone"),
        (&rule("{ op: POST /x, where: { /a: { one-of: [] } } }"), "empty"),
        (&rule("{ op: POST /x, where: { /a: { template: \"{user}\" } } }"), "is no hole"),
        (&rule("{ op: POST /x, where: { /a: { glob: a, one-of: [b] } } }"), ""),
        (&rule("{ op: POST /x, secrets: [a] }"), "allow[0].secrets"),
        ("docker: [{ image: acme/cli, argv: [x] }]", "docker[0]: the image"),
        ("learn: [{ from: GET /x, endpoint: /a, ca: /b }]", "learn[0]"),
    ] {
        let error = Grants::from_yaml(text).map(|_| text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_operator_is_told_what_can_touch_others_things() {
    let lines = acme().explain();
    let line =
        |part: &str| lines.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {lines:#?}"));
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
