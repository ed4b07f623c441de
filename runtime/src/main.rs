//! `cloudarkd`: the CloudARK server.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use cloudark_runtime::config::Config;
use cloudark_runtime::server::Server;
use cloudark_runtime::server::home::Home;
use cloudark_runtime::store::redb::restore;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The CloudARK server.
#[derive(Debug, Parser)]
#[command(name = "cloudarkd", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    data: Data,
    /// Where to listen; with port 0, on any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Shortens waits, against simulators on this machine only: 0.01 makes a second of ten milliseconds
    #[arg(long, value_name = "X")]
    timing_scale: Option<f64>,
    /// The configuration file (YAML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the log is written to stderr; CLOUDARK_LOG says what of it (`info`, `cloudark_runtime=debug`)
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "CLOUDARK_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Debug, clap::Args)]
struct Data {
    /// The data directory [default: ~/.cloudark]
    #[arg(long = "data", value_name = "DIR", env = "CLOUDARK_HOME")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts a backup in the place of the store, while no server runs on it
    Restore {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// A JSON document a line
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.log_format);
    let done = match &arguments.command {
        Some(Command::Restore { file, data }) => restore_from(file, data),
        None => serve(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cloudarkd: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

impl Data {
    fn folder(&self) -> Result<PathBuf, Failure> {
        let given = self.folder.clone().filter(|folder| !folder.as_os_str().is_empty());
        given
            .or_else(|| std::env::home_dir().map(|home| home.join(".cloudark")))
            .ok_or_else(|| "there is no home directory: give a data directory with --data DIR".into())
    }
}

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_env("CLOUDARK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn restore_from(file: &std::path::Path, data: &Data) -> Result<(), Failure> {
    let home = Home::open(&data.folder()?)?;
    let restored = restore(file, &home.store())?;
    let mut out = std::io::stdout();
    writeln!(out, "{} rows restored to {}", restored.rows, home.store().display())?;
    if let Some(previous) = restored.previous {
        writeln!(out, "the store that was there is now {}", previous.display())?;
    }
    Ok(())
}

fn serve(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = arguments.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    config.listen = arguments.listen.or(config.listen);
    if let Some(scale) = arguments.timing_scale {
        config.timing.scale = scale;
    }
    let data = arguments.data.folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served: Result<(), Failure> = runtime.block_on(async {
        // From now on a signal waits until the server is ready to stop in good order.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // A terminal that closes does not take the server with it.
        let _hangup = signal(SignalKind::hangup())?;
        let server = Server::start(&data, &config).await?;
        let mut out = std::io::stdout();
        // Whoever started it may not listen: that is no reason not to serve.
        let _ = writeln!(out, "listening on http://{}", server.address()).and_then(|()| out.flush());
        server
            .run(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                tracing::info!("stopping");
            })
            .await;
        Ok(())
    });
    // What runs is cut off as by a crash: its journal is all it needs to go on.
    runtime.shutdown_timeout(Duration::from_millis(500));
    served
}
