//! Waiting costs nothing: thousands of operations wait at once, without an instance, over a restart, and the server
//! answers all the while.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloudark_tests::client::Client;
use cloudark_tests::world::{World, one_resource};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

/// How many wait: `CLOUDARK_WAITING`; else ten thousand in continuous integration, and two thousand by hand.
fn how_many() -> usize {
    let usual = if std::env::var("CI").is_ok_and(|ci| ci == "true") { 10_000 } else { 2_000 };
    std::env::var("CLOUDARK_WAITING").map_or(usual, |count| count.parse().unwrap())
}

/// Requests that are under way at once.
const CLIENTS: usize = 64;

async fn create_all(client: &Client, count: usize, file: &str) -> Vec<String> {
    let one = |number: usize| async move {
        let body = json!({ "name": format!("e{number}"), "file": file });
        Ok::<String, reqwest::Error>(client.send("POST", "/v1/environments", Some(body)).await?.operation())
    };
    stream::iter((0..count).map(one)).buffered(CLIENTS).try_collect().await.unwrap()
}

async fn status(client: &Client) -> Value {
    client.get("/v1/server").await.ok()
}

/// Waits until so many tasks wait and no instance is alive.
async fn until_all_wait(client: &Client, count: usize) {
    let until = Instant::now() + Duration::from_secs(300);
    loop {
        let now = status(client).await;
        if now["waiting_tasks"] == json!(count) && now["live_instances"] == json!(0) {
            return;
        }
        assert!(Instant::now() < until, "they do not all wait: {now:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The size of the store's file, in KiB.
fn stored(world: &World) -> u64 {
    std::fs::metadata(world.data().join("store.redb")).unwrap().len() / 1024
}

/// How long it takes to list a page of environments, again and again until it is told to stop: the 99th percentile.
async fn listing(client: Client, stop: Arc<AtomicBool>) -> (usize, Duration) {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        client.get("/v1/environments?limit=10").await.ok();
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    times.sort();
    (times.len(), times[times.len() * 99 / 100])
}

/// The 99th percentile of so many listings in a row.
async fn percentile(client: &Client, count: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        client.get("/v1/environments?limit=10").await.ok();
        times.push(start.elapsed());
    }
    times.sort();
    times[count * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_operations_wait_without_an_instance_and_over_a_restart() {
    let count = how_many();
    let mut world = World::plan(&["fixture"]).timing_scale("1").start().await;
    world.cloud.set_polls(0);
    let idle = percentile(&world.client, 300).await;
    let before = resident(world.server.pid());

    let stop = Arc::new(AtomicBool::new(false));
    let listed = tokio::spawn(listing(world.client.clone(), Arc::clone(&stop)));
    let start = Instant::now();
    let operations = create_all(&world.client, count, &one_resource("fix", "sleeper", "{ seconds: 36000 }")).await;
    until_all_wait(&world.client, count).await;
    let made = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (answers, busy) = listed.await.unwrap();
    assert!(answers > 10, "the API did not answer while they were made");

    let after = resident(world.server.pid());
    let each = after.saturating_sub(before) * 1024 / count as u64;
    let waiting = percentile(&world.client, 300).await;
    println!("{count} operations wait after {made:.1?}; resident {before} → {after} KiB, {each} bytes each");
    println!("p99 of a listing: {idle:.1?} idle, {busy:.1?} while they are made, {waiting:.1?} while they wait");
    assert!(waiting < Duration::from_secs(1), "the API is slow while they wait: {waiting:?}");

    let start = Instant::now();
    world.restart().await;
    let ready = start.elapsed();
    until_all_wait(&world.client, count).await;
    println!("a killed server answers again after {ready:.1?}; all wait again after {:.1?}", start.elapsed());
    println!("resident after the restart: {} KiB; the store has {} KiB", resident(world.server.pid()), stored(&world));
    for id in operations.iter().step_by(count / 10) {
        assert_eq!(serde_json::to_value(world.client.operation(id).await.status).unwrap(), "running");
    }

    for number in 0..10 {
        let delete = world.client.delete(&format!("/v1/environments/e{number}")).await.operation();
        world.client.succeeded(&delete).await;
    }
    until_all_wait(&world.client, count - 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_many_waits_ends_at_its_time() {
    let world = World::fixture().await;
    world.cloud.set_polls(0);
    let operations = create_all(&world.client, 100, &one_resource("fix", "sleeper", "{ seconds: 60, times: 5 }")).await;
    for id in &operations {
        world.client.succeeded(id).await;
    }
    until_all_wait(&world.client, 0).await;
    assert_eq!(world.cloud.duplicates(), Vec::<String>::new());
}
