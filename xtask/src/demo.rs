//! A walk through the commands against the simulated cloud, from an environment file to a running application and back.
//!
//! What is shown is what a user types and sees. At the end the simulator is asked whether anything was left behind.

mod simulator;
mod terminal;

use std::fs;

use crate::project::{Outcome, Project};
use crate::wasm;
use simulator::Simulator;
use terminal::Terminal;

/// How much faster than real time the server waits: the simulator needs no minutes for a database.
const TIMING: &str = "0.02";
/// The exit code of `cld` for what is in the way of something else.
const CONFLICT: i32 = 6;

/// Builds everything, runs the walk, and leaves the server up unless it is to `exit`.
///
/// # Errors
/// A command ends as it should not, or something is left in the cloud.
pub fn run(project: &Project, exit: bool) -> Outcome {
    project.step("build", || {
        wasm::setup(project)?;
        wasm::build(project)?;
        project.build_programs()
    })?;
    let home = project.target().join("demo");
    let terminal = Terminal::new(project, &home);
    if home.join("server.json").exists() {
        terminal.quietly(&["server", "stop"])?;
    }
    Simulator::stop_left(project, &home)?;
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    fs::create_dir_all(&home)?;
    let mut simulator = Simulator::start(project, &home)?;
    let done = walk(&terminal, &simulator);
    if done.is_err() || exit {
        let stopped = terminal.shows(&["server", "stop"]);
        simulator.stop()?;
        done.and(stopped)?;
        println!("\nThe demo is through: everything was made, changed and removed, and nothing is left.");
        return Ok(());
    }
    println!(
        "\nThe server stays up. Try it:\n  export CLOUDARK_HOME={}\n  export PATH={}:$PATH\n\
         Stop it with:\n  cld server stop; kill {}",
        home.display(),
        project.target().join("debug").display(),
        simulator.process(),
    );
    Ok(())
}

fn walk(terminal: &Terminal, simulator: &Simulator) -> Outcome {
    terminal
        .says("A server on this machine, with the extension for AWS. It asks for these rights, and gets no others:");
    terminal.shows(&["server", "start", "--listen", "127.0.0.1:0", "--timing-scale", TIMING])?;
    terminal.says("Credentials go to the server; no extension ever sees them.");
    terminal.is_given(
        simulator::SECRET,
        &["setup", "aws", "--key-id", simulator::KEY, "--region", "us-east-1", "--endpoint", simulator.url()],
    )?;

    terminal.says("A mistake in a file is found before anything is made:");
    let mistaken = terminal.file("mistaken.yaml", "environment:\n  resources:\n    aws:\n      - resource:\n          type: rds\n          configuration:\n            engine: mysql\n            flavour: db.t4g.micro\n")?;
    terminal.fails(2, &["env", "create", "wp", &mistaken])?;

    terminal.says("A database and a cluster, side by side:");
    let folder = "examples/wordpress";
    terminal.shows(&["env", "create", "wp", &format!("{folder}/environment.yaml"), "--wait"])?;
    terminal.shows(&["env", "show", "wp"])?;
    terminal.shows(&["resource", "show", "wp"])?;

    terminal.says("An application on it. Its secrets reach it by the cloud's own means:");
    terminal.is_given("a key that only WordPress knows", &["secret", "set", "wp", "auth-key"])?;
    terminal.shows(&["app", "deploy", "web", "wp", &format!("{folder}/app.yaml"), "--wait"])?;
    terminal.shows(&["app", "list"])?;
    terminal.shows(&["app", "show", "web"])?;
    terminal.shows(&["app", "logs", "web"])?;
    terminal.says("The next version:");
    terminal.shows(&["app", "redeploy", "web", &format!("{folder}/app-next.yaml"), "--wait"])?;

    terminal.says("A change of the environment: first what it would do, then it.");
    let larger = format!("{folder}/environment-larger.yaml");
    terminal.shows(&["env", "plan", "wp", &larger])?;
    terminal.shows(&["env", "update", "wp", &larger, "--yes", "--wait"])?;
    terminal.shows(&["env", "refresh", "wp", "--wait"])?;
    terminal.shows(&["env", "history", "wp"])?;

    terminal.says("And back. What an application runs on is not deleted:");
    terminal.fails(CONFLICT, &["env", "delete", "wp", "--yes"])?;
    terminal.shows(&["app", "delete", "web", "--yes", "--wait"])?;
    terminal.shows(&["env", "delete", "wp", "--yes", "--wait"])?;
    terminal.shows(&["env", "list"])?;

    let left = simulator.inventory()?;
    if left.is_empty() {
        terminal.says("The simulated cloud is empty again.");
        Ok(())
    } else {
        Err(format!("left in the simulated cloud: {}", left.join(", ")).into())
    }
}
