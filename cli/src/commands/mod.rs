//! What each command does: one file a noun.

pub mod application;
pub mod environment;
pub mod extension;
pub mod external;
pub mod operation;
pub mod resource;
pub mod secret;
pub mod server;
pub mod setup;

use crate::args::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// Runs a command that talks to a server.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Environment(command) => environment::run(context, command).await,
        Command::Application(command) => application::run(context, command).await,
        Command::Resource(command) => resource::run(context, command).await,
        Command::Setup(command) => setup::run(context, command).await,
        Command::Secret(command) => secret::run(context, command).await,
        Command::Operation(command) => operation::run(context, command).await,
        Command::Extension(command) => extension::run(context, command).await,
        Command::Server(command) => server::run(context, command).await,
        Command::Completions { .. } | Command::External(_) => Ok(Exit::Done),
    }
}

/// What it takes to go on with something that cannot be taken back, where nobody can be asked.
fn must_say_yes(what: &str) -> Failure {
    Failure::usage_with(format!("{what} needs a confirmation, and there is no terminal to ask on"), "pass --yes")
}
