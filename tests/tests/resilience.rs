//! What goes wrong around the server: kills while it recovers, full disks, two servers, wrong credentials, users who
//! change their minds at any moment. Nothing is lost, nothing is made twice, and the message says what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cloudark_api::operation::OperationStatus;
use cloudark_tests::binary;
use cloudark_tests::client::Client;
use cloudark_tests::fixture_cloud::{FaultKind, FixtureCloud, KEY};
use cloudark_tests::server::Server;
use cloudark_tests::world::{World, one_resource};
use futures::future::join_all;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

const NOTHING: Vec<String> = Vec::new();

fn thing() -> String {
    one_resource("fix", "thing", "{ size: 3 }")
}

/// Waits until something is so.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < until, "it does not come to this: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn delete(client: &Client, name: &str) {
    let id = client.delete(&format!("/v1/environments/{name}?force=true")).await.operation();
    client.succeeded(&id).await;
}

fn detail(answer: &cloudark_tests::client::Answer) -> String {
    answer.body["detail"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_while_it_recovers_goes_on_where_it_was() {
    let mut world = World::fixture().await;
    world.cloud.set_polls(40);
    let file =
        one_resource("fix", "thing", "{ parallel: true }") + "  app_deployment:\n    target: fix\n    type: fix-coe\n";
    let mut operations = Vec::new();
    for name in ["a", "b", "c"] {
        operations.push(world.client.create(name, &file).await);
    }
    for round in 0..15 {
        world.server.kill();
        world.server.spawn();
        tokio::time::sleep(Duration::from_millis(20 + round * 15)).await;
    }
    world.restart().await;
    world.cloud.set_polls(1);
    for id in &operations {
        world.client.succeeded(id).await;
    }
    assert_eq!(world.cloud.duplicates(), NOTHING);
    assert_eq!(world.cloud.inventory().len(), 3 * 5, "{:?}", world.cloud.inventory());
    for name in ["a", "b", "c"] {
        delete(&world.client, name).await;
    }
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_survives_kills_as_well() {
    let mut world = World::fixture().await;
    world.cloud.set_polls(5);
    let id =
        world.client.create("e", &one_resource("fix", "thing", "{ fail: the quota is used up, parallel: true }")).await;
    for round in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.server.kill();
        world.server.spawn();
        tokio::time::sleep(Duration::from_millis(40 + round * 15)).await;
    }
    world.restart().await;
    let operation = world.client.ended(&id).await;
    assert_eq!(operation.status, OperationStatus::Failed);
    assert!(operation.errors[0].message.contains("the quota is used up"), "{operation:#?}");
    assert_eq!(world.cloud.inventory(), NOTHING);
}

/// Operations under way on a server whose disk is full: the answer that says so.
async fn fill_the_disk(world: &World) -> (Vec<String>, cloudark_tests::client::Answer) {
    let mut operations = Vec::new();
    for number in 0..10 {
        operations.push(world.client.create(&format!("first{number}"), &thing()).await);
    }
    let store = world.data().join("store.redb");
    limit_files(&world.server, Some(std::fs::metadata(&store).unwrap().len()));
    let padding = format!("# {}\n", "x".repeat(100_000));
    for number in 0..500 {
        let body = json!({ "name": format!("e{number}"), "file": format!("{padding}{}", thing()) });
        let answer = world.client.post("/v1/environments", body).await;
        if answer.status != 202 {
            return (operations, answer);
        }
        operations.push(answer.operation());
    }
    panic!("the disk was never full");
}

/// How large files of the server may become; none for no limit. A write beyond fails as on a full disk.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_once_there_is_space_everything_goes_on() {
    // A write beyond the limit is to fail, as it does on a full disk, not to kill.
    let world = World::plan(&["fixture"]).through("trap '' XFSZ").start().await;
    let client = &world.client;
    world.cloud.set_polls(20);
    let (operations, refusal) = fill_the_disk(&world).await;
    assert_eq!(refusal.status, 503, "{refusal:?}");
    assert!(detail(&refusal).contains("is full"), "{refusal:?}");
    until("the status tells that the disk is full", async || {
        client.get("/v1/server").await.ok()["store_fault"].as_str().is_some_and(|fault| fault.contains("full"))
    })
    .await;
    // What is there can be looked at.
    assert_eq!(client.get("/v1/environments/first0").await.status, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.cloud.duplicates(), NOTHING);

    limit_files(&world.server, None);
    world.cloud.set_polls(1);
    for id in &operations {
        client.succeeded(id).await;
    }
    assert_eq!(client.get("/v1/server").await.ok()["store_fault"], Value::Null);
    assert_eq!(world.cloud.duplicates(), NOTHING);
    assert_eq!(world.cloud.inventory().len(), 2 * operations.len());
    let again = client.post("/v1/environments", json!({ "name": "last", "file": thing() })).await.operation();
    client.succeeded(&again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_the_disk_is_full_loses_nothing() {
    let mut world = World::plan(&["fixture"]).through("trap '' XFSZ").start().await;
    world.cloud.set_polls(10);
    let (operations, _) = fill_the_disk(&world).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The new process has no limit: somebody has made space.
    world.restart().await;
    world.cloud.set_polls(1);
    for id in &operations {
        world.client.succeeded(id).await;
    }
    assert_eq!(world.cloud.duplicates(), NOTHING);
    assert_eq!(world.cloud.inventory().len(), 2 * operations.len());
}

fn cloudarkd(arguments: &[&str]) -> Output {
    Command::new(binary("cloudarkd")).args(arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_store_refuses_to_start() {
    let world = World::fixture().await;
    let data = world.data();
    let second = cloudarkd(&["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("in use by another server"), "{said}");
    assert!(said.contains(&format!("process {}", world.server.pid())), "{said}");
    // The first one is not disturbed, and is still the one that is found.
    assert!(world.client.is_up().await);
    assert_eq!(Client::of(&data).unwrap().url, world.client.url);
    let id = world.client.create("e", &thing()).await;
    world.client.succeeded(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_can_be_cancelled_at_each_of_its_calls() {
    let world = World::fixture().await;
    let client = &world.client;
    world.cloud.set_polls(2);
    let file = one_resource("fix", "thing", "{ parallel: true }");
    let mut cancelled = 0;
    for call in 1..100 {
        world.cloud.hold(call);
        let name = format!("e{call}");
        let id = client.create(&name, &file).await;
        let mut is_over = false;
        until("the call is made, or all is made", async || {
            is_over = client.operation(&id).await.status.is_final();
            is_over || world.cloud.is_holding()
        })
        .await;
        if is_over {
            world.cloud.release();
            client.succeeded(&id).await;
            delete(client, &name).await;
            break;
        }
        client.post(&format!("/v1/operations/{id}/cancel"), json!({})).await.ok();
        world.cloud.release();
        let operation = client.ended(&id).await;
        if operation.status == OperationStatus::Succeeded {
            // Its last call: nothing was left to cancel, and everything is there.
            assert_eq!(world.cloud.inventory().len(), 4, "at call {call}: {operation:#?}");
            delete(client, &name).await;
            continue;
        }
        assert_eq!(operation.status, OperationStatus::Cancelled, "at call {call}: {operation:#?}");
        assert_eq!(world.cloud.inventory(), NOTHING, "after a cancel at call {call}");
        assert_eq!(client.get(&format!("/v1/environments/{name}")).await.ok()["status"], "create-failed");
        delete(client, &name).await;
        cancelled += 1;
    }
    println!("cancelled at each of {cancelled} calls");
    assert!((10..99).contains(&cancelled), "{cancelled}");
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_is_waited_for_before_its_cancel_is_rolled_back() {
    let world = World::fixture().await;
    world.cloud.fault("POST /things", 2, FaultKind::Slow(2_500));
    let id = world.client.create("e", &thing()).await;
    until("the thing is being made", async || world.cloud.inventory().len() == 2).await;
    world.client.post(&format!("/v1/operations/{id}/cancel"), json!({})).await.ok();
    let operation = world.client.ended(&id).await;
    assert_eq!(operation.status, OperationStatus::Cancelled, "{operation:#?}");
    assert_eq!(world.cloud.inventory(), NOTHING);
    let again = world.client.post(&format!("/v1/operations/{id}/cancel"), json!({})).await;
    assert_eq!(again.status, 409, "{again:?}");
}

async fn account(client: &Client) -> String {
    client.get("/v1/clouds/fix").await.ok()["account"].as_str().unwrap().to_owned()
}

async fn set_key(world: &World, key: &str) {
    world.client.set_up("fix", &world.cloud.url, json!({ "source": "value", "secret": key })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_another_account_are_refused_with_both_named() {
    let world = World::fixture().await;
    let client = &world.client;
    let id = client.create("e", &thing()).await;
    client.succeeded(&id).await;
    let ours = account(client).await;
    set_key(&world, "the-key-of-somebody-else").await;
    let theirs = account(client).await;
    assert_ne!(ours, theirs);
    let asked = world.cloud.requests().len();
    let changed = json!({ "name": "e", "file": one_resource("fix", "thing", "{ size: 4 }") });
    for (method, path, body) in [
        ("PUT", "/v1/environments/e", Some(changed.clone())),
        ("POST", "/v1/environments/e/plan", Some(changed)),
        ("POST", "/v1/environments/e/refresh", Some(json!({}))),
        ("DELETE", "/v1/environments/e", None),
    ] {
        let refused = client.send(method, path, body).await.unwrap();
        assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
        let detail = detail(&refused);
        assert!(detail.contains(&ours) && detail.contains(&theirs), "{method} {path}: {detail}");
    }
    assert_eq!(world.cloud.requests().len(), asked, "the cloud was asked in the name of another account");
    assert_eq!(client.get("/v1/environments/e").await.ok()["status"], "available");
    set_key(&world, KEY).await;
    delete(client, "e").await;
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_under_way_waits_until_its_own_credentials_are_back() {
    let mut world = World::fixture().await;
    world.cloud.set_polls(1_000_000);
    let id = world.client.create("e", &thing()).await;
    until("something is being made", async || !world.cloud.inventory().is_empty()).await;
    let ours = account(&world.client).await;
    set_key(&world, "the-key-of-somebody-else").await;
    let theirs = account(&world.client).await;
    world.restart().await;
    until("its events name both", async || {
        let events = format!("{:?}", world.client.events_so_far(&id).await);
        events.contains(&ours) && events.contains(&theirs)
    })
    .await;
    assert!(world.cloud.requests().iter().all(|request| request.key == KEY), "asked with the other key");
    set_key(&world, KEY).await;
    world.cloud.set_polls(1);
    world.client.succeeded(&id).await;
    assert_eq!(world.cloud.duplicates(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_with_applications_is_deleted_only_by_force() {
    let world = World::fixture().await;
    let client = &world.client;
    let id = client.create("e", &(thing() + "  app_deployment:\n    target: fix\n    type: fix-coe\n")).await;
    client.succeeded(&id).await;
    let app = "app:\n  image: web:1\n  container_port: 80\n";
    let deploy =
        client.post("/v1/applications", json!({ "name": "web", "environment": "e", "file": app })).await.operation();
    client.succeeded(&deploy).await;
    let before = world.cloud.inventory();
    let refused = client.delete("/v1/environments/e").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(detail(&refused).contains("web") && detail(&refused).contains("--force"), "{refused:?}");
    assert_eq!(world.cloud.inventory(), before);
    delete(client, "e").await;
    assert_eq!(world.cloud.inventory(), NOTHING);
    assert_eq!(client.get("/v1/applications").await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_environment_stays() {
    let world = World::fixture().await;
    let client = &world.client;
    let id = client.create("e", &thing()).await;
    client.succeeded(&id).await;
    client.put("/v1/environments/e/protection", json!({ "protected": true })).await.ok();
    let refused = client.delete("/v1/environments/e?force=true").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(detail(&refused).contains("protected"), "{refused:?}");
    assert_eq!(client.get("/v1/environments/e").await.ok()["protected"], true);
    client.put("/v1/environments/e/protection", json!({ "protected": false })).await.ok();
    delete(client, "e").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_create_that_was_kept_goes_on_from_where_it_failed() {
    let world = World::fixture().await;
    let client = &world.client;
    world.cloud.fault("POST /things", 2, FaultKind::Status(400));
    let body = json!({ "name": "e", "file": thing(), "keep_on_failure": true });
    let id = client.post("/v1/environments", body).await.operation();
    let failed = client.ended(&id).await;
    assert_eq!(failed.status, OperationStatus::Failed);
    assert!(failed.can_retry);
    assert_eq!(world.cloud.inventory().len(), 1, "the network was not kept: {:?}", world.cloud.inventory());
    let network = world.cloud.inventory();
    client.post(&format!("/v1/operations/{id}/retry"), json!({})).await.ok();
    let again = client.succeeded(&id).await;
    assert!(!again.can_retry);
    assert_eq!(world.cloud.inventory().len(), 2);
    assert!(world.cloud.inventory().contains(&network[0]), "the network was made anew");
    assert_eq!(client.get("/v1/environments/e").await.ok()["status"], "available");
    let refused = client.post(&format!("/v1/operations/{id}/retry"), json!({})).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    delete(client, "e").await;
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creates_of_one_name_exactly_one_wins() {
    let world = World::fixture().await;
    let body = json!({ "name": "e", "file": thing() });
    let answers = join_all((0..12).map(|_| world.client.post("/v1/environments", body.clone()))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [202, 409].contains(&answer.status)), "{answers:?}");
    world.client.succeeded(won[0].body["operation"].as_str().unwrap()).await;
    assert_eq!(world.cloud.inventory().len(), 2, "{:?}", world.cloud.inventory());
    let operations = world.client.get("/v1/operations").await.ok();
    assert_eq!(operations["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_with_its_key_is_done_once() {
    let mut world = World::fixture().await;
    let body = || Some(json!({ "name": "e", "file": thing() }));
    let first = world.client.send_once("POST", "/v1/environments", body(), "one").await.unwrap();
    let again = world.client.send_once("POST", "/v1/environments", body(), "one").await.unwrap();
    assert_eq!((first.status, again.status), (202, 202), "{again:?}");
    assert_eq!(first.body, again.body);
    world.restart().await;
    let after_restart = world.client.send_once("POST", "/v1/environments", body(), "one").await.unwrap();
    assert_eq!(first.body, after_restart.body);
    let other = Some(json!({ "name": "f", "file": thing() }));
    let refused = world.client.send_once("POST", "/v1/environments", other, "one").await.unwrap();
    assert_eq!(refused.status, 422, "{refused:?}");
    world.client.succeeded(&first.operation()).await;
    assert_eq!(world.cloud.inventory().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_server_is_restored_whole() {
    let mut world = World::fixture().await;
    for name in ["a", "b", "c"] {
        let id = world.client.create(name, &thing()).await;
        world.client.succeeded(&id).await;
    }
    world.cloud.set_polls(1_000_000);
    let under_way = world.client.create("d", &thing()).await;
    until("something of it is made", async || world.cloud.inventory().len() == 7).await;
    let before = world.client.get("/v1/environments").await.ok();
    let to = world.folder.path().join("backup");
    world.client.post("/v1/server/backup", json!({ "to": to })).await.ok();
    let refused = world.client.post("/v1/server/backup", json!({ "to": to })).await;
    assert_eq!(refused.status, 409, "a backup was overwritten: {refused:?}");
    // The old machine is lost; what lies beside its store was saved with the backup.
    world.server.kill();
    let data = world.folder.path().join("restored");
    let restored = cloudarkd(&["restore", to.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(restored.status.success(), "{restored:?}");
    for file in ["master.key", "components"] {
        let status = Command::new("cp").arg("-rT").arg(world.data().join(file)).arg(data.join(file)).status().unwrap();
        assert!(status.success());
    }
    let mut server = Server::new(&data);
    let client = server.start().await;
    assert_eq!(client.get("/v1/environments").await.ok(), before);
    world.cloud.set_polls(1);
    client.succeeded(&under_way).await;
    assert_eq!(world.cloud.duplicates(), NOTHING);
    for name in ["a", "b", "c", "d"] {
        delete(&client, name).await;
    }
    assert_eq!(world.cloud.inventory(), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_while_an_update_runs_cancels_it_and_leaves_nothing() {
    let world = World::fixture().await;
    let client = &world.client;
    let id = client.create("e", &thing()).await;
    client.succeeded(&id).await;
    world.cloud.set_polls(1_000_000);
    let file = one_resource("fix", "thing", "{ size: 4 }");
    let update = client.put("/v1/environments/e", json!({ "name": "e", "file": file })).await.operation();
    until("the thing is being changed", async || patched(&world.cloud)).await;
    let refused = client.put("/v1/environments/e", json!({ "name": "e", "file": file })).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(refused.body["operation"], json!(update), "the operation in the way is not named: {refused:?}");
    let delete = client.delete("/v1/environments/e").await.operation();
    // Only now: before, the update could have ended by itself.
    world.cloud.set_polls(1);
    client.succeeded(&delete).await;
    let updated = client.operation(&update).await;
    assert_eq!(updated.status, OperationStatus::Cancelled, "{updated:#?}");
    assert_eq!(world.cloud.inventory(), NOTHING);
}

fn patched(cloud: &FixtureCloud) -> bool {
    cloud.requests().iter().any(|request| request.method == "PATCH")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_changed_meanwhile_is_not_overwritten() {
    let world = World::fixture().await;
    let client = &world.client;
    let id = client.create("e", &thing()).await;
    client.succeeded(&id).await;
    let body = json!({ "name": "e", "file": one_resource("fix", "thing", "{ size: 4 }") });
    let refused = client.put_if("/v1/environments/e", "\"1\"", body).await;
    assert_eq!(refused.status, 412, "{refused:?}");
    assert!(!patched(&world.cloud));
}
