//! `cld server …`: the server on this machine, by its data directory.

mod bundled;
mod daemon;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloudark_api::server::ServerStatus;

use crate::args::server::{Server as Command, Start};
use crate::client::Client;
use crate::client::address::Address;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::screen::Screen;
use crate::render::table::Table;
use crate::render::text::Line;
use crate::render::words::style;
use daemon::Daemon;

/// How long a stopping server may take to end what it is sending.
const STOP: Duration = Duration::from_secs(60);

/// Runs `cld server …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let screen = context.screen;
    match command {
        Command::Start(command) => return start(context, &command).await,
        Command::Stop => stop(context).await?,
        Command::Status => {
            let client = context.client()?;
            let status = client.server().await?;
            let address = client.address().url()?.origin().ascii_serialization();
            screen.answer(&status, || shown(&status, &address))?;
        }
        Command::Backup { file } => {
            let path = absolute(&file)?;
            context.client()?.backup(path.display().to_string()).await?;
            screen.note(format!("the backup is in {}", path.display()));
            screen.note("  it opens with `master.key` of the data folder only: keep a copy of that, and elsewhere");
            screen.note("  on another machine, install the same extensions before its environments change");
        }
        Command::Restore { file } => return restore(context, &file).await,
    }
    Ok(Exit::Done)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|cause| Failure::usage(format!("{}: {cause}", path.display())))
}

fn shown(status: &ServerStatus, address: &str) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("address", address);
    fields.field("version", status.version.as_str());
    fields.field("process", status.pid.to_string());
    fields.field("data", status.data_dir.as_str());
    fields.field("starts", status.incarnation.to_string());
    fields.field(
        "operations",
        format!("{} under way, {} tasks waiting", status.running_operations, status.waiting_tasks),
    );
    fields.field("instances", status.live_instances.to_string());
    match &status.store_fault {
        Some(fault) => fields.field("store", Line::new().styled(style::BAD, fault)),
        None => fields.field("store", Line::new().styled(style::GOOD, "takes writes")),
    }
    fields.lines(None)
}

/// The server of this data directory, wherever `--server` points.
fn local(context: &Context) -> Result<Client, Failure> {
    Client::new(Address::new(None, context.address.data().clone()))
}

/// How the server of this data directory is; none if none runs.
async fn running(context: &Context, client: &Client) -> Option<ServerStatus> {
    context.address.data().running()?;
    client.server().await.ok()
}

async fn start(context: &Context, command: &Start) -> Result<Exit, Failure> {
    let screen = context.screen;
    let client = local(context)?;
    let bundle = bundled::Bundle::find(command.extensions.as_deref())?;
    if running(context, &client).await.is_some() {
        announce(screen, "already runs at", &client)?;
        bundle.install(screen, &client).await?;
        return Ok(Exit::Done);
    }
    let data = context.address.data();
    let mut daemon = Daemon::start(data, command)?;
    daemon.until_ready(data, &client).await?;
    announce(screen, "listens at", &client)?;
    let installed = bundle.install(screen, &client).await;
    if command.foreground {
        if let Err(failure) = &installed {
            screen.failure(failure);
        }
        return daemon.until_end().await;
    }
    installed?;
    Ok(Exit::Done)
}

fn announce(screen: Screen, how: &str, client: &Client) -> Result<(), Failure> {
    let address = client.address().url()?.origin().ascii_serialization();
    screen.note(Line::from(format!("the server {how} ")).styled(style::STRONG, &address));
    Ok(())
}

async fn stop(context: &Context) -> Result<(), Failure> {
    let screen = context.screen;
    let data = context.address.data();
    let nothing = || screen.note(format!("no server runs on {}", data.path().display()));
    let Some(recorded) = data.running() else {
        nothing();
        return Ok(());
    };
    let pid = match local(context)?.server().await {
        Ok(status) => status.pid,
        Err(failure) if failure.exit() == Exit::Unreachable && !daemon::is_alive(recorded.pid) => {
            nothing();
            return Ok(());
        }
        // The record may be old, and its process by now another program's.
        Err(failure) => return Err(failure),
    };
    daemon::terminate(pid)?;
    let began = Instant::now();
    while daemon::is_alive(pid) {
        if began.elapsed() > STOP {
            return Err(Failure::Known {
                exit: Exit::Failed,
                what: format!("the server (process {pid}) has not ended in {}s", STOP.as_secs()),
                next: Some(format!("see {}", daemon::log_path(data).display())),
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    screen.note("the server has stopped; what was under way goes on when it starts again");
    Ok(())
}

async fn restore(context: &Context, file: &Path) -> Result<Exit, Failure> {
    let data = context.address.data();
    if let Some(status) = running(context, &local(context)?).await {
        return Err(Failure::Known {
            exit: Exit::Conflict,
            what: format!("the server (process {}) runs on {}", status.pid, data.path().display()),
            next: Some("stop it first with: cld server stop".to_owned()),
        });
    }
    let file = absolute(file)?;
    if !file.is_file() {
        return Err(Failure::usage(format!("{} is no file", file.display())));
    }
    let exit = daemon::restore(data, &file)?;
    if exit == Exit::Done {
        context.screen.note("restored; start the server with: cld server start");
    }
    Ok(exit)
}
