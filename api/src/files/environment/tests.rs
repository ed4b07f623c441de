//! What an environment file's writer can rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::json;

use super::super::fixtures::{kind, kinds, lines};
use super::super::secrets::{self, Given};
use super::*;
use crate::problem::{Diagnostic, Severity};

fn file(text: &str) -> EnvironmentFile {
    let parsed = parse(text, &kinds());
    parsed.value.unwrap_or_else(|| panic!("{}", lines(&parsed.diagnostics)))
}

fn mistakes(text: &str) -> String {
    lines(&parse(text, &kinds()).diagnostics)
}

/// A file with one resource.
fn resource(cloud: &str, keys: &str) -> String {
    let keys = keys.lines().map(|line| format!("          {line}\n")).collect::<String>();
    format!("environment:\n  resources:\n    {cloud}:\n      - resource:\n{keys}")
}

#[test]
fn a_configuration_is_gathered_from_wherever_it_stands() {
    let text = resource(
        "gcloud",
        "type: cloudsql\nproject: my-project\npolicy:\n  access: open\nusername: testuser\npassword: testuser123\n\
         configuration:\n  dbname: testdb1\n  zone: europe-west1-b\n  policy:\n    deletion: retain",
    );
    let file = file(&text);
    let spec = &file.resources[0];
    assert_eq!((spec.name.as_str(), spec.kind.as_str(), spec.cloud.as_str()), ("cloudsql", "cloudsql", "gcloud"));
    let wanted = json!({"username": "testuser", "password": "testuser123", "dbname": "testdb1", "policy": {"access": "open", "deletion": "retain"}});
    assert_eq!(spec.config, wanted);
    let settings = &file.settings["gcloud"];
    assert_eq!((settings["project"].as_str(), settings["zone"].as_str()), ("my-project", "europe-west1-b"));
    let place = spec.places.value("/policy/deletion");
    assert_eq!(&text[place.start..place.end], "retain");
    assert_eq!(spec.places.value("/policy/unwritten").line, spec.places.value("/policy").line);
}

