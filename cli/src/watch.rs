//! Following an operation: as a tree on a terminal, as lines elsewhere, as NDJSON for programs.
//!
//! Ctrl-C stops the watching, never the operation. A server that restarts meanwhile is waited for, and the events go on
//! where they stopped.

use std::pin::pin;
use std::time::Duration;

use cloudark_api::ids::OperationId;
use cloudark_api::operation::{Accepted, Event, EventKind, OperationStatus};
use cloudark_api::problem::ProblemKind;
use tokio::time::MissedTickBehavior;

use crate::args::Watching;
use crate::client::Client;
use crate::client::events::{Events, Next};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::screen::{Format, Screen};
use crate::render::text::Line;
use crate::render::time::now_ms;
use crate::render::tree::Progress;
use crate::render::words::style;

/// Between two frames of the tree.
const FRAME: Duration = Duration::from_millis(120);

/// How often a request is made again after waiting for the operation that was in its way.
const PATIENT_TRIES: usize = 20;

/// Starts an operation. With `--wait`, an operation that is in the way is waited for.
///
/// # Errors
/// The server refuses it.
pub async fn start<F>(context: &Context, client: &Client, watching: Watching, begin: F) -> Result<Accepted, Failure>
where
    F: AsyncFn() -> Result<Accepted, Failure>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        let failure = match begin().await {
            Ok(accepted) => return Ok(accepted),
            Err(failure) => failure,
        };
        let in_the_way = match &failure {
            Failure::Refused { problem, .. } if problem.kind == ProblemKind::Conflict => problem.operation.clone(),
            _ => None,
        };
        let Some(id) = in_the_way.filter(|_| watching.wait && tries < PATIENT_TRIES) else {
            return Err(failure);
        };
        context.screen.note(format!("waiting for operation {id}, which is in the way"));
        let operation = client.operation(&OperationId(id)).await?;
        let mut watcher = Watcher::new(context, client, Progress::new(operation), View::Silent);
        if let Ended::Detached = watcher.run().await? {
            return Err(Failure::Known {
                exit: Exit::Detached,
                what: "interrupted while waiting".to_owned(),
                next: None,
            });
        }
    }
}

/// Waits for an operation that was just started, or says how to watch it: as the options and the terminal want.
///
/// # Errors
/// The operation fails, is cancelled, or cannot be watched any more.
pub async fn follow(
    context: &Context,
    client: &Client,
    accepted: &Accepted,
    watching: Watching,
) -> Result<Exit, Failure> {
    let screen = context.screen;
    let id = &accepted.operation;
    if waits(watching, screen.is_live()) {
        if screen.format != Format::Table {
            document(screen, accepted)?;
        }
        return watch(context, client, id).await;
    }
    match screen.format {
        Format::Table => {
            screen.line(id.to_string())?;
            screen.note(format!("started; watch it with: cld op watch {id}"));
        }
        Format::Json | Format::Yaml => screen.answer(accepted, Vec::new)?,
    }
    Ok(Exit::Done)
}

/// On a terminal unless told not to; elsewhere only when told to.
#[must_use]
pub fn waits(watching: Watching, live: bool) -> bool {
    !watching.detach && (watching.wait || live)
}

/// Watches an operation until it is done.
///
/// # Errors
/// It fails, is cancelled, or cannot be watched any more.
pub async fn watch(context: &Context, client: &Client, id: &OperationId) -> Result<Exit, Failure> {
    let progress = Progress::new(client.operation(id).await?);
    let screen = context.screen;
    let view = match screen.format {
        Format::Json | Format::Yaml => View::Documents,
        Format::Table if screen.quiet => View::Silent,
        Format::Table if screen.can_redraw() => View::Tree { drawn: 0 },
        Format::Table => View::Lines,
    };
    let mut watcher = Watcher::new(context, client, progress, view);
    match watcher.run().await? {
        Ended::Detached => {
            screen.note(format!("the server goes on with it; watch it again with: cld op watch {id}"));
            Ok(Exit::Detached)
        }
        Ended::With(OperationStatus::Cancelled) => Err(Failure::OperationCancelled { id: id.clone() }),
        Ended::With(OperationStatus::Failed) => {
            let operation = client.operation(id).await?;
            Err(Failure::Operation { id: id.clone(), errors: operation.errors, can_retry: operation.can_retry })
        }
        Ended::With(_) => Ok(Exit::Done),
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy)]
enum View {
    /// Redrawn in place.
    Tree {
        /// Lines on the screen.
        drawn: usize,
    },
    /// A line for each change.
    Lines,
    /// Each event as a document.
    Documents,
    /// Not at all.
    Silent,
}

