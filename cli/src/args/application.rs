//! `cld app …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cloudark_api::ids::Name;

use super::Watching;
use crate::render::time::parse_duration;

/// `cld app …`
#[derive(Debug, Subcommand)]
pub enum Application {
    /// Deploy an application to an environment
    Deploy {
        /// The application
        name: Name,
        /// The environment to run on
        environment: Name,
        /// The application file; `-` reads it from stdin
        file: PathBuf,
        /// Keep what was made when something fails, for `cld op retry`
        #[arg(long)]
        keep_on_failure: bool,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
    /// Replace an application by a new version
    Redeploy {
        /// The application
        name: Name,
        /// The application file; `-` reads it from stdin
        file: PathBuf,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
    /// List the applications
    List,
    /// Show an application: how it is, and where to reach it
    Show {
        /// The application
        name: Name,
        /// Show the values of secrets; the server writes down that you did
        #[arg(long)]
        reveal: bool,
    },
    /// Show the logs of an application
    Logs(Logs),
    /// Delete an application
    Delete {
        /// The application
        name: Name,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
}

/// `cld app logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// The application
    pub name: Name,
    /// What the cluster says of the application
    #[arg(long, conflicts_with = "runtime")]
    pub deployment: bool,
    /// What its containers write (the default)
    #[arg(long)]
    pub runtime: bool,
    /// Go on as more is written
    #[arg(short, long)]
    pub follow: bool,
    /// Only what is not older: 90s, 10m, 2h, 1d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub since: Option<Duration>,
    /// Only the last so many lines
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
}
