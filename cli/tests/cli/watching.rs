//! Waiting for operations, and watching them.

use serde_json::{Value, json};

use crate::course::{ENVIRONMENT, accepted, creating, events, operation};
use crate::fake::{Answer, World, refusal};

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
