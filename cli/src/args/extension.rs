//! `cld extension …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `cld extension …`
#[derive(Debug, Subcommand)]
pub enum Extension {
    /// Show what a component asks for, and install it once you agree
    Install(Install),
    /// List the installed extensions
    List,
    /// Show an extension: its kinds, and what it may do
    Show {
        /// The extension
        name: String,
    },
    /// Show what an extension may do, as YAML; or replace it
    Grants {
        /// The extension
        name: String,
        /// Replace its grants by those of this file
        #[arg(long, value_name = "FILE")]
        replace: Option<PathBuf>,
    },
    /// Show the least cloud privilege that an extension's grants need, as a policy of its cloud
    Policy {
        /// The extension
        name: String,
    },
    /// Replay what has ended against another version, and show what it would have asked otherwise
    Rehearse {
        /// The version: a .wasm file; it is not installed
        file: PathBuf,
    },
    /// Remove an extension that no environment needs
    Remove {
        /// The extension
        name: String,
    },
}

/// `cld extension install`
#[derive(Debug, Args)]
pub struct Install {
    /// The component: a .wasm file
    pub file: PathBuf,
    /// Agree to what it asks for, without being asked
    #[arg(short, long)]
    pub yes: bool,
    /// Grant what this file says, and nothing else
    #[arg(long, value_name = "FILE")]
    pub grant: Option<PathBuf>,
}
