//! How environments, applications, operations and their parts are shown to people: values in, lines out.

use cloudark_api::application::Application;
use cloudark_api::environment::{Environment, EnvironmentPlan, EnvironmentSummary, PlannedAction};
use cloudark_api::operation::Operation;
use cloudark_api::resource::{Output, PieceView};

use super::table::{Table, or_dash, word};
use super::text::Line;
use super::time::{ago, elapsed, moment, parse_ms};
use super::tree::Progress;
use super::words::{self, style};

/// What stands for a secret.
const MASK: &str = "••••••";

/// The environments.
#[must_use]
pub fn environments(list: &[EnvironmentSummary], now_ms: u64) -> Table {
    let mut table = Table::new(&["NAME", "STATUS", "COE", "RESOURCES", "CREATED"]);
    for environment in list {
        table.row([
            Line::from(environment.name.as_str()),
            word(words::environment(environment.status)),
            or_dash(environment.coe.as_deref()),
            or_dash(Some(&environment.resources.join(", "))),
            Line::from(ago(&environment.created_at, now_ms)),
        ]);
    }
    table
}

/// An environment.
#[must_use]
pub fn environment(of: &Environment) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("name", Line::new().styled(style::STRONG, of.name.as_str()));
    fields.field("status", word(words::environment(of.status)));
    for (cloud, binding) in &of.bindings {
        let region = binding.region.as_ref().map_or_else(String::new, |region| format!(", {region}"));
        fields.field(cloud, format!("account {}{region}", binding.account));
    }
    if of.protected {
        fields.field("protected", "yes: cld env protect NAME --off allows deleting it");
    }
    let applications: Vec<&str> = of.applications.iter().map(cloudark_api::ids::Name::as_str).collect();
    fields.field("applications", or_dash(Some(&applications.join(", "))));
    fields.field("created", moment(&of.created_at));
    fields.field("updated", moment(&of.updated_at));
    if let Some(operation) = &of.operation {
        fields.field("operation", operation.to_string());
    }
    let mut lines = fields.lines(None);
    if !of.pieces.is_empty() {
        lines.push(Line::new());
        lines.extend(pieces(&of.pieces));
    }
    lines
}

/// Pieces, each with its outputs.
#[must_use]
pub fn pieces(list: &[PieceView]) -> Vec<Line> {
    let mut lines = Vec::new();
    for piece in list {
        let (color, status) = words::piece(piece.status);
        let heading = Line::new().styled(style::STRONG, &piece.name).plain("  ").styled(color, status);
        let mut kind = format!("{} on {}", piece.kind, piece.cloud);
        if piece.name == piece.kind {
            kind = format!("on {}", piece.cloud);
        }
        lines.push(heading.plain("  ").styled(style::FAINT, kind));
        let mut fields = Table::bare();
        if let Some(id) = &piece.cloud_id {
            fields.field("  id", id.as_str());
        }
        if !piece.summary.is_empty() {
            fields.field("  summary", piece.summary.as_str());
        }
        if let Some(problem) = &piece.problem {
            fields.field("  problem", Line::new().styled(style::BAD, problem));
        }
        if let Some(drift) = &piece.drift {
            fields.field("  drift", Line::new().styled(style::WARN, drift));
        }
        add_outputs(&mut fields, "  ", &piece.outputs);
        lines.extend(fields.lines(None));
    }
    lines
}

fn add_outputs<'a>(fields: &mut Table, indent: &str, outputs: impl IntoIterator<Item = &'a Output>) {
    for output in outputs {
        fields.field(&format!("{indent}{}", output.name), value(output));
    }
}

fn value(output: &Output) -> Line {
    match &output.value {
        Some(value) if output.secret => Line::new().styled(style::WARN, value),
        Some(value) => Line::from(value.as_str()),
        None if output.secret => Line::new().styled(style::FAINT, MASK),
        None => or_dash(None),
    }
}

/// Pieces as a list; with the environment of each when they are of several.
#[must_use]
pub fn piece_list<'a>(list: impl IntoIterator<Item = (&'a str, &'a PieceView)>) -> Table {
    let mut table = Table::new(&["ENVIRONMENT", "NAME", "KIND", "CLOUD", "STATUS", "SUMMARY"]);
    for (environment, piece) in list {
        let note = piece.problem.as_deref().or(piece.drift.as_deref()).unwrap_or(&piece.summary);
        table.row([
            Line::from(environment),
            Line::from(piece.name.as_str()),
            Line::from(piece.kind.as_str()),
            Line::from(piece.cloud.as_str()),
            word(words::piece(piece.status)),
            or_dash(Some(note)),
        ]);
    }
    table
}

/// The applications.
#[must_use]
pub fn applications(list: &[Application], now_ms: u64) -> Table {
    let mut table = Table::new(&["NAME", "ENVIRONMENT", "STATUS", "IMAGE", "UPDATED", "URL"]);
    for application in list {
        table.row([
            Line::from(application.name.as_str()),
            Line::from(application.environment.as_str()),
            word(words::application(application.status)),
            or_dash(application.image.as_deref()),
            Line::from(ago(&application.updated_at, now_ms)),
            or_dash(application.url.as_deref()),
        ]);
    }
    table
}

