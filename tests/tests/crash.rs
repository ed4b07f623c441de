//! A sample of the crash matrix: `cargo xtask crash` runs all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    on_aws(crash::aws_workflow(), 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_table_and_no_cache_and_makes_none_twice() {
    on_aws(crash::stores_workflow(), 15).await;
}

/// Kills the server at so many points of a workflow on simulated AWS.
async fn on_aws(workflow: Workflow, count: usize) {
    let seed = seed();
    println!("CLOUDARK_SEED={seed}");
    let template = tempfile::tempdir().unwrap();
    crash::template(&workflow, template.path()).await;
    let points = crash::record(&workflow, template.path(), &SimulatedAws::start()).await;
    let mut verdicts = Vec::new();
    for (at, point) in crash::choose(&points, count, seed).iter().enumerate() {
        verdicts.push(crash::kill_at(&workflow, template.path(), &SimulatedAws::start(), point, at % 2 == 1).await);
    }
    check(&workflow, seed, count, &verdicts);
}

/// How long the fixture cloud's lists lag: within what its grant says (120 s), in the scaled time of
/// [`crash::ticket_workflow`].
const LAG: Duration = Duration::from_millis(800);

/// Longer than any server takes to start, and to look.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Kills the server at each of these points, on a cloud that shows what was made after `lag`; what did not hold.
async fn faults(workflow: &Workflow, points: &[String], then_delete: bool, lag: Duration) -> String {
    let template = tempfile::tempdir().unwrap();
    crash::template(workflow, template.path()).await;
    let mut faults = Vec::new();
    for point in points {
        let cloud = FixtureCloud::start().await;
        cloud.set_lag(lag);
        faults.extend(crash::kill_at(workflow, template.path(), &cloud, point, then_delete).await.faults);
    }
    faults.join("\n")
}

/// The points of the create of this phase.
async fn points(workflow: &Workflow, phase: &str) -> Vec<String> {
    let template = tempfile::tempdir().unwrap();
    crash::template(workflow, template.path()).await;
    let points = crash::record(workflow, template.path(), &FixtureCloud::start().await).await;
    points.into_iter().filter(|point| point.starts_with("create-environment/1 ") && point.ends_with(phase)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cloud_shows_late_is_neither_made_twice_nor_left() {
    let workflow = crash::ticket_workflow(true, None);
    for phase in ["after-send", "after-result"] {
        let points = points(&workflow, phase).await;
        assert!(points.len() >= 2, "{points:?}");
        for then_delete in [false, true] {
            assert_eq!(faults(&workflow, &points, then_delete, LAG).await, "", "{phase}, then delete: {then_delete}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_notices_a_server_that_sends_before_it_writes() {
    let points = points(&crash::ticket_workflow(true, None), "after-send").await;
    let faults = faults(&crash::ticket_workflow(true, Some("intents")), &points, false, FOR_EVER).await;
    assert!(faults.contains("there are twice: [\"ticket-1, ticket-2\"]"), "{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_notices_an_extension_that_does_not_adopt() {
    let workflow = crash::ticket_workflow(false, None);
    let points = points(&workflow, "after-send").await;
    let faults = faults(&workflow, &points, false, Duration::ZERO).await;
    assert!(faults.contains("there are twice: [\"ticket-1, ticket-2\"]"), "{faults}");
    assert!(faults.contains("left over: [\"tickets/ticket-"), "{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_notices_a_server_that_releases_the_foundation_first() {
    let workflow = Workflow { broken: Some("order"), ..crash::fixture_workflow() };
    let points = ["deploy-application/0 0 after-intent".to_owned()];
    for then_delete in [false, true] {
        let faults = faults(&workflow, &points, then_delete, Duration::ZERO).await;
        assert!(faults.contains("things stand on it"), "{faults}");
        assert!(faults.contains("left over: ["), "{faults}");
    }
}
