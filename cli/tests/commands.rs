//! What a user and a script see of `cld`: exit codes, answers, and what was sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake;

use fake::{Answer, TOKEN, World, page, refusal};
use serde_json::{Value, json};

const APP: &str = "app:\n  image: nginx:1.29\n  container_port: 80\n";
const ENVIRONMENT: &str =
    "environment:\n  resources:\n    nimbus:\n      - resource:\n          type: store\n          name: db\n";

fn kinds() -> Answer {
    page(json!([{
        "name": "store", "cloud": "nimbus", "role": "resource", "summary": "a store",
        "config_schema": {"type": "object", "properties": {"flavor": {"type": "string"}}, "additionalProperties": false},
        "outputs_schema": {"type": "object"}, "holds_data": true, "host_ports_collide": false,
    }]))
}

fn accepted() -> Answer {
    Answer::Json(202, json!({"operation": "01op", "diagnostics": []}))
}

fn operation(status: &str) -> Value {
    json!({
        "id": "01op", "kind": "create-environment", "environment": "wp", "application": null, "status": status,
        "tasks": [], "created_at": "2026-01-31T12:00:00Z", "ended_at": null, "cancel_requested": false, "can_retry": true,
        "errors": if status == "failed" {
            json!([{"task": "store db", "kind": "permanent", "message": "nimbus refused\u{1b}[31m MakeStore (Quota)"}])
        } else { json!([]) },
    })
}

fn events(last: &str) -> Vec<Value> {
    let task = |sequence: u64, status: &str, note: &str| {
        json!({"sequence": sequence, "at_ms": 1_769_860_800_000_u64 + sequence * 1000, "event": "task", "task": {
            "number": 1, "title": "store db", "piece": "resource/db", "action": "create", "status": status,
            "note": note, "started_ms": 1_769_860_801_000_u64, "ended_ms": null, "rollback": false,
        }})
    };
    let state = |sequence: u64, status: &str| json!({"sequence": sequence, "at_ms": 1_769_860_800_000_u64 + sequence * 1000, "event": "operation", "status": status});
    vec![
        state(1, "running"),
        task(2, "running", ""),
        task(3, "waiting", "the store is\u{1b}[2J warming up"),
        task(4, "done", "store-1"),
        state(5, last),
    ]
}

/// A world in which creating an environment takes this course.
fn creating(last: &str) -> (World, String) {
    let world = World::new();
    world.on("GET", "/v1/kinds", kinds()).on("POST", "/v1/environments", accepted());
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation(last)));
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events(last), None));
    let file = world.file("env.yaml", ENVIRONMENT);
    (world, file)
}

#[test]
fn a_script_is_not_kept_waiting() {
    let (world, file) = creating("succeeded");
    let ran = world.cld(&format!("env create wp {file} --set region=r1 --project-id p1"));
    assert_eq!((ran.code, ran.out.as_str()), (0, "01op\n"), "{}", ran.err);
    assert!(ran.err.contains("cld op watch 01op"), "{}", ran.err);
    let sent = &world.changes()[0];
    assert_eq!(
        sent.json(),
        json!({"name": "wp", "file": ENVIRONMENT, "settings": {"region": "r1", "project": "p1"}, "keep_on_failure": false})
    );
    assert_eq!(sent.header("idempotency-key").len(), 26);
    assert!(world.to("/v1/operations/01op/events").is_empty());
}

#[test]
fn waiting_without_a_terminal_writes_plain_lines() {
    let (world, file) = creating("succeeded");
    let ran = world.cld(&format!("env create wp {file} --wait"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn programs_get_the_events_one_a_line() {
    let (world, file) = creating("succeeded");
    let ran = world.cld(&format!("env create wp {file} --wait --output json"));
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(lines[0]["operation"], "01op");
    assert_eq!(lines[1..], events("succeeded"));
}

#[test]
fn a_failed_operation_says_why_and_ends_with_1() {
    let (world, file) = creating("failed");
    let ran = world.cld(&format!("env create wp {file} --wait -q"));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    insta::assert_snapshot!(ran.err);
}

#[test]
fn a_cancelled_operation_ends_with_7() {
    let (world, file) = creating("cancelled");
    assert_eq!(world.cld(&format!("env create wp {file} --wait")).code, 7);
}

#[test]
fn cancelling_is_done_when_the_operation_is_cancelled() {
    let (world, _) = creating("cancelled");
    world.on("POST", "/v1/operations/01op/cancel", accepted());
    assert_eq!(world.cld("op cancel 01OP --wait").code, 0);
    let (world, _) = creating("succeeded");
    world.on("POST", "/v1/operations/01op/cancel", accepted());
    let ran = world.cld("op cancel 01op --wait");
    assert_eq!(ran.code, 6);
    assert!(ran.err.contains("before it could be cancelled"), "{}", ran.err);
}

#[test]
fn a_broken_stream_goes_on_where_it_stopped() {
    let world = World::new();
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events("succeeded"), Some(2)));
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events("succeeded"), Some(1)));
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events("succeeded"), None));
    let ran = world.cld("op watch 01op --output json");
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((ran.code, lines), (0, events("succeeded")), "{}", ran.err);
    let resumed: Vec<String> =
        world.to("/v1/operations/01op/events").iter().map(|seen| seen.header("last-event-id")).collect();
    assert_eq!(resumed, ["", "2", "3"]);
}

