//! `cld env …`

use std::collections::BTreeMap;

use cloudark_api::environment::{Environment, EnvironmentPlan, EnvironmentRequest, PlannedAction};
use cloudark_api::extension::Kind;
use cloudark_api::ids::Name;

use crate::args::environment::{Changed, Create, Delete, Environment as Command, Update};
use crate::client::Client;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::render::describe;
use crate::render::diagnostics::Source;
use crate::render::screen::Screen;
use crate::render::text::Line;
use crate::render::time::now_ms;
use crate::render::words::style;
use crate::watch;

/// Runs `cld env …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::Create(command) => return create(context, &client, command).await,
        Command::Update(command) => return update(context, &client, command).await,
        Command::Delete(command) => return delete(context, &client, command).await,
        Command::Plan(changed) => {
            let file = Checked::read(screen, &client, changed, false).await?;
            let plan = client.plan_environment(&file.request).await.map_err(|failure| failure.about(&file.source))?;
            files::show_new(screen, &file.source, Some(&file.kinds), &plan.diagnostics);
            screen.answer(&plan, || describe::plan(&plan))?;
        }
        Command::List => {
            let list = client.environments().await?;
            screen.list(&list, "there are no environments; make one with: cld env create NAME FILE", || {
                describe::environments(&list, now_ms()).lines(screen.width())
            })?;
        }
        Command::Show { name, reveal } => {
            let (environment, _) = client.environment(&name, reveal).await?;
            screen.answer(&environment, || describe::environment(&environment))?;
        }
        Command::Refresh { name, watching } => {
            let accepted =
                watch::start(context, &client, watching, async || client.refresh_environment(&name).await).await?;
            return watch::follow(context, &client, &accepted, watching).await;
        }
        Command::History { name } => {
            let list = client.history(&name).await?;
            screen.list(&list, "nothing was done to it yet", || {
                describe::operations(&list, now_ms()).lines(screen.width())
            })?;
        }
        Command::Protect { name, off } => {
            client.protect_environment(&name, !off).await?;
            screen.note(if off { format!("{name} can be deleted") } else { format!("{name} is protected") });
        }
    }
    Ok(Exit::Done)
}

/// A file that has no mistakes, ready to be sent.
struct Checked {
    source: Source,
    kinds: Vec<Kind>,
    request: EnvironmentRequest,
}

impl Checked {
    async fn read(screen: Screen, client: &Client, changed: Changed, keep_on_failure: bool) -> Result<Self, Failure> {
        let source = files::read(&changed.file)?;
        let kinds = client.kinds().await?;
        files::check_environment(screen, &source, &kinds)?;
        let mut settings: BTreeMap<String, String> = changed.settings.into_iter().collect();
        settings.extend(changed.project_id.map(|project| ("project".to_owned(), project)));
        let request = EnvironmentRequest { name: changed.name, file: source.text.clone(), settings, keep_on_failure };
        Ok(Self { source, kinds, request })
    }
}

async fn create(context: &Context, client: &Client, command: Create) -> Result<Exit, Failure> {
    let watching = command.watching;
    let file = Checked::read(context.screen, client, command.changed, command.keep_on_failure).await?;
    let begin = async || client.create_environment(&file.request).await;
    let accepted =
        watch::start(context, client, watching, begin).await.map_err(|failure| failure.about(&file.source))?;
    files::show_new(context.screen, &file.source, Some(&file.kinds), &accepted.diagnostics);
    watch::follow(context, client, &accepted, watching).await
}

async fn update(context: &Context, client: &Client, command: Update) -> Result<Exit, Failure> {
    let (screen, watching) = (context.screen, command.watching);
    let file = Checked::read(screen, client, command.changed, false).await?;
    let about = |failure: Failure| failure.about(&file.source);
    // What is agreed to below is a change of this version: another one's change in between is a conflict.
    let (_, etag) = client.environment(&file.request.name, false).await?;
    if !command.yes {
        let plan = client.plan_environment(&file.request).await.map_err(about)?;
        agree(screen, &plan)?;
    }
    let begin = async || client.update_environment(&file.request, etag.clone()).await;
    let accepted = watch::start(context, client, watching, begin).await.map_err(about)?;
    files::show_new(screen, &file.source, Some(&file.kinds), &accepted.diagnostics);
    watch::follow(context, client, &accepted, watching).await
}

