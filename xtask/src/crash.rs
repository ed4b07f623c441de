//! The crash matrix, which the program `crash-matrix` in `tests/` runs on the real server. The tests try a sample of it.

use xshell::cmd;

use crate::project::{Outcome, Project};
use crate::wasm;

/// Where the report of a full run goes.
const REPORT: &str = "docs/crash-matrix.md";

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
    let (shell, program, seed) = (project.shell(), project.program("crash-matrix"), seed.to_string());
    let report: &[&str] = if points == "all" { &["--report", REPORT] } else { &[] };
    cmd!(shell, "{program} --seed {seed} --points {points} {report...}").run()?;
    Ok(())
}