#[test]
fn a_server_that_restarts_elsewhere_is_found_again() {
    let (before, after) = (World::new(), World::new());
    before.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    before.on("GET", "/v1/operations/01op/events", Answer::Events(events("succeeded"), Some(2)));
    before.on("GET", "/v1/operations/01op/events", Answer::Json(503, refusal(503, "unavailable", "stopping")));
    after.on("GET", "/v1/operations/01op/events", Answer::Events(events("succeeded"), None));
    let watching = before.start(&["op", "watch", "01op", "--output", "json"]);
    while before.to("/v1/operations/01op/events").len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::copy(after.data().join("server.json"), before.data().join("server.json")).unwrap();
    let output = watching.wait_with_output().unwrap();
    let lines: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!((output.status.code(), lines), (Some(0), events("succeeded")));
    assert_eq!(after.to("/v1/operations/01op/events")[0].header("last-event-id"), "2");
}

#[test]
fn a_file_with_mistakes_shows_all_of_them_and_nothing_is_sent() {
    let (world, _) = creating("succeeded");
    let text = ENVIRONMENT.replace("name: db", "nmae: db\n          configuration:\n            flavour: large");
    world.file("broken.yaml", &text);
    let ran = world.cld("env create wp broken.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(world.changes().is_empty());
    insta::assert_snapshot!(ran.err);
}

#[test]
fn the_servers_diagnostics_are_shown_in_the_file() {
    let (world, _) = creating("succeeded");
    world.file("app.yaml", APP);
    let mut problem = refusal(422, "invalid", "the application cannot be deployed");
    problem["diagnostics"] = json!([{
        "severity": "error", "message": "host port 80 is taken by \"api\"", "help": "name another `host_port`",
        "span": {"start": 42, "end": 44, "line": 3, "column": 19},
    }]);
    world.on("POST", "/v1/applications", Answer::Json(422, problem));
    let ran = world.cld("app deploy web wp app.yaml");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.err);
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    let world = World::new();
    for (status, kind, code) in
        [(404, "not-found", 3), (403, "denied", 5), (409, "conflict", 6), (503, "unavailable", 4), (500, "internal", 1)]
    {
        let path = format!("/v1/environments/{kind}");
        world.on("GET", &path, Answer::Json(status, refusal(status, kind, "so it is\u{1b}[5m")));
        let ran = world.cld(&format!("env show {kind}"));
        assert_eq!(ran.code, code, "{kind}: {}", ran.err);
        assert_eq!(ran.err.lines().next().unwrap(), format!("error: showing environment \"{kind}\": so it is"));
    }
    world.on("GET", "/v1/environments/odd", Answer::Json(409, json!("not a problem document")));
    assert_eq!(world.cld("env show odd").code, 6);
    std::fs::write(world.data().join("token"), "wrong").unwrap();
    assert_eq!(world.cld("env list").code, 5);
}

#[test]
fn a_server_that_is_down_ends_with_4_and_the_way_to_start_it() {
    let world = World::new();
    let ran = world.cld("env list --server 127.0.0.1:1");
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("cld server start"), "{}", ran.err);
    std::fs::remove_file(world.data().join("token")).unwrap();
    assert_eq!(world.cld("env list").code, 4);
}

#[test]
fn bad_usage_ends_with_2() {
    let world = World::new();
    for line in [
        "env",
        "env create wp",
        "env show a/b",
        "app logs web --since soon",
        "nonsense",
        "op show ../x",
        "app deploy a b no.yaml",
    ] {
        assert_eq!(world.cld(line).code, 2, "{line}");
    }
    let ran = world.cld("env list --server http://10.0.0.7:5002");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("in the clear"), "{}", ran.err);
}

