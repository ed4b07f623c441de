//! The tree of an operation: [`Progress`] gathers its events, [`Progress::frame`] draws how it is at a moment, and
//! [`Progress::plain`] says in a line what an event changed. All of it is pure; `watch` does the drawing.

use std::collections::BTreeMap;

use cloudark_api::ids::OperationId;
use cloudark_api::operation::{Event, EventKind, Operation, TaskStatus, TaskView};

use super::text::Line;
use super::time::elapsed;
use super::words::{headline, style, task};

/// What is known of an operation.
#[derive(Debug)]
pub struct Progress {
    operation: Operation,
    tasks: BTreeMap<u32, TaskView>,
    last: u64,
    started_ms: Option<u64>,
    ended_ms: Option<u64>,
}

impl Progress {
    /// As the server told it.
    #[must_use]
    pub fn new(operation: Operation) -> Self {
        let tasks = operation.tasks.iter().map(|task| (task.number, task.clone())).collect();
        let started_ms = super::time::parse_ms(&operation.created_at);
        let ended_ms = operation.ended_at.as_deref().and_then(super::time::parse_ms);
        Self { operation, tasks, last: 0, started_ms, ended_ms }
    }

    /// Takes an event in; one that was seen before changes nothing.
    pub fn take(&mut self, event: &Event) {
        if event.sequence <= self.last {
            return;
        }
        self.last = event.sequence;
        match &event.what {
            EventKind::Operation { status } => {
                self.operation.status = *status;
                self.ended_ms = status.is_final().then_some(event.at_ms);
            }
            EventKind::Task { task } => {
                self.tasks.insert(task.number, task.clone());
            }
            EventKind::Call { .. } | EventKind::Log { .. } => {}
        }
    }

    /// The last event that was taken in.
    #[cfg(test)]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &OperationId {
        &self.operation.id
    }

    /// How the operation is.
    #[cfg(test)]
    pub fn status(&self) -> cloudark_api::operation::OperationStatus {
        self.operation.status
    }

    /// How long it took, or has taken.
    #[must_use]
    pub fn took(&self, now_ms: u64) -> u64 {
        self.started_ms.map_or(0, |start| self.ended_ms.unwrap_or(now_ms).saturating_sub(start))
    }

    fn subject(&self) -> &str {
        self.operation.application.as_ref().unwrap_or(&self.operation.environment).as_str()
    }

    /// `wp  creating  6.0s`
    #[must_use]
    pub fn headline(&self, now_ms: u64) -> Line {
        let (color, word) = headline(self.operation.kind, self.operation.status);
        let line = Line::new().styled(style::STRONG, self.subject()).plain("  ").styled(color, word);
        let line = line.plain("  ").styled(style::FAINT, elapsed(self.took(now_ms)));
        if self.operation.cancel_requested && !self.operation.status.is_final() {
            return line.plain("  ").styled(style::WARN, "cancelling");
        }
        line
    }

    /// The tree, cut to these columns and lines. A tree that is too tall keeps what is under way and what failed, and
    /// counts the rest.
    #[must_use]
    pub fn frame(&self, now_ms: u64, width: usize, height: usize) -> Vec<Line> {
        let (rollback, forward): (Vec<&TaskView>, Vec<&TaskView>) = self.tasks.values().partition(|t| t.rollback);
        // The headline, the word "rollback", and two lines that count what is left out.
        let room = height.saturating_sub(4).max(4);
        let share = if rollback.is_empty() { room } else { room / 2 };
        let columns = Columns::of(self.tasks.values());
        let mut lines = vec![self.headline(now_ms)];
        let forward = Branch::fitting(&forward, share);
        let has_rollback = !rollback.is_empty();
        lines.extend(forward.draw("", has_rollback, &columns, now_ms));
        if has_rollback {
            lines.push(Line::new().styled(style::FAINT, "└─ ").styled(style::WARN, "rollback"));
            lines.extend(Branch::fitting(&rollback, room.saturating_sub(share)).draw("   ", false, &columns, now_ms));
        }
        lines.into_iter().map(|line| line.trimmed().truncated(width)).collect()
    }

    /// What an event changed, as a line of its own; none where nothing visible did. Call before [`Progress::take`].
    #[must_use]
    pub fn plain(&self, event: &Event, verbose: bool) -> Option<Line> {
        if event.sequence <= self.last {
            return None;
        }
        let at = elapsed(self.started_ms.map_or(0, |start| event.at_ms.saturating_sub(start)));
        let line = Line::new().styled(style::FAINT, format!("{at:>7}  "));
        match &event.what {
            EventKind::Operation { status } => {
                let (color, word) = headline(self.operation.kind, *status);
                Some(line.styled(style::STRONG, self.subject()).plain("  ").styled(color, word))
            }
            EventKind::Task { task: view } => {
                let before = self.tasks.get(&view.number).filter(|_| self.last > 0);
                let same = before.is_some_and(|b| task(b) == task(view) && b.note == view.note);
                let silent = matches!(view.status, TaskStatus::Blocked | TaskStatus::Ready);
                if same || silent {
                    return None;
                }
                let (color, word) = task(view);
                let line = if view.rollback { line.styled(style::WARN, "rollback: ") } else { line };
                let line = line.styled(style::STRONG, &view.title).plain("  ").styled(color, word);
                Some(if view.note.is_empty() { line } else { line.plain("  ").plain(&view.note) })
            }
            EventKind::Call { task, summary, outcome, failed } if verbose || *failed => {
                let color = if *failed { style::WARN } else { style::FAINT };
                let line = line.styled(style::FAINT, format!("{}: ", self.title(*task)));
                Some(line.plain(summary).plain(" → ").styled(color, outcome))
            }
            EventKind::Log { task, level, message } if verbose || matches!(level.as_str(), "warn" | "error") => {
                let line = line.styled(style::FAINT, format!("{}: {level}: ", self.title(*task)));
                Some(line.plain(message))
            }
            EventKind::Call { .. } | EventKind::Log { .. } => None,
        }
    }

    fn title(&self, number: u32) -> String {
        self.tasks.get(&number).map_or_else(|| format!("task {number}"), |task| task.title.clone())
    }
}

