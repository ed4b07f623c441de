//! The real boto3 understands the simulated AWS, and every answer fits the vendor's own service model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

/// A Python that has boto3: `CLOUDSIM_PYTHON`, a virtual environment of this machine, or the system's.
fn python() -> Option<String> {
    let given = std::env::var("CLOUDSIM_PYTHON").ok();
    let candidates = given.into_iter().chain(["/work/venv-sim/bin/python".to_owned(), "python3".to_owned()]);
    candidates.into_iter().find(|python| {
        Command::new(python).args(["-c", "import boto3"]).output().is_ok_and(|output| output.status.success())
    })
}

#[test]
fn boto3_drives_every_service_and_finds_no_answer_outside_the_models() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with boto3 here (set CLOUDSIM_PYTHON)");
        return;
    };
    let sim = cloudsim::Sim::start(cloudsim::Config::default()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_client.py");
    let output = Command::new(python).args([script, &sim.url()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("ok"), "{text}");
}
