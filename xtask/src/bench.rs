//! The benchmarks, which the program `bench` in `tests/` runs on what is built for release.

use xshell::cmd;

use crate::project::{Outcome, Project};
use crate::python::Python;
use crate::wasm;

/// Where the table of a full run goes.
const REPORT: &str = "docs/benchmarks.md";

/// Measures these rows, or all; a full run writes its table into the book, or to where it is told.
///
/// # Errors
/// Something cannot be built, or fails. A figure is never an error.
pub fn run(project: &Project, rows: &[String], report: Option<&str>) -> Outcome {
    let shell = project.shell();
    let python = Python::install(project);
    project.step("build", || {
        wasm::setup(project)?;
        wasm::build(project)?;
        // Only what is measured and what measures: linking a program for release takes minutes.
        cmd!(shell, "cargo build --release --workspace --bin cloudarkd --bin cld --bin bench").run()?;
        Ok(())
    })?;
    let variables = match python {
        Ok(python) => python.variables(project)?.to_vec(),
        Err(error) => {
            eprintln!("warning: {error}: what needs moto is not measured");
            Vec::new()
        }
    };
    let report = report.or_else(|| rows.is_empty().then_some(REPORT));
    let rows = rows.iter().flat_map(|row| ["--row", row]);
    let report = report.iter().flat_map(|report| ["--report", report]);
    let program = project.target().join("release/bench");
    cmd!(shell, "{program} {rows...} {report...}").envs(variables).run()?;
    Ok(())
}