/// How watching ended.
enum Ended {
    /// By Ctrl-C.
    Detached,
    /// Because the operation did.
    With(OperationStatus),
}

struct Watcher<'a> {
    context: &'a Context,
    client: &'a Client,
    progress: Progress,
    view: View,
    lost: Option<String>,
}

impl<'a> Watcher<'a> {
    fn new(context: &'a Context, client: &'a Client, progress: Progress, view: View) -> Self {
        Self { context, client, progress, view, lost: None }
    }

    async fn run(&mut self) -> Result<Ended, Failure> {
        let id = self.progress.id().clone();
        let mut events = Events::new(self.client, id.clone());
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        let mut frames = tokio::time::interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Kept across frames: dropped at each one, a slow connection would never come to be.
            let mut next = pin!(events.next());
            let news = loop {
                tokio::select! {
                    news = &mut next => break news?,
                    _ = &mut interrupt => {
                        self.last_frame()?;
                        return Ok(Ended::Detached);
                    }
                    _ = frames.tick(), if matches!(self.view, View::Tree { .. }) => self.frame()?,
                }
            };
            let ended = match news {
                Next::Event(event) => {
                    self.show(&event)?;
                    match event.what {
                        EventKind::Operation { status } if status.is_final() => Some(status),
                        _ => None,
                    }
                }
                Next::Lost(cause) => {
                    self.lose(&cause);
                    None
                }
                Next::Found => {
                    self.lost = None;
                    self.say_in_lines("the server is back");
                    None
                }
                Next::End => self.ended_meanwhile(&id).await,
            };
            if let Some(status) = ended {
                self.last_frame()?;
                return Ok(Ended::With(status));
            }
        }
    }

    /// How the operation ended, when the server has no more events of it.
    async fn ended_meanwhile(&mut self, id: &OperationId) -> Option<OperationStatus> {
        let operation = self.client.operation(id).await.ok().filter(|operation| operation.status.is_final())?;
        let status = operation.status;
        self.progress = Progress::new(operation);
        Some(status)
    }

    fn show(&mut self, event: &Event) -> Result<(), Failure> {
        let line = self.progress.plain(event, self.context.verbose);
        self.progress.take(event);
        match (self.view, line) {
            (View::Lines, Some(line)) => self.context.screen.line(line),
            (View::Tree { .. }, Some(line)) if matches!(event.what, EventKind::Call { .. } | EventKind::Log { .. }) => {
                if self.context.verbose {
                    self.above(line)?;
                }
                Ok(())
            }
            (View::Documents, _) => document(self.context.screen, event),
            _ => Ok(()),
        }
    }

    fn lose(&mut self, cause: &str) {
        tracing::info!(cause, "the event stream broke");
        if self.lost.replace(cause.to_owned()).is_none() {
            self.say_in_lines("the server went away; trying to reach it again");
        }
    }

    fn say_in_lines(&self, text: &str) {
        if matches!(self.view, View::Lines | View::Documents) {
            self.context.screen.note(Line::new().styled(style::WARN, text));
        }
    }

    /// A line that stays, above the tree.
    fn above(&mut self, line: Line) -> Result<(), Failure> {
        if let View::Tree { drawn } = self.view {
            self.context.screen.redraw(&[line], drawn)?;
            self.view = View::Tree { drawn: 0 };
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Failure> {
        let View::Tree { drawn } = self.view else {
            return Ok(());
        };
        let (width, height) = self.context.screen.size().unwrap_or((100, 24));
        let mut lines = self.progress.frame(now_ms(), width, height.saturating_sub(1));
        if self.lost.is_some() {
            let text = "the server went away; trying to reach it again";
            lines.push(Line::new().styled(style::WARN, text).truncated(width));
        }
        self.context.screen.redraw(&lines, drawn)?;
        self.view = View::Tree { drawn: lines.len() };
        Ok(())
    }

    fn last_frame(&mut self) -> Result<(), Failure> {
        self.lost = None;
        self.frame()
    }
}

fn document<T: serde::Serialize>(screen: Screen, value: &T) -> Result<(), Failure> {
    match screen.format {
        Format::Yaml => {
            screen.line("---")?;
            screen.answer(value, Vec::new)
        }
        Format::Json | Format::Table => screen.json_line(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_waits_and_a_script_does_not_unless_told() {
        let (plain, detach, wait) =
            (Watching::default(), Watching { detach: true, wait: false }, Watching { detach: false, wait: true });
        assert!(waits(plain, true) && waits(wait, true) && waits(wait, false));
        assert!(!waits(plain, false) && !waits(detach, true) && !waits(detach, false));
    }
}
