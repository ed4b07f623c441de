//! The crash matrix: `cargo xtask crash`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Parser;
use cloudark_tests::clouds::SimulatedAws;
use cloudark_tests::crash::{self, Verdict, Workflow};
use cloudark_tests::fixture_cloud::FixtureCloud;

/// Kills the server at recorded points and checks what must hold.
#[derive(Parser)]
struct Arguments {
    /// `fixture` or `aws`; both when silent.
    #[arg(long)]
    workflow: Option<String>,
    /// So many points of each workflow, or `all`.
    #[arg(long, default_value = "all")]
    points: String,
    /// Chooses the points, and after which a delete follows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the report goes.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let mut report = String::from(
        "# The crash matrix\n\nMade by `cargo xtask crash`.\n\n| workflow | kill points passed | killed | failed |\n| --- | --- | --- | --- |\n",
    );
    let mut failed = 0;
    for workflow in [crash::fixture_workflow(), crash::aws_workflow()] {
        if arguments.workflow.as_deref().is_some_and(|only| only != workflow.name) {
            continue;
        }
        let (passed, verdicts) = run(&workflow, &arguments).await;
        let bad = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
        failed += bad;
        let _ = writeln!(report, "| {} | {passed} | {} | {bad} |", workflow.name, verdicts.len());
    }
    println!("{report}");
    if let Some(path) = arguments.report {
        std::fs::write(path, &report).expect("the report is written");
    }
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

async fn run(workflow: &Workflow, arguments: &Arguments) -> (usize, Vec<Verdict>) {
    let template = tempfile::tempdir().expect("a folder");
    crash::template(workflow, template.path()).await;
    let points = if workflow.cloud == "aws" {
        crash::record(workflow, template.path(), &SimulatedAws::start()).await
    } else {
        crash::record(workflow, template.path(), &FixtureCloud::start().await).await
    };
    let count = arguments.points.parse().unwrap_or(points.len());
    let chosen = crash::choose(&points, count, arguments.seed);
    println!("{}: {} kill points, {} chosen by seed {}", workflow.name, points.len(), chosen.len(), arguments.seed);
    let mut verdicts = Vec::new();
    for (at, point) in chosen.iter().enumerate() {
        // Every other point is followed by a delete instead of the rest of the workflow.
        let then_delete = at % 2 == 1;
        let verdict = if workflow.cloud == "aws" {
            crash::kill_at(workflow, template.path(), &SimulatedAws::start(), point, then_delete).await
        } else {
            crash::kill_at(workflow, template.path(), &FixtureCloud::start().await, point, then_delete).await
        };
        let outcome = if verdict.faults.is_empty() { "ok" } else { "FAILED" };
        println!("{}/{} {point}{} … {outcome}", at + 1, chosen.len(), if then_delete { ", then delete" } else { "" });
        for fault in &verdict.faults {
            println!("    {fault}");
        }
        verdicts.push(verdict);
    }
    (points.len(), verdicts)
}
