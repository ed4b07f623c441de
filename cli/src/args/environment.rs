//! `cld env …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cloudark_api::ids::Name;

use super::{Watching, setting};

/// `cld env …`
#[derive(Debug, Subcommand)]
pub enum Environment {
    /// Make an environment from a file
    Create(Create),
    /// List the environments
    List,
    /// Show an environment: its pieces, their outputs, its applications
    Show {
        /// The environment
        name: Name,
        /// Show the values of secrets; the server writes down that you did
        #[arg(long)]
        reveal: bool,
    },
    /// Delete an environment and everything in it
    Delete(Delete),
    /// Show what an update with this file would do; changes nothing
    Plan(Changed),
    /// Change an environment to what a file says
    Update(Update),
    /// Compare an environment with what its clouds really have
    Refresh {
        /// The environment
        name: Name,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
    /// List what was done to an environment
    History {
        /// The environment
        name: Name,
    },
    /// Refuse to delete an environment
    Protect {
        /// The environment
        name: Name,
        /// Allow it again
        #[arg(long)]
        off: bool,
    },
}

/// A file with settings that override what it says.
#[derive(Debug, Args)]
pub struct Changed {
    /// The environment
    pub name: Name,
    /// The environment file; `-` reads it from stdin
    pub file: PathBuf,
    /// The project, in place of the file's
    #[arg(long, value_name = "P")]
    pub project_id: Option<String>,
    /// A setting, in place of the file's: region=eu-west-1
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
}

/// `cld env create`
#[derive(Debug, Args)]
pub struct Create {
    /// What to make.
    #[command(flatten)]
    pub changed: Changed,
    /// Keep what was made when something fails, for `cld op retry`
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Whether to wait.
    #[command(flatten)]
    pub watching: Watching,
}

/// `cld env update`
#[derive(Debug, Args)]
pub struct Update {
    /// What to make of it.
    #[command(flatten)]
    pub changed: Changed,
    /// Do not ask before something is deleted or replaced
    #[arg(short, long)]
    pub yes: bool,
    /// Whether to wait.
    #[command(flatten)]
    pub watching: Watching,
}

/// `cld env delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The environment
    pub name: Name,
    /// Delete the applications on it too
    #[arg(long)]
    pub force: bool,
    /// Do not ask for the environment's name
    #[arg(short, long)]
    pub yes: bool,
    /// Whether to wait.
    #[command(flatten)]
    pub watching: Watching,
}
