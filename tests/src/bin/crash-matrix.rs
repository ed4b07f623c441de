//! The crash matrix: `cargo xtask crash`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Parser;
use cloudark_tests::clouds::SimulatedAws;
use cloudark_tests::crash::{self, Verdict, Workflow};
use cloudark_tests::fixture_cloud::FixtureCloud;
use futures::StreamExt as _;

/// What the report says before its figures.
const HEAD: &str = "# The crash matrix

Made by `cargo xtask crash`. A *kill point* is a task, an entry of its journal and a phase: before the intent, after it, after
the call was sent, after its answer came, after its result is durable; and before and after the end of a run. A workflow
(create, deploy, redeploy, update, delete) is run once and its points are recorded. Then it is run once for each point, in a
world of its own: the real server kills itself there (SIGKILL) and is started again. After every other kill everything is deleted
at once, instead of going on. At the end of each it must hold that

* the server was killed,
* every operation ended as it would have,
* nothing existed twice, at any step,
* nothing is left.

That the matrix notices what it has to is tested too: with intents that are not written, an extension that does not adopt what
it finds, and a foundation that is released first, it reports duplicates, orphans and deletes that are stuck
(`tests/tests/crash.rs`). Each run of the tests takes a sample of the points, with a seed that it prints.
";

const COLUMNS: &str = "| workflow | kill points | killed | failed |\n| --- | --- | --- | --- |";

/// How many worlds run side by side.
const AT_ONCE: usize = 4;

/// Kills the server at recorded points and checks what must hold.
#[derive(Parser)]
struct Arguments {
    /// `fixture`, `aws` or `stores`; all when silent.
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
    let mut report = format!("{HEAD}\nThis run: seed {}.\n\n{COLUMNS}\n", arguments.seed);
    let mut failed = 0;
    for workflow in [crash::fixture_workflow(), crash::aws_workflow(), crash::stores_workflow()] {
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
    let strike = async |at: usize, point: &String| {
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
        verdict
    };
    let worlds = futures::stream::iter(chosen.iter().enumerate()).map(|(at, point)| strike(at, point));
    let verdicts = worlds.buffer_unordered(AT_ONCE).collect().await;
    (points.len(), verdicts)
}
