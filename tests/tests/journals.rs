//! What becomes of an operation's journals after its end: packed, shown as before, kept for a time, and then forgotten,
//! while everything that anybody still needs stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::{Duration, Instant};

use cloudark_api::journal::{CallEffect, CallOutcome, JournalEntry, Recorded};
use cloudark_api::operation::{EventKind, OperationStatus};
use cloudark_tests::cld::Cld;
use cloudark_tests::client::Client;
use cloudark_tests::fixture_cloud::FaultKind;
use cloudark_tests::world::{World, one_resource};
use serde_json::json;

const NOTHING: Vec<String> = Vec::new();

fn file() -> String {
    one_resource("fix", "thing", "{ size: 3, parallel: true }")
        + "  app_deployment:\n    target: fix\n    type: fix-coe\n"
}

/// Waits until something is so.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < until, "it does not come to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The journals of all tasks of an operation.
async fn journals(client: &Client, id: &str) -> Vec<Vec<JournalEntry>> {
    let mut journals = Vec::new();
    for task in client.operation(id).await.tasks {
        let page = client.get(&format!("/v1/operations/{id}/tasks/{}/journal?limit=1000", task.number)).await.ok();
        journals.push(serde_json::from_value(page["items"].clone()).unwrap());
    }
    journals
}

/// The changes that journals tell of, as method and path.
fn changes(journals: &[Vec<JournalEntry>]) -> Vec<String> {
    let entries = journals.iter().flatten();
    let mut changes: Vec<String> = entries
        .filter_map(|entry| match &entry.what {
            Recorded::Call { effect, outcome: CallOutcome::Performed, request, .. } if *effect != CallEffect::Read => {
                let url = request["url"].as_str().unwrap();
                let path = url.splitn(4, '/').nth(3).unwrap();
                Some(format!("{} /{path}", request["method"].as_str().unwrap()))
            }
            _ => None,
        })
        .collect();
    changes.sort();
    changes
}

/// The changes that the cloud was asked for.
fn asked(world: &World) -> Vec<String> {
    let requests = world.cloud.requests().into_iter().filter(|request| request.method != "GET");
    let mut asked: Vec<String> = requests.map(|request| format!("{} {}", request.method, request.path)).collect();
    asked.sort();
    asked
}

