//! Each call of the workflow fails once, in each way in which calls fail.
//!
//! By default a sample of the calls, chosen by a printed seed (`CLOUDARK_SEED`); with `CLOUDARK_ALL_FAULTS=1` every call
//! with every fault.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use cloudark_api::operation::OperationStatus;
use cloudark_tests::aws::{World, app};
use cloudark_tests::clouds::CloudUnderTest as _;
use cloudark_tests::crash::Step;
use futures::StreamExt as _;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

/// Whether everything is asked for, not a sample.
fn all() -> bool {
    std::env::var_os("CLOUDARK_ALL_FAULTS").is_some()
}

/// What happens to a call: not processed, processed, or who knows.
const FAULTS: [&str; 6] = ["throttle", "status500", "status500_after", "status503", "reset_before", "reset_after"];
/// How many worlds run side by side.
const AT_ONCE: usize = 3;
/// How many are chosen when not all run.
const SAMPLE: usize = 24;
/// How many cancels at most when not all run.
const MOST_CANCELS: usize = 60;

fn workflow() -> [Step; 4] {
    let file = "environment:\n  resources:\n    aws:\n      - resource:\n          type: rds\n          configuration:\n            flavor: db.t3.micro\n  app_deployment:\n    target: aws\n    type: ecs\n";
    let app = |image: &str| app(image, &["PASSWORD: $CLOUDARK_RDS_MasterUserPassword"]);
    [
        Step::new("POST", "/v1/environments", Some(json!({ "name": "wp", "file": file }))),
        Step::new(
            "POST",
            "/v1/applications",
            Some(json!({ "name": "web", "environment": "wp", "file": app("web:1") })),
        ),
        Step::new("PUT", "/v1/applications/web", Some(json!({ "name": "web", "file": app("web:2") }))),
        delete(),
    ]
}

/// A table and a cache, made, changed and deleted.
fn stores() -> Vec<Step> {
    cloudark_tests::crash::stores_workflow().steps
}

fn delete() -> Step {
    Step::new("DELETE", "/v1/environments/wp?force=true", None)
}

/// How a step ended, and what was said of it.
async fn run(world: &World, step: &Step) -> (Option<OperationStatus>, String) {
    let answer = world.client.send(step.method, &step.path, step.body.clone()).await.expect("the server answers");
    if answer.status != 202 {
        return (None, answer.body.to_string());
    }
    let operation = world.client.ended_within(&answer.operation(), Duration::from_secs(60)).await;
    let said: Vec<String> = operation.errors.iter().map(|error| error.message.clone()).collect();
    (Some(operation.status), said.join("\n"))
}

/// The inventory without what comes and goes by itself.
async fn standing(world: &World) -> Vec<String> {
    let mut all = world.inventory().await;
    all.retain(|one| !one.starts_with("task ") && !one.starts_with("network-interface "));
    all.sort();
    all
}

/// Runs the workflow with this fault at the nth call, and answers whether a call was struck and what did not hold.
async fn strike(steps: &[Step], nth: usize, fault: &str) -> (bool, Vec<String>) {
    let world = World::start().await;
    world.fault(json!({ "match": { "nth": nth }, "fault": fault })).await;
    let mut broken = Vec::new();
    let mut before = standing(&world).await;
    for step in steps {
        let (status, said) = run(&world, step).await;
        let here = format!("{} {}", step.method, step.path);
        let twice = world.cloud.duplicates().await;
        if !twice.is_empty() {
            broken.push(format!("{here}: there are twice: {twice:?}"));
        }
        if status == Some(OperationStatus::Succeeded) {
            before = standing(&world).await;
            continue;
        }
        // It failed: with a message that names the call, and with nothing of it left.
        let struck = world.calls().await.into_iter().find(|call| !call["fault"].is_null());
        let named =
            struck.as_ref().and_then(|call| call["action"].as_str()).is_some_and(|action| said.contains(action));
        if !named {
            broken.push(format!("{here} ended {status:?} without naming the call: {said}"));
        }
        if step.method != "DELETE" {
            let after = standing(&world).await;
            if after != before {
                broken.push(format!(
                    "{here} ended {status:?} ({said}) and is not rolled back: {after:?}, before {before:?}"
                ));
            }
        }
        break;
    }
    if world.client.get("/v1/environments/wp").await.status == 200 {
        let (status, said) = run(&world, &delete()).await;
        if status != Some(OperationStatus::Succeeded) {
            broken.push(format!("the delete at the end ended {status:?}: {said}"));
        }
    }
    let left = world.inventory().await;
    if !left.is_empty() {
        broken.push(format!("left over: {left:?}"));
    }
    let calls = world.calls().await;
    let struck = calls.iter().find(|call| !call["fault"].is_null());
    if !broken.is_empty() {
        let what = struck.map_or(String::new(), |call| format!("{} {}", call["action"], call["params"]));
        broken.insert(0, format!("{fault} at call {nth}: {what}"));
    }
    (struck.is_some(), broken)
}

