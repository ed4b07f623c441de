//! Runs of a component: what our sandbox, host and journal add to bare wasmtime.
//!
//! Both sides run the same component from a fresh instance to its end. Compiling and linking are done before; what the
//! engine does around a run (rows, leases) is in other rows.

mod bare;
mod ours;

use cloudark_runtime::sandbox::bindings::types::{Context, Intent};
use cloudark_tests::fixture_cloud::FixtureCloud;
use serde_json::{Value, json};

use crate::row::{Aim, Row};
use crate::sample::{median, ratio, show, timed};
use bare::Bare;
use ours::Ours;

/// How often each side runs.
const ROUNDS: usize = 2_000;
/// Host calls of the task that is run again.
const REPLAYED: u32 = 100;

pub async fn rows() -> Vec<Row> {
    let cloud = FixtureCloud::start().await;
    cloud.make("it");
    let ours = Ours::start(&cloud).await;
    let bare = Bare::new(&cloud).await;
    vec![run(&ours, &bare, &cloud).await, replay(&ours, &bare, &cloud).await]
}

async fn run(ours: &Ours, bare: &Bare, cloud: &FixtureCloud) -> Row {
    let (context, intent) = inputs(cloud, &json!({ "names": 1 }));
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ready = ours.ready(&context, &intent).await;
        mine.push(timed(ours.run(ready)).await.0);
        theirs.push(timed(bare.run(&context, &intent)).await.0);
    }
    let (mine, theirs) = (median(mine), median(theirs));
    Row {
        what: "one run of a task that makes one host call",
        measured: show(mine),
        baseline: format!("{}: bare wasmtime", show(theirs)),
        value: ratio(mine, theirs),
        unit: "×",
        aim: Aim::AtMost(1.5),
        below: Vec::new(),
    }
}

async fn replay(ours: &Ours, bare: &Bare, cloud: &FixtureCloud) -> Row {
    let (context, intent) = inputs(cloud, &json!({ "reads": REPLAYED }));
    ours.record(&context, &intent).await;
    let (mut mine, mut theirs, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS / 10 {
        let lease = ours.lease().await;
        let (read, ready) = timed(ours.reopened(&context, &intent, lease)).await;
        let (ran, _) = timed(ours.run(ready)).await;
        reading.push(read);
        mine.push(read + ran);
        theirs.push(timed(bare.run(&context, &intent)).await.0);
    }
    assert_eq!(cloud.requests().len(), REPLAYED as usize + 1, "a replay asks the cloud nothing");
    let (mine, theirs) = (median(mine), median(theirs));
    Row {
        what: "re-run of a task with 100 journaled calls",
        measured: format!("{}, of it {} to read the journal", show(mine), show(median(reading))),
        baseline: format!("{}: the calls answered from memory in bare wasmtime", show(theirs)),
        value: ratio(mine, theirs),
        unit: "×",
        aim: Aim::AtMost(2.0),
        below: Vec::new(),
    }
}

/// What the kind `caller` of the fixture guest is created with.
fn inputs(cloud: &FixtureCloud, config: &Value) -> (Context, Intent) {
    let context = Context {
        environment_id: "bench".to_owned(),
        environment: "bench".to_owned(),
        piece: "it".to_owned(),
        settings: json!({ "endpoint": cloud.url }).to_string(),
        foundation: None,
    };
    let intent =
        Intent { kind: "caller".to_owned(), config: config.to_string(), unsettled: Vec::new(), names: Vec::new() };
    (context, intent)
}
