//! `cld op …`

use clap::Subcommand;
use cloudark_api::ids::Name;

use super::Watching;

/// `cld op …`
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// List operations, the newest last
    List {
        /// Only those of this environment
        environment: Option<Name>,
    },
    /// Show an operation: its tasks, and why it failed
    Show {
        /// The operation
        id: String,
    },
    /// Show what an operation's tasks have asked their clouds, call by call
    Journal {
        /// The operation
        id: String,
        /// The task, by its number; all of them when it is left out
        task: Option<u32>,
    },
    /// Watch an operation until it is done
    Watch {
        /// The operation
        id: String,
    },
    /// End an operation and take back what it made
    Cancel {
        /// The operation
        id: String,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
    /// Go on with an operation that failed and kept what it made
    Retry {
        /// The operation
        id: String,
        /// Whether to wait.
        #[command(flatten)]
        watching: Watching,
    },
}
