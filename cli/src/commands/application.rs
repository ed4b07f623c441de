//! `cld app …`

use std::time::Instant;

use cloudark_api::application::{ApplicationRequest, LogLine, LogQuery, LogStream};
use cloudark_api::ids::Name;
use cloudark_api::operation::Accepted;

use crate::args::Watching;
use crate::args::application::{Application as Command, Logs};
use crate::client::Client;
use crate::client::events::{PATIENCE, PAUSE};
use crate::client::lines::Lines;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::render::describe;
use crate::render::screen::{Format, Screen};
use crate::render::text::Line;
use crate::render::time::{now_ms, stamp};
use crate::render::words::style;
use crate::watch;

/// Runs `cld app …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::Deploy { name, environment, file, keep_on_failure, watching } => {
            let source = files::read(&file)?;
            files::check_application(screen, &source)?;
            let file = source.text.clone();
            let request = ApplicationRequest { name, environment: Some(environment), file, keep_on_failure };
            let begin = async || client.deploy(&request).await;
            let begun = watch::start(context, &client, watching, begin).await;
            let accepted = begun.map_err(|failure| failure.about(&source))?;
            files::show_new(screen, &source, None, &accepted.diagnostics);
            return follow(context, &client, &request.name, &accepted, watching).await;
        }
        Command::Redeploy { name, file, watching } => {
            let source = files::read(&file)?;
            files::check_application(screen, &source)?;
            let file = source.text.clone();
            let request = ApplicationRequest { name, environment: None, file, keep_on_failure: false };
            let begin = async || client.redeploy(&request).await;
            let begun = watch::start(context, &client, watching, begin).await;
            let accepted = begun.map_err(|failure| failure.about(&source))?;
            files::show_new(screen, &source, None, &accepted.diagnostics);
            return follow(context, &client, &request.name, &accepted, watching).await;
        }
        Command::List => {
            let list = client.applications().await?;
            screen.list(&list, "there are no applications; deploy one with: cld app deploy NAME ENV FILE", || {
                describe::applications(&list, now_ms()).lines(screen.width())
            })?;
        }
        Command::Show { name, reveal } => {
            let application = client.application(&name, reveal).await?;
            screen.answer(&application, || describe::application(&application))?;
        }
        Command::Logs(command) => logs(screen, &client, &command).await?,
        Command::Delete { name, yes, watching } => {
            if !yes {
                agree(screen, &client, &name).await?;
            }
            let begin = async || client.delete_application(&name).await;
            let accepted = watch::start(context, &client, watching, begin).await?;
            return watch::follow(context, &client, &accepted, watching).await;
        }
    }
    Ok(Exit::Done)
}

/// Waits where that is wanted, and then says where the application is.
async fn follow(
    context: &Context,
    client: &Client,
    name: &Name,
    accepted: &Accepted,
    watching: Watching,
) -> Result<Exit, Failure> {
    let exit = watch::follow(context, client, accepted, watching).await?;
    let waited = watch::waits(watching, context.screen.is_live());
    if exit == Exit::Done && waited && context.screen.format == Format::Table {
        let application = client.application(name, false).await?;
        if let Some(url) = application.url {
            context.screen.line(url)?;
        }
    }
    Ok(exit)
}

async fn agree(screen: Screen, client: &Client, name: &Name) -> Result<(), Failure> {
    let application = client.application(name, false).await?;
    if !screen.can_ask() {
        return Err(super::must_say_yes("deleting an application"));
    }
    let question = format!("Delete application \"{name}\" from environment \"{}\"?", application.environment);
    if screen.agrees(&question)? { Ok(()) } else { Err(Failure::NotConfirmed("nothing was deleted".to_owned())) }
}

async fn logs(screen: Screen, client: &Client, command: &Logs) -> Result<(), Failure> {
    let since = command.since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let mut query = LogQuery {
        stream: if command.deployment { LogStream::Deployment } else { LogStream::Runtime },
        follow: command.follow,
        since_ms: since.map(|since| now_ms().saturating_sub(since)),
        tail: command.tail,
    };
    let mut lines = client.logs(&command.name, &query).await?;
    loop {
        let line = match lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(failure) if !query.follow => return Err(failure),
            Err(_) => {
                lines = reopened(screen, client, &command.name, &query).await?;
                continue;
            }
        };
        // Where to go on when the connection breaks.
        query.since_ms = Some(line.at_ms + 1);
        query.tail = None;
        match screen.format {
            Format::Table => screen.line(shown(&line))?,
            Format::Json | Format::Yaml => screen.json_line(&line)?,
        }
    }
}

/// The rest of logs that are followed, once a server that went away is back.
async fn reopened(screen: Screen, client: &Client, name: &Name, query: &LogQuery) -> Result<Lines<LogLine>, Failure> {
    screen.note(Line::new().styled(style::WARN, "the server went away; trying to reach it again"));
    let began = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        match client.logs(name, query).await {
            Err(failure) if failure.exit() == Exit::Unreachable && began.elapsed() < PATIENCE => {}
            ended => return ended,
        }
    }
}

fn shown(line: &LogLine) -> Line {
    let shown = Line::new().styled(style::FAINT, stamp(line.at_ms)).plain("  ");
    shown.styled(style::BUSY, &line.source).plain("  ").plain(&line.message)
}
