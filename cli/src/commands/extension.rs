//! `cld extension …`

use std::fs;
use std::path::Path;

use cloudark_api::extension::{Extension, FirstGrants, Inspection, KindRole};
use serde::Deserialize;

use crate::args::extension::{Extension as Command, Install};
use crate::client::Client;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::render::diagnostics::Source;
use crate::render::rehearsal;
use crate::render::screen::{Format, Screen};
use crate::render::table::Table;
use crate::render::text::Line;
use crate::render::time::moment;
use crate::render::words::style;

/// Runs `cld extension …`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    match command {
        Command::Install(command) => install(screen, &client, &command).await?,
        Command::List => {
            let list = client.extensions().await?;
            screen.list(&list, "no extension is installed; install one with: cld extension install FILE", || {
                listed(&list).lines(screen.width())
            })?;
        }
        Command::Show { name } => {
            let extension = client.extension(&name).await?;
            screen.answer(&extension, || shown(&extension))?;
        }
        Command::Grants { name, replace: Some(file) } => {
            client.set_grants(&name, files::read(&file)?.text).await?;
            let grants = client.grants(&name).await?;
            screen.answer(&grants, || bullets("It may:", &grants.explained))?;
        }
        Command::Grants { name, replace: None } => {
            let grants = client.grants(&name).await?;
            match screen.format {
                Format::Table => screen.text(&grants.yaml)?,
                Format::Json | Format::Yaml => screen.answer(&grants, Vec::new)?,
            }
        }
        Command::Policy { name } => {
            let document = client.policy(&name).await?;
            let policy =
                Screen { format: if screen.format == Format::Yaml { Format::Yaml } else { Format::Json }, ..screen };
            policy.answer(&document.policy, Vec::new)?;
        }
        Command::Rehearse { file } => {
            let of = client.rehearse(&file.display().to_string(), component(&file)?).await?;
            screen.answer(&of, || rehearsal::rehearsal(&of))?;
            return Ok(if rehearsal::is_same(&of) { Exit::Done } else { Exit::Failed });
        }
        Command::Remove { name } => {
            client.remove_extension(&name).await?;
            screen.note(format!("{name} is removed"));
        }
    }
    Ok(Exit::Done)
}

/// A component from a file.
///
/// # Errors
/// It cannot be read: bad usage.
pub fn component(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| Failure::usage(format!("reading {}: {cause}", path.display())))
}

async fn install(screen: Screen, client: &Client, command: &Install) -> Result<(), Failure> {
    let file = command.file.display().to_string();
    let wasm = component(&command.file)?;
    let grants = command.grant.as_deref().map(files::read).transpose()?;
    let inspection = client.inspect(&file, wasm.clone()).await?;
    let digest = &inspection.extension.digest;
    if let Some(grants) = &grants {
        must_speak_of(grants, digest)?;
    }
    for line in asked(&inspection) {
        screen.note(line);
    }
    if !command.yes && grants.is_none() {
        if !screen.can_ask() {
            return Err(Failure::usage_with(
                "installing an extension needs your consent, and there is no terminal to ask on",
                "pass --yes to agree to all it asks for, or --grant FILE to grant less",
            ));
        }
        if !screen.agrees("Install it and grant all of this?")? {
            return Err(Failure::NotConfirmed("nothing was installed".to_owned()));
        }
    }
    // Never more than was granted, not even for the moment between the two requests.
    let first = if grants.is_some() { FirstGrants::Nothing } else { FirstGrants::Asked };
    let installed = client.install(&file, wasm, digest, first).await?;
    if let Some(grants) = grants {
        client.set_grants(&installed.name, grants.text).await?;
    }
    screen.answer(&installed, || vec![Line::from(format!("{} {} is installed", installed.name, installed.version))])
}

/// Grants are for one digest: a file for another component is a mistake.
fn must_speak_of(grants: &Source, digest: &str) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Head {
        digest: Option<String>,
    }
    let head: Head = serde_yaml_ng::from_str(&grants.text)
        .map_err(|cause| Failure::usage(format!("{} is no grants file: {cause}", grants.name)))?;
    match head.digest {
        Some(other) if other != *digest => Err(Failure::usage_with(
            format!("{} grants {other}, and the component is {digest}", grants.name),
            "look at what the component asks for, and write grants for its digest",
        )),
        _ => Ok(()),
    }
}

