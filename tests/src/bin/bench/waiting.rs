//! Ten thousand operations that wait: what each holds in memory, and whether the API still answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloudark_tests::client::Client;
use cloudark_tests::world::{World, one_resource};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::row::{Aim, Row};
use crate::sample::{p99, ratio, show};

/// How many wait; `CLOUDARK_WAITING` says otherwise.
const MANY: usize = 10_000;
/// Requests that are under way at once while they are made.
const CLIENTS: usize = 64;
/// Listings for a percentile.
const LISTINGS: usize = 2_000;

pub async fn rows() -> Vec<Row> {
    let count = std::env::var("CLOUDARK_WAITING").map_or(MANY, |count| count.parse().expect("a number"));
    let mut world = World::plan(&["fixture"]).timing_scale("1").start().await;
    world.cloud.set_polls(0);
    let empty = Memory::of(world.server.pid());
    let file = one_resource("fix", "sleeper", "{ seconds: 36000 }");
    // The same page is listed idle and busy; and what the first operations allocate for good is there before.
    create(&world.client, "warm", 100, &file).await;
    until_all_wait(&world.client, 100).await;
    let idle = listings(&world.client).await;
    let before = Memory::of(world.server.pid());

    let stop = Arc::new(AtomicBool::new(false));
    let listed = tokio::spawn(listed_until(world.client.clone(), Arc::clone(&stop)));
    let began = Instant::now();
    create(&world.client, "e", count, &file).await;
    until_all_wait(&world.client, count + 100).await;
    let made = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let busy = listed.await.expect("the API answers");
    let after = Memory::of(world.server.pid());
    let waiting = listings(&world.client).await;

    let began = Instant::now();
    world.restart().await;
    until_all_wait(&world.client, count + 100).await;
    let again = began.elapsed();
    let restarted = Memory::of(world.server.pid());
    // The same again with hardly any pages in memory: what is left is held for the operations themselves.
    let config = world.folder.path().join("no-cache.yaml");
    std::fs::write(&config, "store: { cache-bytes: 65536 }\n").expect("a configuration");
    world.server.arguments.extend(["--config".to_owned(), config.display().to_string()]);
    world.restart().await;
    until_all_wait(&world.client, count + 100).await;
    let uncached = Memory::of(world.server.pid());
    let stored = std::fs::metadata(world.data().join("store.redb")).expect("the store").len();

    let each = after.resident.saturating_sub(before.resident) as f64 / count as f64;
    vec![
        Row {
            what: "memory of a waiting operation, at 10,000",
            measured: format!("{:.1} → {:.1} MiB", before.mib(), after.mib()),
            baseline: String::new(),
            value: Some(each),
            unit: " bytes",
            aim: Aim::AtMost(2048.0),
            below: vec![
                format!("{count} operations were made in {made:.1?}; all wait again {again:.1?} after a kill"),
                format!("empty server            {empty}"),
                format!("100 wait                {before}"),
                format!("{count} more wait        {after}: {each:.0} bytes each"),
                format!("killed and restarted    {restarted}: {:.0} bytes each", each_since(&empty, &restarted, count)),
                format!("the same, 64 KiB cache  {uncached}: {:.0} bytes each", each_since(&empty, &uncached, count)),
                format!("the store has {} KiB on disk, {} bytes each", stored / 1024, stored / count as u64),
            ],
        },
        Row {
            what: "p99 of `GET /v1/environments` while 10,000 wait",
            measured: show(waiting),
            baseline: format!("{}: idle", show(idle)),
            value: ratio(waiting, idle),
            unit: "×",
            aim: Aim::AtMost(2.0),
            below: vec![format!("while they were made: {}", show(busy))],
        },
    ]
}

fn each_since(before: &Memory, now: &Memory, count: usize) -> f64 {
    now.resident.saturating_sub(before.resident) as f64 / count as f64
}

/// What a process holds, in bytes.
struct Memory {
    resident: u64,
    /// Of it, memory that no file is behind: heap, stacks, caches.
    anonymous: u64,
    threads: u64,
}

impl Memory {
    fn of(pid: u32) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
        let field = |name: &str| -> u64 {
            let line = text.lines().find(|line| line.starts_with(name)).expect("a field");
            line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
        };
        Self { resident: field("VmRSS") * 1024, anonymous: field("RssAnon") * 1024, threads: field("Threads") }
    }

    fn mib(&self) -> f64 {
        self.resident as f64 / 1024.0 / 1024.0
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let anonymous = self.anonymous as f64 / 1024.0 / 1024.0;
        write!(f, "{:.1} MiB resident, {anonymous:.1} of it anonymous, {} threads", self.mib(), self.threads)
    }
}

async fn create(client: &Client, prefix: &str, count: usize, file: &str) {
    let one = |number: usize| async move { client.create(&format!("{prefix}{number:05}"), file).await };
    stream::iter((0..count).map(one)).buffer_unordered(CLIENTS).for_each(async |_| ()).await;
}

/// Waits until so many tasks wait and no instance is alive.
async fn until_all_wait(client: &Client, count: usize) {
    let until = Instant::now() + Duration::from_secs(600);
    loop {
        let now: Value = client.get("/v1/server").await.ok();
        if now["waiting_tasks"] == json!(count) && now["live_instances"] == json!(0) {
            return;
        }
        assert!(Instant::now() < until, "they do not all wait: {now:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn listing(client: &Client) -> Duration {
    let start = Instant::now();
    client.get("/v1/environments?limit=100").await.ok();
    start.elapsed()
}

/// The 99th percentile of listings in a row.
async fn listings(client: &Client) -> Duration {
    let mut times = Vec::new();
    for _ in 0..LISTINGS {
        times.push(listing(client).await);
    }
    p99(times)
}

/// The 99th percentile of listings until it is told to stop.
async fn listed_until(client: Client, stop: Arc<AtomicBool>) -> Duration {
    let mut times = vec![listing(&client).await];
    while !stop.load(Ordering::Relaxed) {
        times.push(listing(&client).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    p99(times)
}
