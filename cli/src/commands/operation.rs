//! `cld op …`

use cloudark_api::ids::OperationId;

use crate::args::operation::Operation as Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::describe;
use crate::render::journal::{self, TaskJournal};
use crate::render::time::now_ms;
use crate::watch;

/// Runs `cld op …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::List { environment } => {
            let list = client.operations(environment.as_ref()).await?;
            screen.list(&list, "there are no operations", || {
                describe::operations(&list, now_ms()).lines(screen.width())
            })?;
        }
        Command::Show { id } => {
            let operation = client.operation(&parse(&id)?).await?;
            let width = screen.width().unwrap_or(usize::MAX);
            screen.answer(&operation, || describe::operation(&operation, now_ms(), width))?;
        }
        Command::Journal { id, task } => {
            let operation = client.operation(&parse(&id)?).await?;
            let mut journals = Vec::new();
            for of in operation.tasks.into_iter().filter(|of| task.is_none_or(|number| of.number == number)) {
                let entries = client.journal(&operation.id, of.number).await?;
                journals.push(TaskJournal { task: of, entries });
            }
            if let (Some(number), true) = (task, journals.is_empty()) {
                return Err(Failure::Known {
                    exit: Exit::NotFound,
                    what: format!("operation {id} has no task {number}"),
                    next: Some(format!("see its tasks with: cld op journal {id}")),
                });
            }
            screen.answer(&journals, || journal::journals(&journals, screen.width()))?;
        }
        Command::Watch { id } => return watch::watch(context, &client, &parse(&id)?).await,
        Command::Cancel { id, watching } => {
            let accepted = client.cancel(&parse(&id)?).await?;
            return match watch::follow(context, &client, &accepted, watching).await {
                // That is what was asked for.
                Err(Failure::OperationCancelled { .. }) => Ok(Exit::Done),
                Ok(Exit::Done) if watch::waits(watching, screen.is_live()) => Err(Failure::Known {
                    exit: Exit::Conflict,
                    what: format!("operation {id} was done before it could be cancelled"),
                    next: None,
                }),
                ended => ended,
            };
        }
        Command::Retry { id, watching } => {
            let id = parse(&id)?;
            let accepted = watch::start(context, &client, watching, async || client.retry(&id).await).await?;
            return watch::follow(context, &client, &accepted, watching).await;
        }
    }
    Ok(Exit::Done)
}

/// An id as it was copied: ids are ULIDs in lower case.
fn parse(text: &str) -> Result<OperationId, Failure> {
    let id = text.trim().to_lowercase();
    if id.is_empty() || !id.chars().all(|character| character.is_ascii_alphanumeric()) {
        return Err(Failure::usage_with(format!("\"{text}\" is no operation's id"), "list them with: cld op list"));
    }
    Ok(OperationId(id))
}
