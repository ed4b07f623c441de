//! `cld secret …`

use crate::args::secret::Secret as Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::table::Table;
use crate::render::text::Line;
use crate::render::time::moment;

/// Runs `cld secret …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::Set { environment, name } => {
            let value = screen.secret(&format!("Value of {name}:"))?;
            if value.is_empty() {
                return Err(Failure::usage_with("the secret is empty", "give its value on stdin, or when asked"));
            }
            client.set_secret(&environment, &name, value.as_str().to_owned()).await?;
            screen.note(format!("stored; files of {environment} can use it as ${{secret.{name}}}"));
        }
        Command::List { environment } => {
            let list = client.secrets(&environment).await?;
            screen.list(&list, "there are no secrets; store one with: cld secret set ENV NAME", || {
                let mut table = Table::new(&["NAME", "UPDATED"]);
                for secret in &list {
                    table.row([Line::from(secret.name.as_str()), Line::from(moment(&secret.updated_at))]);
                }
                table.lines(screen.width())
            })?;
        }
        Command::Remove { environment, name } => {
            client.remove_secret(&environment, &name).await?;
            screen.note(format!("{name} is forgotten"));
        }
    }
    Ok(Exit::Done)
}
