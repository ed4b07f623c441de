//! The real boto3 understands the simulated AWS, and every answer fits the vendor's own service model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

/// A Python that has boto3: `CLOUDARK_PYTHON` (`cargo xtask test` sets it), or the system's.
fn python() -> Option<String> {
    let given = std::env::var("CLOUDARK_PYTHON").ok();
    let candidates = given.into_iter().chain(["python3".to_owned()]);
    candidates.into_iter().find(|python| {
        Command::new(python).args(["-c", "import boto3"]).output().is_ok_and(|output| output.status.success())
    })
}

#[test]
fn boto3_drives_every_service_and_finds_no_answer_outside_the_models() {
    let Some(python) = python() else {
        let is_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
        assert!(!is_ci, "no Python with boto3 here");
        eprintln!("skipped: no Python with boto3 here (set CLOUDARK_PYTHON)");
        return;
    };
    let sim = cloudsim::Sim::start(cloudsim::Config::default()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_client.py");
    let output = Command::new(python).args([script, &sim.url()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("ok"), "{text}");
}