/// How many calls the workflow makes when nothing goes wrong.
async fn length(steps: &[Step]) -> usize {
    let world = World::start().await;
    let before = world.calls().await.len();
    for step in steps {
        let (status, said) = run(&world, step).await;
        assert_eq!(status, Some(OperationStatus::Succeeded), "{} {}: {said}", step.method, step.path);
    }
    assert_eq!(world.inventory().await, Vec::<String>::new());
    world.calls().await.len() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_once_ends_well_or_is_rolled_back_and_named() {
    each_call_fails_once(&workflow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_a_table_or_a_cache_that_fails_once_ends_well_or_is_rolled_back_and_named() {
    each_call_fails_once(&stores()).await;
}

async fn each_call_fails_once(steps: &[Step]) {
    let calls = length(steps).await;
    let mut cases: Vec<(usize, &str)> = (1..=calls).flat_map(|nth| FAULTS.map(|fault| (nth, fault))).collect();
    if !all() {
        let seed = std::env::var("CLOUDARK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        println!("{SAMPLE} of {} cases, chosen by seed {seed}", cases.len());
        cases.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
        cases.truncate(SAMPLE);
    }
    let count = cases.len();
    let worlds = futures::stream::iter(cases).map(async |(nth, fault)| strike(steps, nth, fault).await);
    let ended: Vec<(bool, Vec<String>)> = worlds.buffer_unordered(AT_ONCE).collect().await;
    // How many polls there are differs a little from run to run, so the last calls may not come.
    let struck = ended.iter().filter(|(struck, _)| *struck).count();
    assert!(struck * 10 >= count * 9, "only {struck} of {count} faults struck a call");
    let broken: Vec<String> =
        ended.into_iter().filter(|(_, case)| !case.is_empty()).map(|(_, case)| case.join("\n    ")).collect();
    assert!(broken.is_empty(), "{} of {count} cases:\n{}", broken.len(), broken.join("\n"));
}

/// What the service says reaches the user in its own words, with the call and the piece; nothing is left of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_for_good_is_told_in_the_services_own_words() {
    for (step, service, action, status, code, message) in [
        (
            0,
            "ec2",
            "CreateSecurityGroup",
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        ),
        (0, "rds", "CreateDBInstance", 400, "InstanceQuotaExceeded", "You have reached the quota of 40 DB instances."),
        (
            0,
            "ecs",
            "CreateCluster",
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: ecs:CreateCluster",
        ),
        (1, "iam", "CreateRole", 403, "AccessDenied", "User: x is not authorized to perform: iam:CreateRole"),
        (
            1,
            "elasticloadbalancing",
            "CreateLoadBalancer",
            400,
            "TooManyLoadBalancers",
            "You have reached the limit of 50.",
        ),
        (
            1,
            "ecs",
            "CreateService",
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: ecs:CreateService",
        ),
    ] {
        let world = World::start().await;
        let steps = workflow();
        for done in steps.iter().take(step) {
            assert_eq!(run(&world, done).await.0, Some(OperationStatus::Succeeded));
        }
        let before = standing(&world).await;
        let fault = json!({ "error": { "status": status, "code": code, "message": message } });
        world.fault(json!({ "match": { "service": service, "action": action, "every": true }, "fault": fault })).await;
        let (status, said) = run(&world, &steps[step]).await;
        assert_eq!(status, Some(OperationStatus::Failed), "{action}: {said}");
        for part in [action, code, message] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert_eq!(standing(&world).await, before, "{action}");
        let (status, said) = run(&world, &delete()).await;
        assert_eq!(status, Some(OperationStatus::Succeeded), "{action}: {said}");
        assert_eq!(world.inventory().await, Vec::<String>::new(), "{action}");
    }
}

/// Everything lags, is throttled now and then, and requests are finished whose connections broke.
#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_lags_and_breaks_connections_is_worked_with() {
    let world = World::start().await;
    world
        .cloud
        .control("POST", "config", Some(json!({ "lag_polls": 4, "polls_until_ready": 6, "page_limit": 1 })))
        .await;
    let rules: Vec<Value> = [
        ("CreateDBInstance", "reset_after"),
        ("CreateSecurityGroup", "status500_after"),
        ("CreateService", "reset_after"),
        ("RegisterTaskDefinition", "reset_after"),
        ("CreateLoadBalancer", "status500_after"),
        ("DeleteDBInstance", "reset_after"),
        ("PutParameter", "reset_after"),
    ]
    .map(|(action, fault)| json!({ "match": { "action": action }, "fault": fault }))
    .into();
    world.cloud.control("POST", "faults", Some(Value::from(rules))).await;
    for step in workflow() {
        let (status, said) = run(&world, &step).await;
        assert_eq!(status, Some(OperationStatus::Succeeded), "{} {}: {said}", step.method, step.path);
        assert_eq!(world.cloud.duplicates().await, Vec::<String>::new());
    }
    assert_eq!(world.inventory().await, Vec::<String>::new());
}

/// A cloud that shows late what was made: after 20 ms, where an API's window is 120 s, a thousand times as fast.
async fn late() -> World {
    let world = World::start().await;
    world.cloud.control("POST", "config", Some(json!({ "lag_polls": 1_000_000, "lag_ms": 20 }))).await;
    world
}

/// Cancels the create once so many calls were made, on a cloud that lags and finishes what lost its connection; what
/// did not hold.
async fn cancel_after(calls: usize) -> Vec<String> {
    let world = late().await;
    let lost = json!([{ "match": { "action": "CreateDBInstance" }, "fault": "reset_after" }]);
    world.cloud.control("POST", "faults", Some(lost)).await;
    let before = world.calls().await.len();
    let [create, ..] = workflow();
    let id = world.client.send(create.method, &create.path, create.body).await.unwrap().operation();
    while world.calls().await.len() < before + calls && !world.client.operation(&id).await.status.is_final() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // It may have ended in this very moment.
    let _ = world.client.send("POST", &format!("/v1/operations/{id}/cancel"), Some(json!({}))).await;
    let ended = world.client.ended(&id).await;
    let mut broken = Vec::new();
    if !matches!(ended.status, OperationStatus::Cancelled | OperationStatus::Succeeded) {
        broken.push(format!("cancelled after {calls} calls, it ended {ended:#?}"));
    }
    let left = world.inventory().await;
    if ended.status == OperationStatus::Cancelled && !left.is_empty() {
        broken.push(format!("cancelled after {calls} calls, it left {left:?}"));
    }
    let (status, said) = run(&world, &delete()).await;
    let left = world.inventory().await;
    if status != Some(OperationStatus::Succeeded) || !left.is_empty() {
        broken.push(format!("cancelled after {calls} calls and deleted: {status:?} {said} {left:?}"));
    }
    broken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_cancelled_at_any_poll_leaves_nothing() {
    let world = late().await;
    let before = world.calls().await.len();
    let (status, said) = run(&world, &workflow()[0]).await;
    assert_eq!(status, Some(OperationStatus::Succeeded), "{said}");
    let calls = world.calls().await.len() - before;
    assert!(calls > 30, "only {calls} calls");
    let every = if all() { 1 } else { calls.div_ceil(MOST_CANCELS) };
    println!("cancelled at every {every} of {calls} calls");
    let worlds = futures::stream::iter((1..=calls).step_by(every)).map(cancel_after);
    let broken: Vec<String> = worlds.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.concat();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