#[test]
fn the_only_coe_of_a_cloud_need_not_be_named() {
    let deployment = file("environment:\n  app_deployment:\n    target: local\n").deployment.unwrap();
    assert_eq!((deployment.cloud.as_str(), deployment.kind.as_str()), ("local", "local-docker"));
    let mut kinds = kinds();
    kinds.push(kind("local", "swarm", KindRole::Coe, json!({})));
    let parsed = parse("environment:\n  app_deployment:\n    target: local\n", &kinds);
    insta::assert_snapshot!(lines(&parsed.diagnostics), @r#"
    3:13 `local` has several COEs
          add `type:`: `local-docker` or `swarm`
    "#);
}

#[test]
fn a_setting_goes_into_the_configuration_only_when_the_kind_knows_it() {
    let schema = json!({"type": "object", "properties": {"zone": {"type": "string"}}});
    let kinds = [kind("moon", "base", KindRole::Coe, schema)];
    let parsed = parse("environment:\n  app_deployment: {target: moon, zone: a, region: b}\n", &kinds);
    let file = parsed.value.unwrap();
    assert_eq!(file.deployment.unwrap().config, json!({"zone": "a"}));
    assert_eq!(file.settings["moon"].keys().collect::<Vec<_>>(), ["region", "zone"]);
}

#[test]
fn all_mistakes_are_reported_at_once_in_order() {
    let text = "\
environment:
  resource: {}
  resources:
    aws:
      - resource:
          type: rds
          configuration:
            engin: mysql
            engine_version: 8.0
            flavour: db.t3.micro
            storage: 5
            storage: 20
            dbname:
            password: 1234567
          policy:
            access: everyone
            deletion: snapshto
      - resource:
          type: rds
          engine: oracle
          storage: \"20\"
      - resource:
          type: rsd
      - resource:
          type: cloudsql
      - resource:
          name: bad name
      - type: rds
    azure:
      - resource:
          type: sql
  app_deployment:
    target: aws
    type: esc
    cluster_size: many
    clustersize: 2
    cluster-size: 2
setings: {}
";
    insta::assert_snapshot!(mistakes(text), @r#"
    2:3 unknown key `resource`
          did you mean `resources`?
    8:13 unknown key `engin`
          did you mean `engine`?
    9:29 `engine_version` must be text, not a number with a fraction
          put it in quotes: "8.0"
    10:13 unknown key `flavour`
          did you mean `flavor`?
    11:22 `storage` is 5; the least is 20
    12:13 `storage` is given twice; the first is in line 11
          keep one of them
    13:13 `dbname` has no value; it must be text
    14:23 `password` must be text, not a number
          put it in quotes
    16:21 `policy.access` cannot be `everyone`
          `open`, or addresses such as `203.0.113.0/24`
    17:23 `policy.deletion` cannot be `snapshto`
          did you mean `snapshot`? it can be `delete`, `snapshot` or `retain`
    19:17 there is another `rds` without a name of its own, in line 6
          give each a `name:` beside its `type:`
    20:19 `engine` cannot be `oracle`
          it can be `mysql`, `postgres` or `mariadb`
    21:20 `storage` must be a whole number, not text
          write it without quotes: 20
    23:17 no installed extension has a resource `rsd`
          did you mean `rds`?
    25:17 `cloudsql` is of the cloud `gcloud`, not of `aws`
          put it below `gcloud:`
    26:9 `resource` lacks `type`
          `type:` is its kind, such as `rds`
    27:17 "bad name" has ' ': names are letters, digits, "-", "_" and ".", beginning with a letter or digit
    28:9 each item of this list is a `resource:`
          write `- resource:`, and its keys indented below
    29:5 no installed extension has resources for the cloud `azure`
          there are `aws`, `gcloud` and `local`; `cld extension install FILE` adds others
    34:11 no installed extension has a COE `esc`
          did you mean `ecs`?
    38:1 unknown key `setings`
          keys here: `environment`
    "#);
}

#[test]
fn a_list_or_word_in_the_wrong_place_is_explained() {
    let all = [
        "environment:\n",
        "environment: []\n",
        "environment:\n  resources:\n",
        "environment:\n  resources:\n    aws: rds\n",
        "environment:\n  resources: []\n",
        "environment:\n  app_deployment: aws\n",
        "environment:\n  app_deployment: {type: ecs}\n",
        "environment:\n  app_deployment: {target: aws, type: gke}\n",
        "environment:\n  app_deployment: {target: awss}\n",
        "app:\n  image: x\n",
        "- environment\n",
    ];
    let all = all.map(|file| format!("{file:?}\n  {}", mistakes(file))).join("\n");
    insta::assert_snapshot!(all, @r#"
    "environment:\n"
      1:1 the environment is empty
          give it `resources:`, an `app_deployment:`, or both
    "environment: []\n"
      1:14 `environment` must be a mapping (`key: value` lines), not a list
    "environment:\n  resources:\n"
      1:1 the environment is empty
          give it `resources:`, an `app_deployment:`, or both
    "environment:\n  resources:\n    aws: rds\n"
      3:10 `aws` must be a list of resources, not text
          write `- resource:` before each
    "environment:\n  resources: []\n"
      2:14 `resources` must be a mapping (`key: value` lines), not a list
    "environment:\n  app_deployment: aws\n"
      2:19 `app_deployment` must be a mapping (`key: value` lines), not text
    "environment:\n  app_deployment: {type: ecs}\n"
      2:3 `app_deployment` lacks `target`
          `target:` is the cloud, such as `aws`
    "environment:\n  app_deployment: {target: aws, type: gke}\n"
      2:39 `gke` is of the cloud `gcloud`, not of `aws`
          write `target: gcloud`, or a COE of `aws`: `ecs`
    "environment:\n  app_deployment: {target: awss}\n"
      2:28 no installed extension has a COE for the cloud `awss`
          did you mean `aws`?
    "app:\n  image: x\n"
      1:1 an environment file begins with `environment:`
          this is an application file: deploy it with `cld app deploy`
    "- environment\n"
      1:1 the file must be a mapping (`key: value` lines), not a list
    "#);
}

#[test]
fn resources_of_one_kind_need_names() {
    let two = "environment:\n  resources:\n    aws:\n      - resource: {type: rds}\n      - resource: {type: rds}\n";
    insta::assert_snapshot!(mistakes(two), @r#"
    5:26 there is another `rds` without a name of its own, in line 4
          give each a `name:` beside its `type:`
    "#);
    let named = "environment:\n  resources:\n    aws:\n      - resource: {type: rds, name: db}\n      - resource: {type: rds, name: replica}\n";
    assert_eq!(file(named).resources.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["db", "replica"]);
    let alike = named.replace("replica", "db");
    insta::assert_snapshot!(mistakes(&alike), @r#"
    5:37 another resource is called `db`, in line 4
          give each a name of its own
    "#);
    let reserved = named.replace("replica", "secret");
    insta::assert_snapshot!(mistakes(&reserved), @r#"5:37 a resource cannot be called `secret`: `${secret.…}` refers to secrets"#);
}

#[test]
fn a_resource_that_nobody_could_reach_is_refused() {
    let text = "environment:\n  resources:\n    aws:\n      - resource: {type: rds}\n      - resource: {type: dynamodb}\n  app_deployment: {target: local}\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    4:26 applications on `local` can never reach `rds`, which is on `aws`
          give it a `policy:` with `access: open`, or with the addresses that may reach it (`access: 203.0.113.0/24`)
    "#);
    file(&text.replace("{type: rds}", "{type: rds, policy: {access: open}}"));
    assert!(!mistakes(&text.replace("{type: rds}", "{type: rds, policy: {access: cluster}}")).is_empty());
    file(&text.replace("{target: local}", "{target: aws}"));
}

#[test]
fn contradictions_between_pieces_are_found() {
    let twice = resource(
        "aws",
        "type: rds\nengine: mysql\nconfiguration:\n  engine: mysql\n  policy: {access: open}\npolicy: {access: open}",
    );
    insta::assert_snapshot!(mistakes(&twice), @r#"
    8:13 `engine` is given twice; the first is in line 6
          keep one of them
    10:20 `access` is given twice; the first is in line 9
          keep one of them
    "#);
    let regions =
        resource("aws", "type: rds\nregion: us-east-1") + "  app_deployment: {target: aws, region: us-west-2}\n";
    insta::assert_snapshot!(mistakes(&regions), @r#"
    7:41 the region of `aws` is `us-east-1` in line 6 already
          an environment has one region per cloud
    "#);
}

#[test]
fn optional_fields_as_schemars_writes_them_are_explained() {
    let text = resource(
        "gcloud",
        "type: cloudsql\nflavor: 1\ndbname: [a]\npolicy: {acces: open, deletion: never}\nuser_name: x",
    );
    insta::assert_snapshot!(mistakes(&text), @r#"
    6:19 `flavor` must be text, not a number
          put it in quotes: "1"
    7:19 `dbname` must be text, not a list
    8:20 unknown key `acces`
          did you mean `access`?
    8:43 `policy.deletion` cannot be `never`
          it can be `delete`, `snapshot` or `retain`
    9:11 unknown key `user_name`
          did you mean `username`?
    "#);
}

#[test]
fn without_extensions_the_file_says_what_to_do() {
    let parsed = parse(&resource("aws", "type: rds"), &[]);
    insta::assert_snapshot!(lines(&parsed.diagnostics), @r#"
    3:5 no installed extension has resources for the cloud `aws`
          install one: `cld extension install FILE`
    "#);
}

#[test]
fn a_broken_schema_is_the_extensions_fault() {
    let kinds = [kind(
        "moon",
        "base",
        KindRole::Resource,
        json!({"properties": {"a": {"$ref": "https://elsewhere.example/schema"}}}),
    )];
    let parsed = parse(&resource("moon", "type: base\na: 1"), &kinds);
    assert!(lines(&parsed.diagnostics).contains("describes its configuration wrongly"));
}

#[test]
fn a_secret_is_taken_out_and_its_text_redacted() {
    let text = resource("aws", "type: rds\npassword: |\n  hunter2-hunter2\nusername: admin # admin");
    let mut file = file(&text);
    let spec = &mut file.resources[0];
    assert!(!format!("{spec:?}").contains("hunter2"));
    let taken = secrets::take(&mut spec.config, &kinds()[0].config_schema, &spec.places);
    assert_eq!(spec.config, json!({"username": "admin", "password": null}));
    assert!(!format!("{taken:?}").contains("hunter2"));
    let [secrets::Taken { pointer, given: Given::Plain(secret), span }] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((pointer.as_str(), secret.expose()), ("/password", "hunter2-hunter2\n"));

    let stored =
        secrets::redact(&text, &[(*span, "rds-password".parse().unwrap()), (*span, "rds-password".parse().unwrap())]);
    assert!(!stored.contains("hunter2") && stored.contains("password: \"${secret.rds-password}\"\n"), "{stored}");
    let mut again = self::file(&stored);
    let spec = &mut again.resources[0];
    let taken = secrets::take(&mut spec.config, &kinds()[0].config_schema, &spec.places);
    assert_eq!(taken[0].given, Given::Reference("rds-password".parse().unwrap()));
}

#[test]
fn a_secret_never_shows_in_a_message() {
    let strict = json!({"type": "object", "properties": {
        "a": {"type": "string", "writeOnly": true, "pattern": "^x+$"},
        "b": {"enum": ["x"], "writeOnly": true},
        "c": {"type": "integer", "maximum": 3, "writeOnly": true},
        "d": {"anyOf": [{"const": "x"}, {"type": "null"}], "writeOnly": true},
        "e": {"type": "string", "writeOnly": true},
        "f": {"not": {"type": "string"}, "writeOnly": true},
        "g": {"type": "object", "writeOnly": true, "properties": {"key": {"maxLength": 3, "format": "uuid"}}},
    }});
    let kinds = [kind("moon", "base", KindRole::Resource, strict)];
    let text = resource(
        "moon",
        "type: base\na: hunter2\nb: hunter2\nc: 424242\nd: hunter2\ne: 424242\nf: hunter2\ng: {key: hunter2}",
    );
    let messages = lines(&parse(&text, &kinds).diagnostics);
    assert!(!messages.contains("hunter2") && !messages.contains("4242"), "{messages}");
    assert_eq!(messages.lines().filter(|line| line.contains(':')).count(), 7, "{messages}");
}

#[test]
fn references_to_secrets_stand_only_where_they_are_resolved() {
    let text = resource("aws", "type: rds\nusername: ${secret.user}\npassword: \"${secret.pw}\"");
    insta::assert_snapshot!(mistakes(&text), @r#"
    6:21 `username` cannot be a secret: it would be stored and shown in plain
          secrets go into `password`
    "#);
    let mixed = resource("aws", "type: rds\npassword: pre-${secret.pw}");
    insta::assert_snapshot!(mistakes(&mixed), @r#"
    6:21 `password` mixes a reference to a secret with other text
          write one `${secret.NAME}` and nothing else
    "#);
    let short = resource("aws", "type: rds\npassword: ${secret.p}");
    assert_eq!(mistakes(&short), "", "what a reference stands for is not known yet");
}

#[test]
fn deprecated_keys_are_warned_of() {
    let schema = json!({"type": "object", "properties": {"old": {"deprecated": true, "description": "use `new`"}}});
    let parsed = parse(&resource("moon", "type: base\nold: 1"), &[kind("moon", "base", KindRole::Resource, schema)]);
    assert!(parsed.value.is_some());
    insta::assert_snapshot!(lines(&parsed.diagnostics), @r#"
    6:11 warning: `old` is not used any more
          use `new`
    "#);
}

#[test]
fn a_thousand_mistakes_are_a_page() {
    let text = resource("aws", &format!("type: rds\n{}", (0..1000).map(|n| format!("k{n}: 1\n")).collect::<String>()));
    let parsed = parse(&text, &kinds());
    assert_eq!(parsed.diagnostics.len(), 101);
    assert_eq!(parsed.diagnostics.last().unwrap().message, "and 900 more");
}

#[test]
fn line_ends_and_byte_order_marks_of_other_systems_change_nothing() {
    let text = resource("aws", "type: rds\nconfiguration:\n  dbname: shop\n  flavour: x");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let places = |text: &str| {
        parse(text, &kinds())
            .diagnostics
            .iter()
            .map(|d| d.span.map(|s| text[s.start..s.end].to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(places(&windows), [Some("flavour".to_owned())]);
    assert_eq!(places(&windows), places(&text));
    let good = windows.replace("flavour: x", "flavor: db.t4g.micro");
    assert_eq!(file(&good).resources[0].config, json!({"dbname": "shop", "flavor": "db.t4g.micro"}));
}

/// Every place is inside the text, on character boundaries, and says the line and column of its offset.
fn places_are_right(text: &str, diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().filter_map(|found| found.span).all(|span| {
        let Some(before) = text.get(..span.start) else {
            return false;
        };
        text.get(span.start..span.end).is_some()
            && span.line == before.matches('\n').count() + 1
            && span.column == before.rsplit('\n').next().unwrap().chars().count() + 1
    })
}

/// Texts that get further into the parser than noise does.
fn yamlish() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "environment:",
        "resources:",
        "aws:",
        "gcloud:",
        "- resource:",
        "resource:",
        "type:",
        "rds",
        "cloudsql",
        "configuration:",
        "policy:",
        "access:",
        "open",
        "app_deployment:",
        "target:",
        "ecs",
        "password:",
        "${secret.a}",
        "name:",
        "é",
        "\t",
        "\u{feff}",
        "&a",
        "*a",
        "|",
        ">-",
        "!!str",
        "!x",
        "!",
        "?",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        "\"",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "<<:",
        "\\",
        "\u{2028}",
        "\0",
        "\r",
        "1",
        "-0",
        "1e400",
        "0x",
        "~",
        "true",
        "@",
        "`",
        "%",
    ]);
    let gap = prop::sample::select(vec!["", " ", "\n", "\n  ", "\n    ", "\n      ", "\r\n", "  "]);
    prop::collection::vec((word, gap), 0..40)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

/// A good file with a few lines lost, doubled, indented otherwise or swapped.
fn damaged() -> impl Strategy<Value = String> {
    let good = resource(
        "aws",
        "type: rds\nname: db\npassword: \"${secret.pw}\"\nconfiguration:\n  engine: mysql\n  policy: {access: open}",
    ) + "  app_deployment:\n    target: aws\n    type: ecs\n    region: us-east-1\n    cluster_size: 2\n";
    let lines: Vec<String> = good.lines().map(str::to_owned).collect();
    prop::collection::vec((0..lines.len(), 0..5, 0..lines.len()), 0..6).prop_map(move |damages| {
        let mut lines = lines.clone();
        for (at, damage, other) in damages {
            match damage {
                0 => lines[at].clear(),
                1 => lines[at] = lines[other].clone(),
                2 => lines[at].insert_str(0, "  "),
                3 => lines.swap(at, other),
                _ => {
                    lines[at] = lines[at].chars().filter(|c| *c != lines[other].chars().last().unwrap_or(':')).collect()
                }
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in prop_oneof![yamlish(), damaged(), "\\PC{0,60}", any::<Vec<u8>>().prop_map(|b| String::from_utf8_lossy(&b).into_owned())]) {
        let parsed = parse(&text, &kinds());
        prop_assert!(places_are_right(&text, &parsed.diagnostics), "{:?}", parsed.diagnostics);
        prop_assert_eq!(parsed.value.is_none(), parsed.diagnostics.iter().any(|d| d.severity == Severity::Error));
        prop_assert!(parsed.diagnostics.is_sorted_by_key(|d| d.span.map(|span| span.start)));
    }
}
