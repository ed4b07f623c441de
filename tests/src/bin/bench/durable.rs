//! A host call that changes the world: its intent and its result are durable, one after the other.

use cloudark_runtime::store::bench::durable_calls;

use crate::row::{Aim, Row};
use crate::sample::show;

/// Calls one after the other.
const ALONE: u32 = 300;
/// Tasks that call at once, and how often each.
const TASKS: u32 = 256;
const EACH: u32 = 8;

pub async fn rows() -> Vec<Row> {
    // On the disk that the source lies on: /tmp is memory on many machines.
    let folder = tempfile::tempdir_in(cloudark_tests::repository().join("target")).expect("a folder");
    let calls = durable_calls(folder.path(), ALONE, TASKS, EACH).await.expect("the store works");
    let what = "a mutating host call, durable";
    vec![
        Row {
            what,
            measured: show(calls.alone),
            baseline: format!("{}: two bare redb commits", show(calls.bare)),
            value: Some(calls.overhead()),
            unit: "×",
            aim: Aim::AtMost(1.3),
            below: Vec::new(),
        },
        Row {
            what: "… and 256 tasks at once",
            measured: format!("{:.0} calls/s", calls.together_rate),
            baseline: format!("{:.0} calls/s: one task", calls.alone_rate),
            value: Some(calls.gain()),
            unit: "×",
            aim: Aim::AtLeast(8.0),
            below: Vec::new(),
        },
    ]
}
