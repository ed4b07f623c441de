//! The crash matrix, which the program `crash-matrix` in `tests/` runs on the real server.

use std::time::{SystemTime, UNIX_EPOCH};

use xshell::cmd;

use crate::project::{Outcome, Project};
use crate::wasm;

/// Where the report of a full run goes.
const REPORT: &str = "docs/crash-matrix.md";
/// How many points of each of the workflows the checks try.
const SAMPLE: &str = "30";

/// Kills the server at `points` points of each workflow, chosen by `seed`; a full run writes its report into the book.
///
/// # Errors
/// Something did not hold at one of them.
pub fn run(project: &Project, seed: u64, points: &str) -> Outcome {
    project.step("build", || {
        wasm::setup(project)?;
        wasm::build(project)?;
        project.build_programs()
    })?;
    matrix(project, seed, points, if points == "all" { &["--report", REPORT] } else { &[] })
}

/// Kills the programs that are built already at some points of each workflow, others each time.
///
/// # Errors
/// Something did not hold at one of them.
pub fn sample(project: &Project) -> Outcome {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    matrix(project, seed, SAMPLE, &[])
}

fn matrix(project: &Project, seed: u64, points: &str, options: &[&str]) -> Outcome {
    let (shell, program, seed) = (project.shell(), project.program("crash-matrix"), seed.to_string());
    cmd!(shell, "{program} --seed {seed} --points {points} {options...}").run()?;
    Ok(())
}
