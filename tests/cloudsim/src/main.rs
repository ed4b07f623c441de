//! The `cloudsim` binary: serves the simulated clouds until it is killed.

use std::{io, net::SocketAddr, path::PathBuf};

use clap::Parser;
use cloudsim::{Config, Sim};

/// Simulated clouds over real HTTP. State is in memory; the control API is under /_sim/.
#[derive(Parser)]
struct Options {
    /// The port to listen on, on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the port here once it is listening (the file appears complete or not at all).
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// A JSON file with settings; what it leaves out keeps its default.
    #[arg(long)]
    config: Option<PathBuf>,
}

fn main() -> io::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter()).init();
    let options = Options::parse();
    let config = match &options.config {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::other)?,
        None => Config::default(),
    };
    let sim = Sim::start_on(SocketAddr::from(([127, 0, 0, 1], options.port)), config)?;
    if let Some(path) = &options.port_file {
        let partial = path.with_extension("partial");
        std::fs::write(&partial, sim.port().to_string())?;
        std::fs::rename(&partial, path)?;
    }
    println!("cloudsim listening on {}", sim.url());
    sim.wait();
    Ok(())
}

fn filter() -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"))
}
