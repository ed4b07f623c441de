//! How a rehearsal is shown to people: the tasks that would go another way, and how many would not.

use cloudark_api::extension::{Rehearsal, RehearsalDifference, RehearsedTask};

use super::text::Line;
use super::words::style;

/// Task by task where it goes another way, and a summary.
#[must_use]
pub fn rehearsal(of: &Rehearsal) -> Vec<Line> {
    let mut lines = Vec::new();
    for task in &of.tasks {
        if let Some(difference) = &task.difference {
            lines.extend(departing(task, difference));
        }
    }
    lines.push(summary(of));
    lines
}

/// Whether all tasks would go the same way.
#[must_use]
pub fn is_same(of: &Rehearsal) -> bool {
    of.tasks.iter().all(|task| task.difference.is_none())
}

fn departing(task: &RehearsedTask, difference: &RehearsalDifference) -> Vec<Line> {
    let heading = Line::new().styled(style::WARN, "≠ ").styled(style::STRONG, &task.title);
    let heading = heading.plain(format!(" ({}) ", task.action));
    let after =
        format!("operation {}, task {}, after {} calls that are the same", task.operation, task.number, task.same);
    let mut lines = vec![heading.styled(style::FAINT, after)];
    let mut say = |what: &str, text: &str| lines.push(Line::new().plain(format!("    {what:<9}")).plain(text));
    match (&difference.recorded, &difference.asked) {
        (Some(recorded), Some(asked)) => {
            say("it asked", recorded);
            say("now asks", asked);
        }
        (Some(recorded), None) => {
            say("it asked", recorded);
            say("now asks", "nothing more");
        }
        (None, Some(asked)) => {
            say("it ended", "here");
            say("now asks", asked);
        }
        (None, None) => {}
    }
    if let Some(end) = &difference.end {
        say("", end);
    }
    lines
}

fn summary(of: &Rehearsal) -> Line {
    let version = format!("{} {}", of.extension, of.version);
    let (all, other) = (of.tasks.len(), of.tasks.iter().filter(|task| task.difference.is_some()).count());
    let older = if of.is_cut { " (older ones were left out)" } else { "" };
    match (all, other) {
        (0, _) => Line::new().styled(style::WARN, format!("{version}: nothing that it could be held to is kept")),
        (_, 0) => Line::new().styled(style::GOOD, format!("{version} asks the same in all of {all} tasks{older}")),
        _ => Line::new().styled(style::WARN, format!("{version} goes another way in {other} of {all} tasks{older}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use cloudark_api::ids::OperationId;

    use super::*;

    fn task(number: u32, difference: Option<(Option<&str>, Option<&str>, Option<&str>)>) -> RehearsedTask {
        RehearsedTask {
            operation: OperationId("01op".into()),
            number,
            title: "rds db".into(),
            action: "create".into(),
            same: 4,
            difference: difference.map(|(recorded, asked, end)| RehearsalDifference {
                position: 4,
                recorded: recorded.map(str::to_owned),
                asked: asked.map(str::to_owned),
                end: end.map(str::to_owned),
            }),
        }
    }

    fn of(tasks: Vec<RehearsedTask>) -> Rehearsal {
        let (extension, version) = ("cloudark-aws".into(), "0.2.0".into());
        Rehearsal { extension, version, digest: "sha256:1".into(), tasks, is_cut: false }
    }

    fn text(of: &Rehearsal) -> String {
        rehearsal(of).iter().map(|line| line.to_plain() + "\n").collect()
    }

    #[test]
    fn each_task_that_would_go_another_way_is_shown_with_both_calls() {
        let of = of(vec![
            task(1, None),
            task(2, Some((Some("http.send {\"size\":3}"), Some("http.send {\"size\":4}\u{1b}[2J"), None))),
            task(3, Some((Some("http.send {}"), None, Some("it would fail: no such size")))),
            task(4, Some((None, Some("operation.name [\"db\"]"), None))),
            task(5, Some((None, None, Some("it would crash: unreachable")))),
        ]);
        assert!(!is_same(&of));
        let text = text(&of);
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_same_is_said_in_a_line() {
        assert_eq!(text(&of(vec![task(1, None)])), "cloudark-aws 0.2.0 asks the same in all of 1 tasks\n");
        assert!(text(&of(vec![])).contains("nothing that it could be held to is kept"));
    }
}
