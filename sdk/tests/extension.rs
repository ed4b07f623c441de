//! An extension, exported, called as the host calls it.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use cloudark_sdk::bindings::metadata::exports::cloudark::extension::metadata::Guest as Metadata;
use cloudark_sdk::bindings::resource::exports::cloudark::extension::resource::Guest as Exported;
use cloudark_sdk::bindings::types as wit;
use cloudark_sdk::prelude::*;
use cloudark_sdk::testing::{Answer, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

cloudark_sdk::export! {
    name: "acme",
    cloud: "acme",
    summary: "The Acme cloud",
    resources: [Database, Bucket],
    settings: [Setting::required("region", "where things are made"), Setting::optional("tier", "how good").or("best")],
    credentials: [Credential::new("header", "API key")],
}

struct Database;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// GiB.
    size: u32,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    #[allow(dead_code)]
    nested: Vec<Nested>,
}

#[derive(Deserialize, JsonSchema)]
struct Nested {
    #[allow(dead_code)]
    port: u16,
}

#[derive(Clone, Serialize, Deserialize)]
struct State {
    size: u32,
}

impl Resource for Database {
    const KIND: &'static str = "database";
    const SUMMARY: &'static str = "A database";
    const HOLDS_DATA: bool = true;
    const OUTPUTS: &'static [Output] = &[Output::plain("Address", "where"), Output::secret("Password", "for it")];
    const STATE_VERSION: u32 = 2;
    const READS: &'static [u32] = &[1, 2];
    type Config = Config;
    type State = State;

    fn read_state(version: u32, mut state: Value) -> serde_json::Result<State> {
        if version == 1 {
            state["size"] = state["gib"].take();
        }
        serde_json::from_value(state)
    }

    fn validate(config: &Config) -> Vec<Problem> {
        if config.size > 100 { vec![Problem::error("/size", "at most 100")] } else { Vec::new() }
    }

    fn plan(_: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<Plan> {
        let Some(current) = current else {
            return Ok(Plan::Nothing);
        };
        Ok(Plan::compare().in_place("/size", &current.state.size, &intent.config.size).plan())
    }

    fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
        let password = match &intent.config.password {
            Some(given) => given.clone(),
            None => secrets::generate("master", Password::alphanumeric(32))?,
        };
        let name = ctx.name("db", Rules::DNS_LABEL.max(20))?;
        Request::post("https://acme.example/databases")
            .json(&json!({ "name": name, "password": password.placeholder() }))
            .substitute(&password, Encoding::Json, "/password")
            .send()?
            .success("creating the database")?;
        Ok(Instance::new(name)
            .output("Address", "here")
            .secret("Password", &password)
            .state(State { size: intent.config.size }))
    }

    fn read(_: &Context, _: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        Ok(Some(current.clone()))
    }

    fn update(_: &Context, _: &Intent<Config>, _: &Instance<State>) -> Result<Instance<State>> {
        fail!(denied, "no update on a {}", "weekday")
    }

    fn delete(_: &Context, _: &Intent<Config>, _: Option<&Instance<State>>) -> Result<()> {
        Ok(())
    }
}

struct Bucket;

impl Resource for Bucket {
    const KIND: &'static str = "bucket";
    const SUMMARY: &'static str = "A bucket";
    type Config = Value;
    type State = ();

    fn plan(_: &Context, _: &Intent<Value>, _: Option<&Instance>) -> Result<Plan> {
        Ok(Plan::Nothing)
    }

    fn create(ctx: &Context, _: &Intent<Value>) -> Result<Instance> {
        Ok(Instance::new(ctx.piece.clone()))
    }

    fn read(_: &Context, _: &Intent<Value>, _: &Instance) -> Result<Option<Instance>> {
        Ok(None)
    }

    fn update(_: &Context, _: &Intent<Value>, current: &Instance) -> Result<Instance> {
        Ok(current.clone())
    }

    fn delete(_: &Context, _: &Intent<Value>, _: Option<&Instance>) -> Result<()> {
        Ok(())
    }
}

fn context() -> wit::Context {
    wit::Context {
        environment_id: "e-test".into(),
        environment: "test".into(),
        piece: "db".into(),
        settings: r#"{"region": "north"}"#.into(),
        foundation: None,
    }
}

fn intent(kind: &str, config: Value) -> wit::Intent {
    wit::Intent { kind: kind.into(), config: config.to_string(), unsettled: Vec::new(), names: Vec::new() }
}

fn instance(version: u32, state: Value) -> wit::Instance {
    wit::Instance {
        cloud_id: "db".into(),
        state: state.to_string(),
        state_version: version,
        outputs: Vec::new(),
        summary: String::new(),
    }
}

#[test]
fn an_extension_describes_itself() {
    let description = CloudarkExtension::describe();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("acme", env!("CARGO_PKG_VERSION")));
    assert!(description.coe_kinds.is_empty() && description.foundation_state_versions.is_empty());
    let settings: Vec<_> = description.settings.iter().map(|s| (s.name.as_str(), s.default_value.as_deref())).collect();
    assert_eq!(settings, [("region", None), ("tier", Some("best"))]);

    let database = &description.resource_kinds[0];
    assert_eq!((database.name.as_str(), database.state_versions.as_slice()), ("database", [1, 2].as_slice()));
    assert!(database.holds_data);
    let config: Value = serde_json::from_str(&database.config_schema).unwrap();
    assert_eq!(config["properties"]["size"]["type"], "integer");
    assert_eq!(config["required"], json!(["size"]));
    assert_eq!(config["additionalProperties"], false);
    let outputs: Value = serde_json::from_str(&database.outputs_schema).unwrap();
    assert_eq!(outputs["properties"]["Password"]["writeOnly"], true);
    assert_eq!(outputs["properties"]["Address"].get("writeOnly"), None);
}

