//! A sample of the crash matrix: `cargo xtask crash` runs all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{SystemTime, UNIX_EPOCH};

use cloudark_tests::clouds::SimulatedAws;
use cloudark_tests::crash::{self, Verdict, Workflow};
use cloudark_tests::fixture_cloud::FixtureCloud;

/// Chosen anew in each run; `CLOUDARK_SEED` repeats one.
fn seed() -> u64 {
    let given = std::env::var("CLOUDARK_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn check(workflow: &Workflow, seed: u64, asked: usize, verdicts: &[Verdict]) {
    assert_eq!(verdicts.len(), asked, "fewer points than asked for");
    let bad: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).collect();
    assert!(bad.is_empty(), "{}, seed {seed}: {bad:#?}", workflow.name);
    println!("{}: {asked} kills, seed {seed}: each operation ended, nothing twice, nothing left", workflow.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_nothing_and_repeats_nothing_on_the_fixture_cloud() {
    const POINTS: usize = 40;
    let (workflow, seed) = (crash::fixture_workflow(), seed());
    println!("CLOUDARK_SEED={seed}");
    let template = tempfile::tempdir().unwrap();
    crash::template(&workflow, template.path()).await;
    let points = crash::record(&workflow, template.path(), &FixtureCloud::start().await).await;
    let mut verdicts = Vec::new();
    for (at, point) in crash::choose(&points, POINTS, seed).iter().enumerate() {
        let cloud = FixtureCloud::start().await;
        verdicts.push(crash::kill_at(&workflow, template.path(), &cloud, point, at % 2 == 1).await);
    }
    check(&workflow, seed, POINTS, &verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_nothing_and_repeats_nothing_on_aws() {
    const POINTS: usize = 25;
    let (workflow, seed) = (crash::aws_workflow(), seed());
    println!("CLOUDARK_SEED={seed}");
    let template = tempfile::tempdir().unwrap();
    crash::template(&workflow, template.path()).await;
    let points = crash::record(&workflow, template.path(), &SimulatedAws::start()).await;
    let mut verdicts = Vec::new();
    for (at, point) in crash::choose(&points, POINTS, seed).iter().enumerate() {
        verdicts.push(crash::kill_at(&workflow, template.path(), &SimulatedAws::start(), point, at % 2 == 1).await);
    }
    check(&workflow, seed, POINTS, &verdicts);
}
