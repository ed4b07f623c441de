//! A database and a cluster on moto, against a boto3 script that makes the same calls in the same order.
//!
//! Each side has a moto of its own with the same seed, so that the ids in the recorded requests are right for both, and
//! the same relay before it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cloudark_tests::aws::{RDS_AND_ECS, World};
use cloudark_tests::moto::Moto;
use cloudark_tests::shapes;
use serde_json::Value;

use crate::row::{Aim, Row};
use crate::sample::{median, ratio, show};

const ROUNDS: usize = 5;

pub async fn rows() -> Vec<Row> {
    let what = "RDS + ECS environment on moto";
    let (mut ours, mut theirs, mut said) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..ROUNDS {
        let Some((took, requests)) = made().await else {
            return vec![Row {
                what,
                measured: "moto is not installed: `cargo xtask bench` installs it".to_owned(),
                baseline: String::new(),
                value: None,
                unit: "×",
                aim: Aim::AtMost(1.1),
                below: Vec::new(),
            }];
        };
        let (script, calls) = scripted(&requests).await;
        ours.push(took);
        theirs.push(script);
        said = calls;
    }
    let (ours, theirs) = (median(ours), median(theirs));
    vec![Row {
        what,
        measured: show(ours),
        baseline: format!("{}: boto3, {said}", show(theirs)),
        value: ratio(ours, theirs),
        unit: "×",
        aim: Aim::AtMost(1.1),
        below: Vec::new(),
    }]
}

/// Ours: how long it takes until the environment is available, and the requests it takes.
async fn made() -> Option<(Duration, Vec<Value>)> {
    let moto = seeded().await?;
    let world = World::bare(&[]).await;
    world.client.set_up("aws", &moto.relay.url, Moto::key()).await;
    let before = moto.relay.seen().len();
    let start = Instant::now();
    world.create("wp", RDS_AND_ECS).await;
    let took = start.elapsed();
    let requests = moto.relay.seen().iter().skip(before).map(shapes::of_passed).collect();
    Some((took, requests))
}

/// Theirs: how long the calls take, and how many there are.
async fn scripted(requests: &[Value]) -> (Duration, String) {
    let moto = seeded().await.expect("moto was there");
    // As for ours: who we are was asked before.
    let mut child = Command::new(shapes::python().expect("moto has a Python"))
        .arg(cloudark_tests::repository().join("tests/src/bin/bench/aws/calls.py"))
        .arg(&moto.relay.url)
        .arg(cloudark_tests::repository().join("tests/src"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(Value::from(requests.to_vec()).to_string().as_bytes()).expect("it reads");
    drop(input);
    // On another thread: the relay that it talks to is in this process.
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("a thread");
    let output = output.expect("python ends");
    assert!(output.status.success(), "the script failed");
    let said: Value = serde_json::from_slice(&output.stdout).expect("what it says");
    let refused = said["refused"].as_array().map(Vec::len).unwrap_or_default();
    let calls = format!("{} calls, {refused} of them answered with an error", said["calls"]);
    (Duration::from_secs_f64(said["seconds"].as_f64().expect("a time")), calls)
}

/// A moto whose ids are the same each time: of what it has from the start, and of what is made.
async fn seeded() -> Option<Moto> {
    let moto = Moto::start().await?;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for path in ["seed?a=42", "reset", "seed?a=42"] {
        let answer = http.post(format!("{}/moto-api/{path}", moto.own_url)).send().await;
        assert!(answer.expect("moto answers").status().is_success(), "{path}");
    }
    Some(moto)
}
