//! `cld resource …`

use clap::Subcommand;
use cloudark_api::ids::Name;

/// `cld resource …`
#[derive(Debug, Subcommand)]
pub enum Resource {
    /// List the resources of an environment, or of all
    List {
        /// The environment
        environment: Option<Name>,
    },
    /// Show the resources of an environment with their outputs
    Show {
        /// The environment
        environment: Name,
        /// Only this resource
        name: Option<Name>,
        /// Show the values of secrets; the server writes down that you did
        #[arg(long)]
        reveal: bool,
    },
}