/// Asks before an update that deletes or replaces something.
fn agree(screen: Screen, plan: &EnvironmentPlan) -> Result<(), Failure> {
    let destroys = |action| matches!(action, PlannedAction::Replace | PlannedAction::Delete);
    if !plan.steps.iter().any(|step| destroys(step.action)) {
        return Ok(());
    }
    for line in describe::plan(plan) {
        screen.note(line);
    }
    if !screen.can_ask() {
        return Err(super::must_say_yes("an update that deletes or replaces something"));
    }
    if screen.agrees("Go on?")? { Ok(()) } else { Err(Failure::NotConfirmed("nothing was changed".to_owned())) }
}

async fn delete(context: &Context, client: &Client, command: Delete) -> Result<Exit, Failure> {
    let (screen, watching, name) = (context.screen, command.watching, command.name);
    if !command.yes {
        let (environment, _) = client.environment(&name, false).await?;
        refuse(&environment, command.force)?;
        if !screen.can_ask() {
            return Err(super::must_say_yes("deleting an environment"));
        }
        let kinds = client.kinds().await?;
        for line in doomed(&environment, &kinds) {
            screen.note(line);
        }
        if screen.ask(&format!("To delete all of it, write the environment's name ({name}):"))? != name.as_str() {
            return Err(Failure::NotConfirmed("that is not its name; nothing was deleted".to_owned()));
        }
    }
    let begin = async || client.delete_environment(&name, command.force).await;
    let accepted = watch::start(context, client, watching, begin).await?;
    watch::follow(context, client, &accepted, watching).await
}

/// What the server would refuse, said before anybody is asked.
fn refuse(environment: &Environment, force: bool) -> Result<(), Failure> {
    let name = &environment.name;
    let conflict = |what, next| Err(Failure::Known { exit: Exit::Conflict, what, next: Some(next) });
    if environment.protected {
        let next = format!("allow it with: cld env protect {name} --off");
        return conflict(format!("environment \"{name}\" is protected"), next);
    }
    if !force && !environment.applications.is_empty() {
        let applications: Vec<&str> = environment.applications.iter().map(Name::as_str).collect();
        let what = format!("applications run on environment \"{name}\": {}", applications.join(", "));
        return conflict(what, "delete them first, or pass --force".to_owned());
    }
    Ok(())
}

/// What goes with an environment: data first.
fn doomed(environment: &Environment, kinds: &[Kind]) -> Vec<Line> {
    let holds_data = |kind: &str| kinds.iter().any(|known| known.name == kind && known.holds_data);
    let (data, others): (Vec<_>, Vec<_>) = environment.pieces.iter().partition(|piece| holds_data(&piece.kind));
    let heading = format!("This deletes environment \"{}\":", environment.name);
    let mut lines = vec![Line::new().styled(style::STRONG, heading)];
    let described = |kind: &str, name: &str, id: Option<&str>| {
        let id = id.map_or_else(String::new, |id| format!(" ({id})"));
        if kind == name { format!("{name}{id}") } else { format!("{kind} {name}{id}") }
    };
    lines.extend(data.into_iter().map(|piece| {
        let line = Line::new().styled(style::BAD, "  - ");
        let line = line.plain(described(&piece.kind, &piece.name, piece.cloud_id.as_deref()));
        line.styled(style::BAD, "  with its data, unless the file's policy keeps it")
    }));
    lines.extend(environment.applications.iter().map(|name| Line::from(format!("  - application {name}"))));
    lines.extend(
        others
            .into_iter()
            .map(|piece| Line::from(format!("  - {}", described(&piece.kind, &piece.name, piece.cloud_id.as_deref())))),
    );
    lines
}

#[cfg(test)]
#[path = "environment_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