/// Where the columns of all tasks begin.
struct Columns {
    stem: usize,
    title: usize,
    word: usize,
}

impl Columns {
    fn of<'a>(tasks: impl Iterator<Item = &'a TaskView>) -> Self {
        let mut columns = Self { stem: 3, title: 12, word: 9 };
        for view in tasks {
            // The rollback is drawn one stem further in; what is beside it lines up all the same.
            columns.stem = columns.stem.max(if view.rollback { 6 } else { 3 });
            columns.title = columns.title.max(Line::from(view.title.as_str()).width().min(40));
            columns.word = columns.word.max(task(view).1.len());
        }
        columns
    }
}

/// Tasks under one stem, and how many of them are left out for lack of room.
struct Branch<'a> {
    shown: Vec<&'a TaskView>,
    done: usize,
    pending: usize,
}

impl<'a> Branch<'a> {
    fn fitting(tasks: &[&'a TaskView], room: usize) -> Self {
        if tasks.len() <= room {
            return Self { shown: tasks.to_vec(), done: 0, pending: 0 };
        }
        let mut branch = Self { shown: Vec::new(), done: 0, pending: 0 };
        let weight = |status: TaskStatus| match status {
            TaskStatus::Failed | TaskStatus::Retrying => 0,
            TaskStatus::Running | TaskStatus::Waiting | TaskStatus::Cancelled => 1,
            TaskStatus::Done => 2,
            TaskStatus::Ready | TaskStatus::Blocked | TaskStatus::Skipped => 3,
        };
        let mut by_weight: Vec<&TaskView> = tasks.to_vec();
        by_weight.sort_by_key(|view| weight(view.status));
        let (shown, rest) = by_weight.split_at(room.min(by_weight.len()));
        branch.shown = shown.to_vec();
        branch.shown.sort_by_key(|view| view.number);
        branch.done = rest.iter().filter(|view| view.status == TaskStatus::Done).count();
        branch.pending = rest.len() - branch.done;
        branch
    }

    fn draw(&self, indent: &str, more_follows: bool, columns: &Columns, now_ms: u64) -> Vec<Line> {
        let hidden = self.done + self.pending;
        let last = self.shown.len().saturating_sub(1);
        let mut lines: Vec<Line> = self
            .shown
            .iter()
            .enumerate()
            .map(|(at, view)| {
                let stem = if at == last && hidden == 0 && !more_follows { "└─ " } else { "├─ " };
                row(indent, stem, view, columns, now_ms)
            })
            .collect();
        if hidden > 0 {
            let stem = if more_follows { "├─ " } else { "└─ " };
            let counted = format!("… {} done and {} others not shown", self.done, self.pending);
            lines.push(Line::new().styled(style::FAINT, format!("{indent}{stem}{counted}")));
        }
        lines
    }
}

fn row(indent: &str, stem: &str, view: &TaskView, columns: &Columns, now_ms: u64) -> Line {
    let (color, word) = task(view);
    let stem = format!("{indent}{stem}");
    let mut edge = columns.stem;
    let mut line =
        Line::new().styled(style::FAINT, &stem).then(Line::from(view.title.as_str()).truncated(columns.title));
    edge += columns.title + 2;
    line = line.padded_to(edge).styled(color, word);
    edge += columns.word + 2;
    let took = view.started_ms.map(|start| elapsed(view.ended_ms.unwrap_or(now_ms).saturating_sub(start)));
    line = line.padded_to(edge).styled(style::FAINT, format!("{:>7}", took.unwrap_or_default()));
    let note_style = if view.status == TaskStatus::Failed { style::BAD } else { anstyle::Style::new() };
    line.plain("   ").styled(note_style, &view.note)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
