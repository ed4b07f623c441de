//! Environments of many resources that do nothing: what an operation costs beside the cloud.

mod terraform;

use std::time::{Duration, Instant};

use cloudark_api::operation::OperationStatus;
use cloudark_tests::world::World;
use serde_json::json;

use crate::row::{Aim, Row, short};
use crate::sample::{median, show};

/// The sizes whose growth is shown.
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// The size that is compared.
const THOUSAND: usize = 1_000;
/// How often the thousand are made and deleted.
const ROUNDS: usize = 3;

pub async fn rows() -> Vec<Row> {
    let world = World::fixture().await;
    // What a first run allocates is not of any size.
    made(&world, 10).await;
    let mut rows = thousand(&world).await;
    rows.push(growth(&world).await);
    rows
}

/// How long an environment took.
#[derive(Debug, Clone, Copy)]
struct Took {
    create: Duration,
    delete: Duration,
}

async fn thousand(world: &World) -> Vec<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(made(world, THOUSAND).await);
        theirs.extend(terraform::made(THOUSAND));
    }
    let create = median(ours.iter().map(|took| took.create).collect());
    let delete = median(ours.iter().map(|took| took.delete).collect());
    let row = |what: &'static str, ours: Duration, theirs: Option<Duration>, command: &str, usual: f64| Row {
        what,
        measured: show(ours),
        baseline: theirs.map_or_else(
            || format!("terraform is not installed; `{command}` took about {usual} s where it is"),
            |theirs| format!("{}: `{command}`", show(theirs)),
        ),
        value: theirs.map(|theirs| ours.as_secs_f64() / theirs.as_secs_f64()),
        unit: "×",
        aim: Aim::AtMost(0.2),
        below: Vec::new(),
    };
    let of = |took: fn(&Took) -> Duration| (!theirs.is_empty()).then(|| median(theirs.iter().map(took).collect()));
    vec![
        row("1,000 no-op resources, created", create, of(|took| took.create), "terraform apply", 8.0),
        row("1,000 no-op resources, deleted", delete, of(|took| took.delete), "terraform destroy", 13.0),
    ]
}

async fn growth(world: &World) -> Row {
    let mut each = Vec::new();
    for size in SIZES {
        let took = made(world, size).await;
        each.push((size, took, (took.create + took.delete).as_secs_f64() * 1e6 / size as f64));
    }
    let (hundred, last) = (each[1].2, each[each.len() - 1].2);
    let most = each.iter().map(|(_, _, each)| *each).fold(0.0, f64::max);
    let below = each.iter().map(|(size, took, each)| {
        let bar = "█".repeat((each / most * 40.0).round() as usize);
        let (create, delete) = (show(took.create), show(took.delete));
        format!("{size:>6}  created {create:>9}  deleted {delete:>9}  {each:>7.0} µs each  {bar}")
    });
    Row {
        what: "growth: 10, 100, 1,000, 10,000 resources",
        measured: format!("{} µs each of 10,000", short(last)),
        baseline: format!("{} µs each of 100", short(hundred)),
        value: Some(last / hundred),
        unit: "×",
        aim: Aim::AtMost(1.2),
        below: below.collect(),
    }
}

/// Makes and deletes an environment of so many resources that do nothing.
async fn made(world: &World, size: usize) -> Took {
    let resources: String = (0..size).map(|n| format!("      - resource: {{type: noop, name: n{n}}}\n")).collect();
    let file = format!("environment:\n  resources:\n    fix:\n{resources}");
    let start = Instant::now();
    let operation = world.client.post("/v1/environments", json!({ "name": "many", "file": file })).await.operation();
    ended(world, &operation).await;
    let create = start.elapsed();
    let start = Instant::now();
    let operation = world.client.delete("/v1/environments/many").await.operation();
    ended(world, &operation).await;
    Took { create, delete: start.elapsed() }
}

/// Waits for the end by what costs the server little: the operation itself is as long as its tasks.
async fn ended(world: &World, operation: &str) {
    loop {
        let now = world.client.get("/v1/server").await.ok();
        if now["running_operations"] == json!(0) {
            let ended = world.client.ended_within(operation, Duration::from_secs(600)).await;
            assert_eq!(ended.status, OperationStatus::Succeeded, "{:?}", ended.errors);
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