#[test]
fn a_post_whose_connection_breaks_is_sent_again_with_its_key() {
    let world = World::new();
    let file = world.file("env.yaml", ENVIRONMENT);
    world.on("GET", "/v1/kinds", kinds());
    world.on("POST", "/v1/environments", Answer::Broken).on("POST", "/v1/environments", accepted());
    let ran = world.cld(&format!("env create wp {file}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent = world.changes();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].header("idempotency-key"), sent[1].header("idempotency-key"));
}

#[test]
fn a_delete_is_sent_once_only() {
    let world = World::new();
    world.on("DELETE", "/v1/environments/wp", Answer::Broken).on("DELETE", "/v1/environments/wp", accepted());
    assert_eq!(world.cld("env delete wp --yes").code, 4);
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn nothing_is_deleted_by_a_script_without_yes() {
    let world = World::new();
    let environment = json!({
        "id": "01env", "name": "wp", "status": "available", "file": "", "bindings": {}, "created_at": "",
        "updated_at": "", "operation": null, "protected": false, "pieces": [], "applications": [],
    });
    world.on("GET", "/v1/environments/wp", Answer::Json(200, environment));
    world.on("DELETE", "/v1/environments/wp", accepted());
    let ran = world.cld_with(&["env", "delete", "wp"], "wp\n");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--yes"), "{}", ran.err);
    assert!(world.changes().is_empty());
    assert_eq!(world.cld("env delete wp --yes --force").code, 0);
    assert_eq!(world.changes()[0].query, "force=true");
}

#[test]
fn an_update_that_replaces_something_is_not_made_by_a_script_without_yes() {
    let (world, file) = creating("succeeded");
    let environment = json!({
        "id": "01env", "name": "wp", "status": "available", "file": "", "bindings": {}, "created_at": "",
        "updated_at": "", "operation": null, "protected": false, "pieces": [], "applications": [],
    });
    let step = json!({"piece": "resource/db", "kind": "store", "action": "replace", "changes": []});
    world.on("GET", "/v1/environments/wp", Answer::Json(200, environment));
    world.on("POST", "/v1/environments/wp/plan", Answer::Json(200, json!({"steps": [step], "diagnostics": []})));
    world.on("PUT", "/v1/environments/wp", accepted());
    let ran = world.cld(&format!("env update wp {file}"));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(!world.changes().iter().any(|seen| seen.method == "PUT"));
    assert_eq!(world.cld(&format!("env update wp {file} --yes")).code, 0);
    let put = world.changes().into_iter().find(|seen| seen.method == "PUT").unwrap();
    assert_eq!(put.header("if-match"), "\"7\"");
}

#[test]
fn an_operation_in_the_way_is_waited_for_when_asked_to() {
    let (world, _) = creating("succeeded");
    let mut busy = refusal(409, "conflict", "environment \"wp\" is busy");
    busy["operation"] = json!("01op");
    world.on("POST", "/v1/environments/wp/refresh", Answer::Json(409, busy.clone()));
    let ran = world.cld("env refresh wp");
    assert_eq!(ran.code, 6);
    assert!(ran.err.contains("cld op watch 01op"), "{}", ran.err);
    let (world, _) = creating("succeeded");
    world.on("POST", "/v1/environments/wp/refresh", Answer::Json(409, busy));
    world.on("POST", "/v1/environments/wp/refresh", accepted());
    assert_eq!(world.cld("env refresh wp --wait").code, 0);
    let sent = world.changes();
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0].header("idempotency-key"), sent[1].header("idempotency-key"));
}

#[test]
fn secrets_come_by_stdin_and_are_never_shown() {
    let world = World::new();
    world.on("PUT", "/v1/environments/wp/secrets/api-key", Answer::Json(200, json!({})));
    let log = world.home.path().join("log.txt");
    let words = ["secret", "set", "wp", "api-key", "--debug", "-v", "--log-file", log.to_str().unwrap()];
    let ran = world.cld_with(&words, "h1dden v4lue\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.changes()[0].json(), json!({"value": "h1dden v4lue"}));
    let said = format!("{}{}{}", ran.out, ran.err, std::fs::read_to_string(log).unwrap());
    assert!(said.contains("/v1/environments/wp/secrets/api-key"), "{said}");
    assert!(!said.contains("h1dden") && !said.contains(TOKEN), "{said}");
    assert_eq!(world.cld_with(&["secret", "set", "wp", "api-key"], "\n").code, 2);
}

#[test]
fn an_invented_cloud_is_set_up_as_its_extension_says() {
    let world = World::new();
    world.on(
        "GET",
        "/v1/extensions",
        page(json!([{
            "name": "nimbus", "version": "1.0.0", "cloud": "nimbus", "summary": "", "digest": "sha256:1", "kinds": [],
            "exports": [], "installed_at": "", "grants": [],
            "settings": [{"name": "zone", "summary": "where", "required": true, "default": null}],
            "credentials": [{"signer": "header", "prompt": "an API key of Nimbus"}],
        }])),
    );
    let cloud = json!({
        "cloud": "nimbus", "source": "stored value", "account": "acme", "identity": "robot", "settings": {"zone": "z1"},
    });
    world.on("PUT", "/v1/clouds/nimbus", Answer::Json(200, cloud));
    let ran = world.cld("setup nimbus --set zone=z1");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("an API key of Nimbus") && ran.err.contains("--value-stdin"), "{}", ran.err);
    let ran = world.cld_with(&["setup", "nimbus", "--value-stdin"], "k3y\n");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("needs the setting `zone`"), "{}", ran.err);
    let ran = world.cld_with(&["setup", "nimbus", "--value-stdin", "--set", "zone=z1"], "k3y\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let sent = world.changes()[0].json();
    assert_eq!(
        sent,
        json!({"credentials": {"source": "value", "secret": "k3y"}, "settings": {"zone": "z1"}, "endpoint": null})
    );
    assert_eq!(world.cld("setup cumulus --chain").code, 3);
}

#[test]
fn an_extension_is_installed_by_the_digest_that_was_shown() {
    let world = World::new();
    let extension = json!({
        "name": "nimbus", "version": "1.0.0", "cloud": "nimbus", "summary": "Nimbus", "digest": "sha256:1", "kinds": [],
        "exports": [], "installed_at": "", "grants": [], "settings": [], "credentials": [],
    });
    let inspection = json!({
        "extension": extension, "asks": ["call https://nimbus.example"], "grants_yaml": "", "replaces": null, "wider": [],
    });
    world.on("POST", "/v1/extensions:inspect", Answer::Json(200, inspection));
    world.on("POST", "/v1/extensions", Answer::Json(200, extension));
    let file = world.file("nimbus.wasm", "\0asm");
    let ran = world.cld(&format!("extension install {file}"));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("call https://nimbus.example") && ran.err.contains("--yes"), "{}", ran.err);
    assert!(world.to("/v1/extensions").is_empty());
    assert_eq!(world.cld(&format!("extension install {file} --yes")).code, 0);
    let sent = &world.to("/v1/extensions")[0];
    assert_eq!((sent.query.as_str(), sent.header("content-type").as_str()), ("agree=sha256%3A1", "application/wasm"));
    assert_eq!(sent.body, b"\0asm");
}

