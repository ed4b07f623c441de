//! How journals are shown to people: a line an entry.

use cloudark_api::journal::{CallEffect, CallOutcome, JournalEntry, Recorded};
use cloudark_api::operation::TaskView;
use serde::Serialize;

use super::table::{Table, word};
use super::text::Line;
use super::time::{elapsed, stamp};
use super::words::{Word, style};

/// A task and what it has asked.
#[derive(Debug, Serialize)]
pub struct TaskJournal {
    /// The task.
    pub task: TaskView,
    /// Its journal.
    pub entries: Vec<JournalEntry>,
}

/// The journals of tasks, each under a heading.
#[must_use]
pub fn journals(of: &[TaskJournal], width: Option<usize>) -> Vec<Line> {
    let mut lines = Vec::new();
    for TaskJournal { task, entries } in of {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        let heading = Line::new().styled(style::STRONG, format!("{} {}", task.number, task.title));
        lines.push(heading.plain(" ").styled(style::FAINT, format!("({})", task.action)));
        if entries.is_empty() {
            lines.push(Line::new().styled(style::FAINT, "  it has asked nothing"));
            continue;
        }
        let mut table = Table::new(&["#", "AT", "EFFECT", "OUTCOME", "WHAT"]);
        for entry in entries {
            let (effect, outcome, what) = cells(&entry.what);
            table.row([
                Line::from(entry.position.to_string()),
                Line::from(stamp(entry.at_ms)),
                effect,
                outcome,
                Line::from(what),
            ]);
        }
        lines.extend(table.lines(width));
    }
    lines
}

/// Effect, outcome and what was asked.
fn cells(of: &Recorded) -> (Line, Line, String) {
    let dash = || Line::new().styled(style::FAINT, "-");
    match of {
        Recorded::Call { summary, effect: can, outcome: became, .. } => {
            (word(effect(*can)), word(outcome(*became)), summary.clone())
        }
        Recorded::Note { function, .. } => (dash(), dash(), function.clone()),
        Recorded::Wait { looks, since_ms, until_ms, note } => {
            let at_most = elapsed(until_ms.saturating_sub(*since_ms));
            let looks = if *looks == 1 { "looked once".to_owned() } else { format!("looked {looks} times") };
            let note = if note.is_empty() { String::new() } else { format!(": {note}") };
            (dash(), dash(), format!("waits for at most {at_most}, {looks}{note}"))
        }
        Recorded::Slept { until_ms, note } => (dash(), dash(), format!("waited until {}: {note}", stamp(*until_ms))),
    }
}

fn effect(of: CallEffect) -> Word {
    match of {
        CallEffect::Read => (style::FAINT, "read"),
        CallEffect::Idempotent => (style::BUSY, "idempotent"),
        CallEffect::Once => (style::BUSY, "once"),
    }
}

fn outcome(of: CallOutcome) -> Word {
    match of {
        CallOutcome::Open => (style::BUSY, "open"),
        CallOutcome::Performed => (style::GOOD, "performed"),
        CallOutcome::Answered => (style::WARN, "answered"),
        CallOutcome::NotPerformed => (style::WARN, "not-performed"),
        CallOutcome::Lost => (style::BAD, "lost"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use cloudark_api::operation::TaskStatus;
    use serde_json::Value;

    use super::*;

    fn task(number: u32, title: &str) -> TaskView {
        TaskView {
            number,
            title: title.into(),
            piece: "resource/db".into(),
            action: "create".into(),
            status: TaskStatus::Done,
            note: String::new(),
            started_ms: None,
            ended_ms: None,
            rollback: false,
        }
    }

    #[test]
    fn a_journal_says_call_by_call_what_was_asked_and_what_became_of_it() {
        let call = |effect, outcome| Recorded::Call {
            function: "http.send".into(),
            summary: "POST https://rds.eu-west-1.amazonaws.com CreateDBInstance".into(),
            effect,
            outcome,
            request: Value::Null,
            result: None,
        };
        let note = Recorded::Note { function: "operation.name".into(), request: Value::Null, result: Value::Null };
        let wait = Recorded::Wait { looks: 3, since_ms: 0, until_ms: 3_600_000, note: "database is creating".into() };
        let what = [
            note,
            call(CallEffect::Read, CallOutcome::Performed),
            call(CallEffect::Once, CallOutcome::Lost),
            wait,
            Recorded::Slept { until_ms: 60_000, note: "the group is in use".into() },
        ];
        let entries = (0..).zip(what).map(|(position, what)| JournalEntry { position, at_ms: 1_000, what }).collect();
        let of = [
            TaskJournal { task: task(0, "aws foundation"), entries: Vec::new() },
            TaskJournal { task: task(1, "rds db"), entries },
        ];
        let lines: Vec<String> = journals(&of, None).iter().map(Line::to_plain).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