/// What a component is and asks for.
#[must_use]
pub fn asked(inspection: &Inspection) -> Vec<Line> {
    let extension = &inspection.extension;
    let heading = format!("{} {}", extension.name, extension.version);
    let mut lines = vec![Line::new().styled(style::STRONG, heading).plain("  ").plain(&extension.summary)];
    lines.push(Line::new().styled(style::FAINT, &extension.digest));
    if let Some(replaced) = &inspection.replaces {
        lines.push(Line::from(format!("It replaces {} {replaced}.", extension.name)));
    }
    if inspection.asks.is_empty() {
        lines.push(Line::from("It asks for nothing."));
    } else {
        lines.push(Line::new().styled(style::STRONG, "It asks to:"));
        lines.extend(by_place(&inspection.asks));
    }
    if !inspection.wider.is_empty() {
        lines.push(Line::new().styled(style::WARN, "More than the installed version may:"));
        lines.extend(inspection.wider.iter().map(|more| Line::new().styled(style::WARN, format!("  + {more}"))));
    }
    lines
}

/// What it asks for, each place once with what is asked there.
fn by_place(asks: &[String]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut last = None;
    for ask in asks {
        match ask.split_once(": ") {
            Some((place, what)) => {
                if last != Some(place) {
                    lines.push(Line::new().styled(style::STRONG, format!("  at {place}")));
                }
                last = Some(place);
                lines.push(Line::from(format!("    - {what}")));
            }
            None => {
                last = None;
                lines.push(Line::from(format!("  - {ask}")));
            }
        }
    }
    lines
}

fn bullets(heading: &str, items: &[String]) -> Vec<Line> {
    let heading = Line::new().styled(style::STRONG, heading);
    std::iter::once(heading).chain(items.iter().map(|item| Line::from(format!("  - {item}")))).collect()
}

fn listed(list: &[Extension]) -> Table {
    let mut table = Table::new(&["NAME", "VERSION", "CLOUD", "KINDS", "INSTALLED", "DIGEST"]);
    for extension in list {
        let kinds: Vec<&str> = extension.kinds.iter().map(|kind| kind.name.as_str()).collect();
        table.row([
            Line::from(extension.name.as_str()),
            Line::from(extension.version.as_str()),
            Line::from(extension.cloud.as_str()),
            Line::from(kinds.join(", ")),
            Line::from(moment(&extension.installed_at)),
            Line::new().styled(style::FAINT, extension.digest.chars().take(19).collect::<String>()),
        ]);
    }
    table
}

fn shown(extension: &Extension) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("name", Line::new().styled(style::STRONG, &extension.name));
    fields.field("version", extension.version.as_str());
    fields.field("cloud", extension.cloud.as_str());
    fields.field("summary", extension.summary.as_str());
    fields.field("digest", extension.digest.as_str());
    fields.field("exports", extension.exports.join(", "));
    fields.field("installed", moment(&extension.installed_at));
    let mut lines = fields.lines(None);
    if !extension.kinds.is_empty() {
        lines.push(Line::new());
        let mut kinds = Table::new(&["KIND", "ROLE", "DATA", "SUMMARY"]);
        for kind in &extension.kinds {
            let role = match kind.role {
                KindRole::Resource => "resource",
                KindRole::Coe => "coe",
            };
            let data = if kind.holds_data { "yes" } else { "no" };
            kinds.row([Line::from(kind.name.as_str()), role.into(), data.into(), kind.summary.as_str().into()]);
        }
        lines.extend(kinds.lines(None));
    }
    if !extension.settings.is_empty() {
        lines.push(Line::new());
        let mut settings = Table::new(&["SETTING", "REQUIRED", "DEFAULT", "SUMMARY"]);
        for setting in &extension.settings {
            let required = if setting.required { "yes" } else { "no" };
            let default = crate::render::table::or_dash(setting.default.as_deref());
            settings.row([setting.name.as_str().into(), required.into(), default, setting.summary.as_str().into()]);
        }
        lines.extend(settings.lines(None));
    }
    lines.push(Line::new());
    lines.extend(bullets("It may:", &extension.grants));
    lines
}

#[cfg(test)]
#[path = "extension_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
