//! `cld secret …`

use clap::Subcommand;
use cloudark_api::ids::Name;

/// `cld secret …`
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// Store a secret: asked for, or read from stdin; never an argument, which other users of the machine could see
    Set {
        /// The environment; it need not exist yet
        environment: Name,
        /// The secret's name
        name: Name,
    },
    /// List the names of an environment's secrets
    List {
        /// The environment
        environment: Name,
    },
    /// Forget a secret
    Remove {
        /// The environment
        environment: Name,
        /// The secret's name
        name: Name,
    },
}