/// An application.
#[must_use]
pub fn application(of: &Application) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("name", Line::new().styled(style::STRONG, of.name.as_str()));
    fields.field("environment", of.environment.as_str());
    fields.field("status", word(words::application(of.status)));
    if let Some(problem) = &of.problem {
        fields.field("problem", Line::new().styled(style::BAD, problem));
    }
    if !of.summary.is_empty() {
        fields.field("summary", of.summary.as_str());
    }
    fields.field("url", or_dash(of.url.as_deref()));
    fields.field("image", or_dash(of.image.as_deref()));
    if let Some(attempted) = of.attempted_image.as_deref().filter(|attempted| Some(*attempted) != of.image.as_deref()) {
        fields.field("tried", Line::new().styled(style::WARN, attempted));
    }
    // What its COE says again is not shown again.
    let shown = ["environment", "url", "image"];
    let more = of.outputs.iter().filter(|output| !shown.contains(&output.name.to_lowercase().as_str()));
    add_outputs(&mut fields, "", more);
    fields.field("created", moment(&of.created_at));
    fields.field("updated", moment(&of.updated_at));
    if let Some(operation) = &of.operation {
        fields.field("operation", operation.to_string());
    }
    fields.lines(None)
}

/// Operations, the newest last: where the eye is when a long list has scrolled by.
#[must_use]
pub fn operations(list: &[Operation], now_ms: u64) -> Table {
    let mut ordered: Vec<&Operation> = list.iter().collect();
    ordered.sort_by(|a, b| a.id.cmp(&b.id));
    let mut table = Table::new(&["ID", "WHAT", "ENVIRONMENT", "APPLICATION", "STATUS", "BEGAN", "TOOK"]);
    for operation in ordered {
        table.row([
            Line::from(operation.id.to_string()),
            Line::from(words::kind(operation.kind)),
            Line::from(operation.environment.as_str()),
            or_dash(operation.application.as_ref().map(cloudark_api::ids::Name::as_str)),
            word(words::operation(operation.status)),
            Line::from(ago(&operation.created_at, now_ms)),
            or_dash(took(operation, now_ms).as_deref()),
        ]);
    }
    table
}

fn took(operation: &Operation, now_ms: u64) -> Option<String> {
    let start = parse_ms(&operation.created_at)?;
    let end = operation.ended_at.as_deref().and_then(parse_ms).unwrap_or(now_ms);
    Some(elapsed(end.saturating_sub(start)))
}

/// An operation: its fields, its tree, and why it failed.
#[must_use]
pub fn operation(of: &Operation, now_ms: u64, width: usize) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("operation", Line::new().styled(style::STRONG, of.id.to_string()));
    fields.field("what", words::kind(of.kind));
    fields.field("environment", of.environment.as_str());
    if let Some(application) = &of.application {
        fields.field("application", application.as_str());
    }
    fields.field("status", word(words::operation(of.status)));
    if of.cancel_requested {
        fields.field("cancel", "asked for");
    }
    fields.field("began", moment(&of.created_at));
    fields.field("ended", or_dash(of.ended_at.as_deref().map(moment).as_deref()));
    let mut lines = fields.lines(None);
    lines.push(Line::new());
    lines.extend(Progress::new(of.clone()).frame(now_ms, width, usize::MAX));
    if !of.errors.is_empty() {
        lines.push(Line::new());
    }
    for error in &of.errors {
        let heading = Line::new().styled(style::BAD, "✗ ").styled(style::STRONG, &error.task);
        lines.push(heading.plain(format!(" ({}): {}", error.kind, error.message)));
    }
    if of.can_retry {
        lines.push(Line::new().styled(style::FAINT, format!("  → go on with it: cld op retry {}", of.id)));
    }
    lines
}

/// What an update would do.
#[must_use]
pub fn plan(of: &EnvironmentPlan) -> Vec<Line> {
    let mut lines = Vec::new();
    for step in of.steps.iter().filter(|step| step.action != PlannedAction::Keep) {
        let (color, sign, action) = words::planned(step.action);
        let line = Line::new().styled(color, format!("{sign} {action:<8}")).styled(style::STRONG, &step.piece);
        lines.push(line.plain(" ").styled(style::FAINT, format!("({})", step.kind)));
        for change in &step.changes {
            let line = Line::new().plain("    ").plain(&change.pointer).plain(": ");
            lines.push(line.styled(style::FAINT, &change.before).plain(" → ").styled(color, &change.after));
        }
    }
    let count = |action| of.steps.iter().filter(|step| step.action == action).count();
    let counts: Vec<String> = [
        PlannedAction::Create,
        PlannedAction::Update,
        PlannedAction::Replace,
        PlannedAction::Delete,
        PlannedAction::Keep,
    ]
    .into_iter()
    .filter(|action| count(*action) > 0)
    .map(|action| format!("{} to {}", count(action), words::planned(action).2))
    .collect();
    if lines.is_empty() {
        lines.push(Line::from("nothing would change"));
    } else {
        lines.push(Line::new().styled(style::FAINT, counts.join(", ")));
    }
    lines
}

#[cfg(test)]
#[path = "describe_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