async fn delete(world: &World) {
    let id = world.client.delete("/v1/environments/e").await.operation();
    world.client.succeeded(&id).await;
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_packs_loses_no_journal() {
    for point in ["create-environment/1 0 before-packed", "create-environment/1 0 after-packed"] {
        let mut world = World::plan(&["fixture"]).variable("CLOUDARK_CRASH_AT", point).start().await;
        let id = world.client.create("e", &file()).await;
        let died = world.server.wait_end(Duration::from_secs(120)).await;
        assert!(died.is_some_and(|status| !status.success()), "{point}: it did not die\n{}", world.server.log());
        world.server.environment.clear();
        world.client = world.server.start().await;
        assert_eq!(world.client.operation(&id).await.status, OperationStatus::Succeeded, "{point}");

        let told = journals(&world.client, &id).await;
        assert_eq!(changes(&told), asked(&world), "{point}: the journals tell of what the cloud was asked");
        until("what was left is packed", async || world.server.log().contains("journals of ended operations")).await;
        assert_eq!(journals(&world.client, &id).await, told, "{point}");
        world.restart().await;
        assert_eq!(journals(&world.client, &id).await, told, "{point}");
        delete(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_long_enough_is_forgotten_and_the_rest_goes_on() {
    let mut world = World::plan(&["fixture"]).config("journal: { keep: 0s }\n").start().await;
    let id = world.client.create("e", &file()).await;
    world.client.succeeded(&id).await;
    let cld = Cld::new(&world.data(), world.folder.path());
    let shown = cld.run(&["op", "journal", &id, "1"]).await.with(0);
    assert!(shown.stdout.contains("POST") && shown.stdout.contains("performed"), "{}", shown.stdout);
    let before = cld.run(&["env", "history", "e", "--output", "json"]).await.with(0).json();

    world.restart().await;
    let journal = format!("/v1/operations/{id}/tasks/1/journal");
    until("it is forgotten", async || world.client.get(&journal).await.status == 404).await;
    let refused = world.client.get(&journal).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("journal.keep"), "{refused:?}");
    assert_eq!(cld.run(&["op", "journal", &id]).await.code, 3);

    assert_eq!(cld.run(&["env", "history", "e", "--output", "json"]).await.with(0).json(), before);
    let events = world.client.events(&id).await;
    let end = EventKind::Operation { status: OperationStatus::Succeeded };
    assert_eq!(events.into_iter().map(|event| event.what).collect::<Vec<_>>(), [end], "a watcher sees the end");
    cld.run(&["op", "watch", &id]).await.with(0);
    let again = world.client.put("/v1/environments/e", json!({ "name": "e", "file": file().replace('3', "4") })).await;
    world.client.succeeded(&again.operation()).await;
    delete(&world).await;
    assert_eq!(world.cloud.duplicates(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_operation_can_be_retried_however_long_ago_it_ended() {
    let mut world = World::plan(&["fixture"]).config("journal: { keep: 0s }\n").start().await;
    world.cloud.fault("POST /things", 2, FaultKind::Status(400));
    let thing = one_resource("fix", "thing", "{ size: 3 }");
    let body = json!({ "name": "e", "file": thing, "keep_on_failure": true });
    let id = world.client.post("/v1/environments", body).await.operation();
    let failed = world.client.ended(&id).await;
    assert_eq!(failed.status, OperationStatus::Failed, "{failed:#?}");
    let told = journals(&world.client, &id).await;
    let events = world.client.events(&id).await;

    // Another operation ends with it: once that is forgotten, this one was looked at.
    let other = world.client.create("other", &thing).await;
    world.client.succeeded(&other).await;
    world.restart().await;
    let journal = format!("/v1/operations/{other}/tasks/0/journal");
    until("the other is forgotten", async || world.client.get(&journal).await.status == 404).await;
    assert_eq!(journals(&world.client, &id).await, told);
    assert_eq!(world.client.events(&id).await, events);
    world.client.post(&format!("/v1/operations/{id}/retry"), json!({})).await.ok();
    world.client.succeeded(&id).await;
    assert_eq!(world.cloud.inventory().len(), 4, "{:?}", world.cloud.inventory());
    let told = changes(&journals(&world.client, &id).await);
    assert_eq!(told.len(), 2, "the network by the first time, the thing by the second: {told:?}");
}

/// The fixture guest with another header in all of its requests.
fn another_version(world: &World) -> std::path::PathBuf {
    let mut wasm = std::fs::read(cloudark_tests::guest("fixture")).unwrap();
    let (before, after) = (b"x-fix-key", b"x-fix-kez");
    let places: Vec<usize> =
        wasm.windows(before.len()).enumerate().filter(|(_, text)| text == before).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        wasm[at..at + after.len()].copy_from_slice(after);
    }
    let path = world.folder.path().join("another.wasm");
    std::fs::write(&path, wasm).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_held_to_what_has_ended_and_nothing_is_sent() {
    let mut world = World::fixture().await;
    let id = world.client.create("e", &file()).await;
    world.client.succeeded(&id).await;
    let update = world.client.put("/v1/environments/e", json!({ "name": "e", "file": file().replace('3', "4") })).await;
    world.client.succeeded(&update.operation()).await;
    world.cloud.fault("POST /things", 2, FaultKind::Status(400));
    let failed = world.client.create("failed", &one_resource("fix", "thing", "{ size: 3 }")).await;
    assert_eq!(world.client.ended(&failed).await.status, OperationStatus::Failed);
    delete(&world).await;
    let asked = world.cloud.requests().len();
    world.restart().await;

    let cld = Cld::new(&world.data(), world.folder.path());
    let same = cloudark_tests::guest("fixture").display().to_string();
    let ended = cld.run(&["extension", "rehearse", &same]).await.with(0);
    assert!(ended.stdout.contains("asks the same in all of"), "{}", ended.stdout);
    let of = cld.run(&["extension", "rehearse", &same, "--output", "json"]).await.with(0).json();
    let tasks = of["tasks"].as_array().unwrap();
    let actions: Vec<&str> = tasks.iter().map(|task| task["action"].as_str().unwrap()).collect();
    for action in ["prepare", "create", "update", "delete", "release"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    assert!(tasks.iter().any(|task| task["operation"] == json!(failed)), "what failed is rehearsed too");
    assert!(tasks.iter().any(|task| task["same"].as_u64().unwrap() > 2), "{of:#}");

    let another = another_version(&world).display().to_string();
    let ended = cld.run(&["extension", "rehearse", &another]).await.with(1);
    assert!(ended.stdout.contains("x-fix-key") && ended.stdout.contains("x-fix-kez"), "{}", ended.stdout);
    assert!(ended.stdout.contains("goes another way in"), "{}", ended.stdout);
    assert_eq!(world.cloud.requests().len(), asked, "something was sent");
    let installed = cld.run(&["extension", "list", "--output", "json"]).await.with(0).json();
    assert_eq!(installed.as_array().unwrap().len(), 1, "a rehearsal installs nothing");
}