#[test]
fn logs_are_lines_without_escape_sequences() {
    let world = World::new();
    let line = |at: u64, message: &str| json!({"at_ms": at, "source": "web/1", "message": message});
    let lines = vec![line(1_769_860_800_000, "GET / 200"), line(1_769_860_801_250, "evil\u{1b}[2J\u{7}")];
    world.on("GET", "/v1/applications/web/logs", Answer::Lines(lines));
    let ran = world.cld("app logs web --deployment --tail 5 --since 10m --follow");
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let query = &world.to("/v1/applications/web/logs")[0].query;
    assert!(query.starts_with("stream=deployment&follow=true&since_ms=") && query.ends_with("&tail=5"), "{query}");
}

#[test]
fn followed_logs_go_on_after_a_restart() {
    let world = World::new();
    let line = |at: u64, message: &str| json!({"at_ms": at, "source": "web/1", "message": message});
    let logs = "/v1/applications/web/logs";
    world.on("GET", logs, Answer::BrokenLines(vec![line(1000, "one"), line(2000, "two")]));
    world.on("GET", logs, Answer::Json(503, refusal(503, "unavailable", "starting")));
    world.on("GET", logs, Answer::Lines(vec![line(3000, "three")]));
    let ran = world.cld("app logs web --follow --tail 2 --output json");
    let messages: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ran.code, messages), (0, vec!["one".into(), "two".into(), "three".into()]), "{}", ran.err);
    assert_eq!(world.to(logs)[2].query, "stream=runtime&follow=true&since_ms=2001");
}

#[test]
fn lists_are_read_to_their_end() {
    let world = World::new();
    let secret = |name: &str| json!({"name": name, "updated_at": "2026-01-31T12:00:00Z"});
    world.on("GET", "/v1/environments/wp/secrets", Answer::Json(200, json!({"items": [secret("a")], "next": "c1"})));
    world.on("GET", "/v1/environments/wp/secrets", page(json!([secret("b")])));
    let ran = world.cld("secret list wp --output json");
    let names: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(names, json!([secret("a"), secret("b")]));
    assert!(world.to("/v1/environments/wp/secrets")[1].query.contains("cursor=c1"));
    let ran = world.cld("secret list wp --output yaml");
    assert!(ran.out.starts_with("- name: b\n"), "{}", ran.out);
}

#[test]
fn a_program_of_ones_own_is_a_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let path = world.file("cld-greet", "#!/bin/sh\necho hello \"$@\"\nexit 42\n");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = world.cld("greet the world --output");
    assert_eq!((ran.code, ran.out.as_str()), (42, "hello the world --output\n"), "{}", ran.err);
    let ran = world.cld("gret");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no command `gret`"), "{}", ran.err);
}

#[test]
fn completions_are_written_without_a_server() {
    let world = World::new();
    std::fs::remove_dir_all(world.data()).unwrap();
    let ran = world.cld("completions bash");
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("_cld()"));
}
