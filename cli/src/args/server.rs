//! `cld server …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `cld server …`
#[derive(Debug, Subcommand)]
pub enum Server {
    /// Start the server, and install the bundled extensions
    Start(Start),
    /// Stop the server; operations go on when it starts again
    Stop,
    /// Show how the server is
    Status,
    /// Write a backup of the store while the server runs
    Backup {
        /// The file to write, on the server's machine
        file: PathBuf,
    },
    /// Put a backup in the place of the store, while the server is stopped
    Restore {
        /// The backup
        file: PathBuf,
    },
}

/// `cld server start`
#[derive(Debug, Args)]
pub struct Start {
    /// Stay with it: its log comes here, and Ctrl-C stops it
    #[arg(long)]
    pub foreground: bool,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5002")]
    pub listen: String,
    /// The folder of the bundled extensions [default: `extensions` beside cld]
    #[arg(long, value_name = "DIR", env = "CLOUDARK_EXTENSIONS", hide_env_values = true)]
    pub extensions: Option<PathBuf>,
    /// Shorten every wait by this factor; below 1 only with simulated clouds
    #[arg(long, value_name = "X")]
    pub timing_scale: Option<f64>,
    /// The server's configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
