//! What an application file's writer can rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::super::fixtures::lines;
use super::super::interpolate::OfferedOutput;
use super::*;

fn app(text: &str) -> AppSpec {
    let parsed = parse(text);
    match parsed.value {
        Some(ApplicationFile::App(app)) => app,
        None => panic!("{}", lines(&parsed.diagnostics)),
    }
}

fn mistakes(text: &str) -> String {
    lines(&parse(text).diagnostics)
}

#[test]
fn every_key_is_read() {
    let app = app(
        "app:\n  image: nginx:1.29\n  container_port: 80\n  host_port: 8080\n  memory: 250\n  cpu: 10\n  replicas: 2\n  \
                   env: {A: 1.10, B: yes, C: \"\"}\n  health_check: {path: /up, codes: 200-299, grace: 2m}\n",
    );
    assert_eq!((app.image.as_str(), app.container_port, app.host_port), ("nginx:1.29", Some(80), Some(8080)));
    assert_eq!((app.memory, app.cpu, app.replicas), (Some(250), Some(10), Some(2)));
    let env: Vec<_> = app.env.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
    assert_eq!(env, [("A", "1.10"), ("B", "yes"), ("C", "")], "values are passed on as they are spelled");
    assert_eq!(app.extra(), json!({"health_check": {"path": "/up", "codes": "200-299", "grace": 120}}));
}

#[test]
fn all_mistakes_are_reported_at_once_in_order() {
    let text = "app:\n  imgae: nginx\n  container_port: \"80\"\n  host_port: 70000\n  memory: lots\n  cpu:\n  replicas: 1.5\n  env:\n    \
                1X: a\n    EMPTY:\n    LIST: [a]\n    BAD: ${HOME} and ${secret.a b}\n  health_check: {path: up, codes: ok, grace: 2h, port: 80}\nversion: 2\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    2:3 unknown key `imgae`
          did you mean `image`?
    3:19 `container_port` must be a whole number, not text
          write it without quotes: 80
    4:14 `host_port` is 70000; it can be 1 to 65535
    5:11 `memory` must be a whole number, not text
    6:3 `cpu` has no value
    7:13 `replicas` must be a whole number, not a number with a fraction
    9:5 `1X` is no name of a variable
          letters, digits, `_`, `-` and `.`, not beginning with a digit
    10:5 `EMPTY` has no value
          write "" for an empty one
    11:11 `LIST` must be text, not a list
    12:10 `${HOME}` refers to nothing
          `${NAME.Output}` and `${secret.NAME}` are references; write `$${HOME}` for the text itself
    12:22 `${secret.a b}` names no secret: "a b" has ' ': names are letters, digits, "-", "_" and ".", beginning with a letter or digit
          `${NAME.Output}` and `${secret.NAME}` are references; write `$${secret.a b}` for the text itself
    13:24 `up` is no path
          a path begins with `/`
    13:35 `ok` are no HTTP statuses
          write statuses and ranges of them: `200`, `200-399`, `200,302`
    13:46 `2h` is no time to start
          write seconds, or a number with `s` or `m`: `90`, `90s`, `2m`; at most a day
    13:50 unknown key `port`
          keys here: `path`, `codes` and `grace`
    14:1 unknown key `version`
          keys here: `app`
    "#);
}

#[test]
fn another_kind_of_file_is_recognised() {
    let all = [
        "environment: {}\n",
        "apiVersion: v1\nkind: Pod\n",
        "family: web\ncontainerDefinitions: []\n",
        "- app\n",
        "appl: {}\n",
    ];
    insta::assert_snapshot!(all.map(mistakes).join("\n"), @r#"
    1:1 an application file begins with `app:`
          this is an environment file: create it with `cld env create`
    1:1 an application file begins with `app:`
          this looks like a Kubernetes manifest, which this version does not deploy; describe the application below `app:`
    1:1 an application file begins with `app:`
          this looks like an ECS task definition, which this version does not deploy; describe the application below `app:`
    1:1 the file must be a mapping (`key: value` lines), not a list
    1:1 an application file begins with `app:`
          begin with `app:`, and indent everything else below it
    "#);
}

#[test]
fn an_undefined_variable_is_shown_where_it_stands_with_those_that_are_defined() {
    let text = "app:\n  image: a\n  env:\n    URL: \"é $CLOUDARK_RDS_Address:$CLOUDARK_RDS_Prot\"\n    X: $CLOUDARK_FOO_Bar\n    F: >-\n      one\n      $CLOUDARK_RDS_x\n";
    let offer = Offer {
        name: "rds".parse().unwrap(),
        kind: "rds".into(),
        outputs: ["Address", "Port"].map(|name| OfferedOutput { name: name.into(), secret: false }).into(),
    };
    let resolved = app(text).resolve(text, &[offer]);
    assert!(resolved.value.is_none());
    insta::assert_snapshot!(lines(&resolved.diagnostics), @r#"
    4:35 `rds` has no output `Prot`
          did you mean `Port`? it has `Address` and `Port`
    5:8 `$CLOUDARK_FOO_Bar` is not defined
          defined are `$CLOUDARK_RDS_Address` and `$CLOUDARK_RDS_Port`
    8:7 `rds` has no output `x`
          it has `Address` and `Port`
    "#);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*") {
        let parsed = parse(&text);
        prop_assert_eq!(parsed.value.is_none(), parsed.diagnostics.iter().any(|d| d.severity == crate::problem::Severity::Error));
    }
}
