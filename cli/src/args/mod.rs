//! The command line as it is written: one file a noun. What is not built is not here, and so not in the help.

pub mod application;
pub mod environment;
pub mod extension;
pub mod operation;
pub mod resource;
pub mod secret;
pub mod server;
pub mod setup;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::render::screen::Format;

/// Create cloud environments and deploy containerised applications into them.
#[derive(Debug, Parser)]
#[command(
    name = "cld",
    version,
    arg_required_else_help = true,
    infer_long_args = false,
    after_help = "`cld foo` runs `cld-foo` from PATH.\n\
        Exit codes: 0 done, 1 the operation failed, 2 bad usage or invalid file, 3 not found, 4 server unreachable, \
        5 denied, 6 conflict, 7 cancelled."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The noun.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// How answers are written
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_default_value = true)]
    pub output: Format,
    /// Write no colours
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Write only answers and failures
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say what is done: requests, and each call to a cloud
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say everything that may help to find a fault
    #[arg(long, global = true)]
    pub debug: bool,
    /// Write what --debug says to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// The server's address [default: the one that serves the data directory, or http://127.0.0.1:5002]
    #[arg(long, global = true, value_name = "URL", env = "CLOUDARK_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// The data directory: store, token, log [default: ~/.cloudark]
    #[arg(long, global = true, value_name = "DIR", env = "CLOUDARK_HOME", hide_env_values = true)]
    pub data: Option<PathBuf>,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Environments: a cluster and the services that applications need
    #[command(name = "env", visible_alias = "environment", subcommand)]
    Environment(environment::Environment),
    /// Applications: containers on an environment's cluster
    #[command(name = "app", visible_alias = "application", subcommand)]
    Application(application::Application),
    /// The resources of environments
    #[command(subcommand)]
    Resource(resource::Resource),
    /// Give the server credentials for a cloud, and see whose they are
    Setup(setup::Setup),
    /// Secrets of your own, for ${secret.NAME} in files
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Operations: what changes something, running and past
    #[command(name = "op", visible_alias = "operation", subcommand)]
    Operation(operation::Operation),
    /// Extensions: the components that know the clouds
    #[command(subcommand)]
    Extension(extension::Extension),
    /// The server on this machine
    #[command(subcommand)]
    Server(server::Server),
    /// Write a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// A program of its own: `cld-foo`.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Whether to wait for the operation that a command starts.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Watching {
    /// Return at once with the operation's id
    #[arg(long, conflicts_with = "wait")]
    pub detach: bool,
    /// Wait until it is done, also without a terminal; and first for an operation that is in the way
    #[arg(long)]
    pub wait: bool,
}

/// `key=value`.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_shows_each_command() {
        let mut root = Cli::command().term_width(100);
        root.build();
        insta::assert_snapshot!("help", root.render_long_help());
        for noun in root.get_subcommands().filter(|c| c.get_name() != "help") {
            let mut noun = noun.clone().term_width(100);
            let mut text = noun.render_long_help().to_string();
            for verb in noun.get_subcommands().filter(|c| c.get_name() != "help") {
                let mut verb = verb.clone().term_width(100);
                let heading = format!("\n──── {} {}\n", noun.get_name(), verb.get_name());
                text.push_str(&heading);
                text.push_str(&verb.render_help().to_string());
            }
            insta::assert_snapshot!(format!("help-{}", noun.get_name()), text);
        }
    }

    #[test]
    fn the_originals_commands_and_names_stay() {
        for line in [
            "env create wp env.yaml",
            "environment create wp env.yaml --project-id p1",
            "environment list",
            "env show wp",
            "env delete wp",
            "app deploy web wp app.yaml",
            "app redeploy web app.yaml",
            "app list",
            "app show web",
            "app logs web",
            "app delete web",
            "resource list",
            "resource show wp",
            "setup aws",
            "env list -v -q --debug --log-file l.txt",
        ] {
            let parsed = Cli::try_parse_from(std::iter::once("cld").chain(line.split(' ')));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn a_name_that_is_none_is_bad_usage_with_a_sentence() {
        let error = Cli::try_parse_from(["cld", "env", "show", "a/b"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("names are letters, digits"), "{error}");
    }

    #[test]
    fn settings_are_pairs() {
        assert_eq!(setting("region=eu-west-1").unwrap(), ("region".into(), "eu-west-1".into()));
        assert_eq!(setting("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert!(setting("region").is_err());
        assert!(setting("=x").is_err());
    }
}
