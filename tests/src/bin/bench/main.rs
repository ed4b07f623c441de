//! The benchmarks: `cargo xtask bench`.
//!
//! Each row is measured beside a baseline in the same run, in turns with it, so that a busy machine slows both: the ratio
//! counts, not the time. Nothing passes or fails here.
//!
//! | file | rows |
//! | --- | --- |
//! | [`row`] | what a row is, and the table |
//! | [`sample`] | taking times in turns, medians, percentiles |
//! | [`machine`] | what it ran on |
//! | [`sandbox`] | `run`, `replay`: runs of a component, against bare wasmtime |
//! | [`durable`] | `durable`: a call that changes the world, against bare redb |
//! | [`waiting`] | `memory`, `busy-list`: ten thousand operations that wait |
//! | [`graph`] | `thousand`, `growth`: environments of many resources, against Terraform |
//! | [`aws`] | `aws`: a database and a cluster on moto, against boto3 |
//! | [`reads`] | `reads`: the API at 64 connections, against a bare handler |
//! | [`start`] | `start`: the programs' start |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod aws;
mod durable;
mod graph;
mod machine;
mod reads;
mod row;
mod sample;
mod sandbox;
mod start;
mod waiting;

use std::path::PathBuf;

use clap::Parser;

use row::Row;

/// Measures what things cost, against baselines.
#[derive(Parser)]
struct Arguments {
    /// Only these rows: `run`, `replay`, `durable`, `memory`, `busy-list`, `thousand`, `growth`, `aws`, `reads`, `start`.
    #[arg(long)]
    row: Vec<String>,
    /// Where the table goes, as Markdown: what stands below the line `<!-- measured -->` is replaced.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Answers every request with this file: the baseline of `reads`, in a process of its own.
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
}

/// The groups of rows, each with the names that choose it.
const GROUPS: [&[&str]; 7] = [
    &["start"],
    &["run", "replay"],
    &["durable"],
    &["reads"],
    &["aws"],
    &["thousand", "growth"],
    &["memory", "busy-list"],
];

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.serve {
        return reads::serve(file).await;
    }
    for name in &arguments.row {
        assert!(GROUPS.concat().contains(&name.as_str()), "there is no row {name}: {:?}", GROUPS.concat());
    }
    let mut rows = Vec::new();
    for group in GROUPS {
        if arguments.row.is_empty() || group.iter().any(|name| arguments.row.iter().any(|wanted| wanted == name)) {
            for row in measured(group).await {
                println!("{row}");
                rows.push(row);
            }
        }
    }
    let machine = machine::describe();
    println!("\n{machine}\n\n{}", row::table(&rows));
    if let Some(path) = &arguments.report {
        row::write(path, &machine, &rows);
        println!("written to {}", path.display());
    }
}

async fn measured(group: &[&str]) -> Vec<Row> {
    match group[0] {
        "start" => start::rows().await,
        "run" => sandbox::rows().await,
        "durable" => durable::rows().await,
        "reads" => reads::rows().await,
        "aws" => aws::rows().await,
        "thousand" => graph::rows().await,
        _ => waiting::rows().await,
    }
}
