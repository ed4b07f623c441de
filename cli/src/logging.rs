//! What `-v`, `--debug` and `--log-file` make the program say. Without them nothing is set up, which costs nothing.

use std::fs::File;
use std::io;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::Global;
use crate::exit::Failure;

/// Sets logging up as far as it is asked for.
///
/// # Errors
/// The log file cannot be made.
pub fn set_up(global: &Global) -> Result<(), Failure> {
    let level = match (global.debug, global.verbose) {
        (true, _) | (false, 2..) => LevelFilter::DEBUG,
        (false, 1) => LevelFilter::INFO,
        (false, 0) => LevelFilter::OFF,
    };
    if level == LevelFilter::OFF && global.log_file.is_none() {
        return Ok(());
    }
    let terminal = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(Targets::new().with_target("cld", level));
    let file = match &global.log_file {
        Some(path) => {
            let appending = File::options().create(true).append(true).open(path);
            let file = appending
                .map_err(|cause| Failure::usage(format!("opening the log file {}: {cause}", path.display())))?;
            let everything =
                Targets::new().with_target("cld", LevelFilter::DEBUG).with_target("hyper_util", LevelFilter::DEBUG);
            Some(
                tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_filter(everything),
            )
        }
        None => None,
    };
    let _ = tracing_subscriber::registry().with(terminal).with(file).try_init();
    Ok(())
}
