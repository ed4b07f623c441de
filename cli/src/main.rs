//! `cld`: the command line of CloudARK.
//!
//! It is thin: it reads files and checks them, asks the server, and shows what it answers. It starts in milliseconds:
//! neither a runtime nor a client is made before a command needs one.
//!
//! - [`args`]: what can be written.
//! - [`commands`]: what it does, one file a noun.
//! - [`client`]: the REST API, and the stream of an operation's events.
//! - [`watch`]: following an operation.
//! - [`render`]: what the user sees.
//! - [`exit`]: how it ends.

mod args;
mod client;
mod commands;
mod context;
mod exit;
mod files;
mod logging;
mod render;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use context::Context;
use exit::{Exit, Failure};
use render::screen::Screen;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new(cli.global.output, cli.global.quiet, cli.global.no_color);
    let ended = run(cli).unwrap_or_else(|failure| {
        screen.failure(&failure);
        failure.exit()
    });
    ended.into()
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "cld", &mut script);
            std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
            Ok(Exit::Done)
        }
        Command::External(words) => commands::external::run(&words),
        command => {
            logging::set_up(&cli.global)?;
            let context = Context::new(&cli.global)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|cause| Failure::local("starting the runtime", cause))?;
            let ended = runtime.block_on(commands::run(&context, command));
            // A blocking name lookup that nobody waits for any more does not hold the end up.
            runtime.shutdown_background();
            ended
        }
    }
}
