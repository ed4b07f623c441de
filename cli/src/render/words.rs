//! The words and colours of states: one place, so that lists, trees and lines say the same.

use anstyle::Style;
use cloudark_api::application::ApplicationStatus;
use cloudark_api::environment::{EnvironmentStatus, PlannedAction};
use cloudark_api::operation::{OperationKind, OperationStatus, TaskStatus, TaskView};
use cloudark_api::resource::PieceStatus;

/// The colours.
pub mod style {
    use anstyle::{AnsiColor, Style};

    /// Headings and names.
    pub const STRONG: Style = Style::new().bold();
    /// What matters less.
    pub const FAINT: Style = Style::new().dimmed();
    /// Ready, done.
    pub const GOOD: Style = AnsiColor::Green.on_default();
    /// Under way.
    pub const BUSY: Style = AnsiColor::Cyan.on_default();
    /// Worth a look.
    pub const WARN: Style = AnsiColor::Yellow.on_default();
    /// Failed.
    pub const BAD: Style = AnsiColor::Red.on_default().bold();
}

/// A word and its colour.
pub type Word = (Style, &'static str);

/// How an environment is.
#[must_use]
pub fn environment(status: EnvironmentStatus) -> Word {
    match status {
        EnvironmentStatus::Creating => (style::BUSY, "creating"),
        EnvironmentStatus::Available => (style::GOOD, "available"),
        EnvironmentStatus::CreateFailed => (style::BAD, "create-failed"),
        EnvironmentStatus::Updating => (style::BUSY, "updating"),
        EnvironmentStatus::Degraded => (style::WARN, "degraded"),
        EnvironmentStatus::Deleting => (style::BUSY, "deleting"),
        EnvironmentStatus::DeleteFailed => (style::BAD, "delete-failed"),
    }
}

/// How an application is.
#[must_use]
pub fn application(status: ApplicationStatus) -> Word {
    match status {
        ApplicationStatus::Deploying => (style::BUSY, "deploying"),
        ApplicationStatus::Available => (style::GOOD, "available"),
        ApplicationStatus::DeployFailed => (style::BAD, "deploy-failed"),
        ApplicationStatus::Redeploying => (style::BUSY, "redeploying"),
        ApplicationStatus::Degraded => (style::WARN, "degraded"),
        ApplicationStatus::Deleting => (style::BUSY, "deleting"),
        ApplicationStatus::DeleteFailed => (style::BAD, "delete-failed"),
    }
}

/// How a piece is.
#[must_use]
pub fn piece(status: PieceStatus) -> Word {
    match status {
        PieceStatus::Creating => (style::BUSY, "creating"),
        PieceStatus::Ready => (style::GOOD, "ready"),
        PieceStatus::Updating => (style::BUSY, "updating"),
        PieceStatus::Degraded => (style::WARN, "degraded"),
        PieceStatus::Deleting => (style::BUSY, "deleting"),
        PieceStatus::Missing => (style::BAD, "missing"),
    }
}

/// How an operation is.
#[must_use]
pub fn operation(status: OperationStatus) -> Word {
    match status {
        OperationStatus::Queued => (style::FAINT, "queued"),
        OperationStatus::Running => (style::BUSY, "running"),
        OperationStatus::RollingBack => (style::WARN, "rolling back"),
        OperationStatus::Succeeded => (style::GOOD, "succeeded"),
        OperationStatus::Failed => (style::BAD, "failed"),
        OperationStatus::Cancelled => (style::WARN, "cancelled"),
    }
}

/// What an operation does: `create environment`.
#[must_use]
pub fn kind(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::CreateEnvironment => "create environment",
        OperationKind::UpdateEnvironment => "update environment",
        OperationKind::RefreshEnvironment => "refresh environment",
        OperationKind::DeleteEnvironment => "delete environment",
        OperationKind::DeployApplication => "deploy application",
        OperationKind::RedeployApplication => "redeploy application",
        OperationKind::DeleteApplication => "delete application",
    }
}

/// What an operation is about to do while it runs, and what it has done: `creating`, `available`.
#[must_use]
pub fn verb(kind: OperationKind) -> (&'static str, &'static str) {
    match kind {
        OperationKind::CreateEnvironment => ("creating", "available"),
        OperationKind::UpdateEnvironment => ("updating", "updated"),
        OperationKind::RefreshEnvironment => ("refreshing", "refreshed"),
        OperationKind::DeleteEnvironment | OperationKind::DeleteApplication => ("deleting", "deleted"),
        OperationKind::DeployApplication => ("deploying", "deployed"),
        OperationKind::RedeployApplication => ("redeploying", "redeployed"),
    }
}

/// The headline of an operation's tree: what it is doing at this moment, or how it ended.
#[must_use]
pub fn headline(of: OperationKind, status: OperationStatus) -> Word {
    let (doing, done) = verb(of);
    match status {
        OperationStatus::Running => (style::BUSY, doing),
        OperationStatus::Succeeded => (style::GOOD, done),
        OperationStatus::Queued
        | OperationStatus::RollingBack
        | OperationStatus::Failed
        | OperationStatus::Cancelled => operation(status),
    }
}

/// How a task is, in the words of what it does: `creating`, `ready`, `deleted`.
#[must_use]
pub fn task(view: &TaskView) -> Word {
    let (doing, done) = match view.action.as_str() {
        "create" => ("creating", "ready"),
        "prepare" => ("preparing", "ready"),
        "update" | "replace" => ("updating", "updated"),
        "delete" => ("deleting", "deleted"),
        "release" => ("releasing", "released"),
        "deploy" => ("deploying", "ready"),
        "redeploy" => ("redeploying", "ready"),
        "read" | "refresh" => ("reading", "read"),
        _ => ("running", "done"),
    };
    match view.status {
        TaskStatus::Blocked | TaskStatus::Ready => (style::FAINT, "pending"),
        TaskStatus::Running | TaskStatus::Waiting => (style::BUSY, doing),
        TaskStatus::Retrying => (style::WARN, "retrying"),
        TaskStatus::Done => (style::GOOD, done),
        TaskStatus::Failed => (style::BAD, "failed"),
        TaskStatus::Cancelled => (style::WARN, "cancelled"),
        TaskStatus::Skipped => (style::FAINT, "skipped"),
    }
}

/// What an update does to a piece: its sign and its word.
#[must_use]
pub fn planned(action: PlannedAction) -> (Style, &'static str, &'static str) {
    match action {
        PlannedAction::Create => (style::GOOD, "+", "create"),
        PlannedAction::Keep => (style::FAINT, " ", "keep"),
        PlannedAction::Update => (style::WARN, "~", "update"),
        PlannedAction::Replace => (style::BAD, "±", "replace"),
        PlannedAction::Delete => (style::BAD, "-", "delete"),
    }
}