#[test]
fn a_secret_in_a_configuration_is_write_only() {
    let description = CloudarkExtension::describe();
    let config: Value = serde_json::from_str(&description.resource_kinds[0].config_schema).unwrap();
    assert_eq!(config["properties"]["password"]["writeOnly"], true, "{config:#}");
}

#[test]
fn a_configuration_that_does_not_fit_is_a_problem_at_its_place() {
    let problems =
        CloudarkExtension::validate("database".into(), json!({"size": 1, "nested": [{"port": 70000}]}).to_string());
    assert_eq!(problems[0].pointer, "/nested/0/port");
    let problems = CloudarkExtension::validate("database".into(), json!({"size": 101}).to_string());
    assert_eq!((problems[0].pointer.as_str(), problems[0].message.as_str()), ("/size", "at most 100"));
    let problems = CloudarkExtension::validate("table".into(), "{}".into());
    assert_eq!(problems[0].message, "this extension has no kind `table`");
}

#[test]
fn a_secret_goes_where_its_placeholder_stands_and_comes_back_as_an_output() {
    let host = Host::new();
    host.script("POST", "/databases", [Answer::new(201, "")]);
    let made = CloudarkExtension::create(context(), intent("database", json!({"size": 7}))).unwrap();
    assert_eq!((made.state.as_str(), made.state_version), (r#"{"size":7}"#, 2));
    let sent = &host.sent()[0];
    let [(field, reference)] = sent.secrets().try_into().unwrap();
    assert_eq!(field, "/password");
    assert_eq!(made.outputs[1], ("Password".into(), wit::OutputValue::Secret(reference)));
}

#[test]
fn a_user_given_secret_is_the_reference_in_the_configuration() {
    let host = Host::new();
    host.script("POST", "/databases", [Answer::new(201, "")]);
    let config = json!({"size": 7, "password": "ref-given"});
    CloudarkExtension::create(context(), intent("database", config)).unwrap();
    assert_eq!(host.sent()[0].secrets(), [("/password".to_owned(), "ref-given".to_owned())]);
}

#[test]
fn an_older_state_is_read() {
    let current = Some(instance(1, json!({"gib": 7})));
    let planned = CloudarkExtension::plan(context(), intent("database", json!({"size": 8})), current).unwrap();
    let wit::Planned::Update(changes) = planned else { unreachable!("{planned:?}") };
    assert_eq!((changes[0].before.as_str(), changes[0].after.as_str()), ("7", "8"));
}

#[test]
fn a_failure_keeps_its_kind_and_message() {
    let current = instance(2, json!({"size": 7}));
    let failure = CloudarkExtension::update(context(), intent("database", json!({"size": 8})), current).unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Denied, "no update on a weekday"));
}

#[test]
fn each_kind_gets_its_own_calls() {
    let made = CloudarkExtension::create(context(), intent("bucket", json!({}))).unwrap();
    assert_eq!((made.cloud_id.as_str(), made.state.as_str()), ("db", "null"));
    let failure = CloudarkExtension::create(context(), intent("table", json!({}))).unwrap_err();
    assert_eq!(failure.message, "this extension has no kind `table`");
}

#[test]
fn a_missing_setting_says_where_to_set_it() {
    let host = Host::new();
    let failure = host.context("db", &[]).require("region").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("`region` is missing"), "{failure}");
}

#[test]
fn only_what_bears_the_whole_mark_is_ours() {
    let host = Host::new();
    let ctx = host.context("db", &[]);
    let mark = ctx.tags();
    assert!(ctx.owns(mark.iter().map(|(key, value)| (key, value))));
    assert!(!ctx.owns(mark.iter().take(1).map(|(key, value)| (key, value))));
    let forged: Vec<_> = mark.iter().map(|(key, _)| (key.clone(), "other".to_owned())).collect();
    assert!(!ctx.owns(forged));
}

#[test]
fn requests_sent_together_are_answered_in_their_order() {
    let host = Host::new();
    host.on("GET", "/things/*", |sent| Answer::new(200, sent.path.clone()));
    let requests = (0..70).map(|n| Request::get(format!("https://acme.example/things/{n}"))).collect();
    let answers = http::send_all(requests);
    let paths: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().text()).collect();
    assert_eq!(paths, (0..70).map(|n| format!("/things/{n}")).collect::<Vec<_>>());
}

#[test]
fn a_secret_whose_placeholder_stands_nowhere_is_refused() {
    let host = Host::new();
    host.script("POST", "/a", [Answer::new(201, "")]);
    let secret = Secret::from_reference("ref-1");
    let error = Request::post("https://acme.example/a").substitute(&secret, Encoding::Json, "/x").send().unwrap_err();
    assert!(matches!(&error, http::CallError::Denied(message) if message.contains("`/x`")), "{error}");
}
