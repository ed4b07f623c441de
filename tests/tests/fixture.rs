//! The fixture cloud, from file to application and away again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_api::operation::OperationStatus;
use cloudark_tests::client::Client;
use cloudark_tests::clouds::set_up_fixture;
use cloudark_tests::fixture_cloud::{FaultKind, FixtureCloud, KEY};
use cloudark_tests::server::Server;
use serde_json::json;
use tempfile::TempDir;

const THING: &str = "environment:\n  resources:\n    fix:\n      - resource:\n          type: thing\n          name: db\n          configuration:\n            size: 3\n";

struct World {
    cloud: FixtureCloud,
    server: Server,
    client: Client,
    _folder: TempDir,
}

async fn world() -> World {
    let cloud = FixtureCloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(folder.path());
    let client = server.start().await;
    set_up_fixture(&client, &cloud).await;
    World { cloud, server, client, _folder: folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_shown_changed_and_deleted() {
    let world = world().await;
    let client = &world.client;
    let id = client.create("e", THING).await;
    client.succeeded(&id).await;
    let shown = client.get("/v1/environments/e").await.ok();
    assert_eq!(shown["status"], "available");
    assert_eq!(world.cloud.inventory().len(), 2, "a network and a thing: {:?}", world.cloud.inventory());
    let plan =
        client.post("/v1/environments/e/plan", json!({ "name": "e", "file": THING.replace('3', "4") })).await.ok();
    let step = plan["steps"].as_array().unwrap().iter().find(|step| step["piece"] == "resource/db").unwrap().clone();
    assert_eq!(step["action"], "update", "{plan:#}");
    let update =
        client.put("/v1/environments/e", json!({ "name": "e", "file": THING.replace('3', "4") })).await.operation();
    client.succeeded(&update).await;
    let delete = client.delete("/v1/environments/e").await.operation();
    client.succeeded(&delete).await;
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
    assert_eq!(client.get("/v1/environments/e").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_fails_leaves_nothing() {
    let world = world().await;
    let file = THING.replace("size: 3", "fail: the quota is used up");
    let id = world.client.create("e", &file).await;
    let operation = world.client.ended(&id).await;
    assert_eq!(operation.status, OperationStatus::Failed);
    assert!(operation.errors[0].message.contains("the quota is used up"), "{:?}", operation.errors);
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
    let shown = world.client.get("/v1/environments/e").await.ok();
    assert_eq!(shown["status"], "create-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_create_leaves_nothing() {
    let world = world().await;
    world.cloud.set_polls(1_000_000);
    let id = world.client.create("e", THING).await;
    while world.cloud.inventory().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.client.post(&format!("/v1/operations/{id}/cancel"), json!({})).await.ok();
    world.cloud.set_polls(1);
    let operation = world.client.ended(&id).await;
    assert_eq!(operation.status, OperationStatus::Cancelled);
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_cancels_what_runs_and_follows_it() {
    let world = world().await;
    world.cloud.set_polls(1_000_000);
    world.client.create("e", THING).await;
    while world.cloud.inventory().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let delete = world.client.delete("/v1/environments/e").await.operation();
    world.cloud.set_polls(1);
    world.client.succeeded(&delete).await;
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_result_is_lost_is_not_made_twice() {
    let world = world().await;
    world.cloud.fault("POST /things", 1, FaultKind::StatusAfter(500));
    world.cloud.fault("POST /things", 2, FaultKind::Status(500));
    let id = world.client.create("e", THING).await;
    world.client.succeeded(&id).await;
    assert_eq!(world.cloud.duplicates(), Vec::<String>::new());
    let delete = world.client.delete("/v1/environments/e").await.operation();
    world.client.succeeded(&delete).await;
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was() {
    let mut world = world().await;
    world.cloud.set_polls(30);
    let id = world.client.create("e", THING).await;
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        world.server.kill();
        world.client = world.server.start().await;
    }
    world.client.succeeded(&id).await;
    assert_eq!(world.cloud.duplicates(), Vec::<String>::new());
    assert_eq!(world.cloud.inventory().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credential_reaches_the_cloud_and_nothing_else() {
    let world = world().await;
    let id = world.client.create("e", THING).await;
    world.client.succeeded(&id).await;
    assert!(world.cloud.requests().iter().all(|request| request.key == KEY));
    let store = std::fs::read(world.server.data.join("store.redb")).unwrap();
    let found = store.windows(KEY.len()).any(|window| window == KEY.as_bytes());
    assert!(!found, "the credential is in the store's file");
    assert!(!world.server.log().contains(KEY));
}
