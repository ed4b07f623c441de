//! `cld resource …`

use cloudark_api::ids::Name;
use cloudark_api::resource::PieceView;
use serde::Serialize;

use crate::args::resource::Resource as Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::describe;

/// A piece, and where it is.
#[derive(Debug, Serialize)]
struct Placed {
    environment: Name,
    #[serde(flatten)]
    piece: PieceView,
}

/// Runs `cld resource …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::List { environment } => {
            let environments = match environment {
                Some(name) => vec![name],
                None => client.environments().await?.into_iter().map(|environment| environment.name).collect(),
            };
            let mut list = Vec::new();
            for environment in environments {
                let pieces = client.resources(&environment, false).await?;
                list.extend(pieces.into_iter().map(|piece| Placed { environment: environment.clone(), piece }));
            }
            let placed = list.iter().map(|placed| (placed.environment.as_str(), &placed.piece));
            screen.list(&list, "there are no resources", || describe::piece_list(placed).lines(screen.width()))?;
        }
        Command::Show { environment, name, reveal } => {
            let mut pieces = client.resources(&environment, reveal).await?;
            if let Some(name) = name {
                let names: Vec<String> = pieces.iter().map(|piece| piece.name.clone()).collect();
                pieces.retain(|piece| piece.name == name.as_str());
                if pieces.is_empty() {
                    return Err(Failure::Known {
                        exit: Exit::NotFound,
                        what: format!("environment \"{environment}\" has no resource \"{name}\""),
                        next: Some(format!("it has: {}", names.join(", "))),
                    });
                }
            }
            screen.answer(&pieces, || describe::pieces(&pieces))?;
        }
    }
    Ok(Exit::Done)
}
