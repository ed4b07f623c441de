//! Frames of trees, as a user sees them.

use cloudark_api::ids::OperationId;
use cloudark_api::operation::{OperationKind, OperationStatus};

use super::*;

const START: u64 = 1_790_000_000_000;

fn view(number: u32, title: &str, status: TaskStatus, times: (u64, Option<u64>), note: &str) -> TaskView {
    TaskView {
        number,
        title: title.into(),
        piece: String::new(),
        action: "create".into(),
        status,
        note: note.into(),
        started_ms: (times.0 > 0).then(|| START + times.0),
        ended_ms: times.1.map(|end| START + end),
        rollback: false,
    }
}

fn creating(tasks: Vec<TaskView>) -> Progress {
    let mut progress = Progress::new(Operation {
        id: OperationId("01operation".into()),
        kind: OperationKind::CreateEnvironment,
        environment: "wp".parse().unwrap(),
        application: None,
        status: OperationStatus::Running,
        tasks,
        errors: vec![],
        created_at: String::new(),
        ended_at: None,
        cancel_requested: false,
        can_retry: false,
    });
    progress.started_ms = Some(START);
    progress
}

fn usual() -> Progress {
    creating(vec![
        view(1, "aws foundation", TaskStatus::Done, (1, Some(2_100)), "vpc-0a1, 2 subnets, 3 security groups"),
        view(2, "ecs cluster", TaskStatus::Done, (2_100, Some(5_500)), ""),
        view(3, "rds", TaskStatus::Waiting, (2_100, None), "database is backing-up"),
    ])
}

fn drawn(progress: &Progress, width: usize, height: usize) -> String {
    let frame = progress.frame(START + 8_100, width, height);
    frame.iter().map(|line| format!("{}\n", line.to_plain())).collect()
}

fn happened(progress: &mut Progress, what: EventKind) {
    let event = Event { sequence: progress.last() + 1, at_ms: START + 9_000, what };
    progress.take(&event);
}

#[test]
fn an_environment_is_drawn_while_it_is_made() {
    insta::assert_snapshot!(drawn(&usual(), 100, 24));
}

#[test]
fn a_narrow_terminal_cuts_notes() {
    insta::assert_snapshot!(drawn(&usual(), 48, 24));
}

#[test]
fn the_rollback_is_part_of_the_tree() {
    let mut progress = usual();
    let failed = view(3, "rds", TaskStatus::Failed, (2_100, Some(8_000)), "RDS reports failed");
    happened(&mut progress, EventKind::Task { task: failed });
    happened(&mut progress, EventKind::Operation { status: OperationStatus::RollingBack });
    for (number, title, status) in [
        (4, "rds", TaskStatus::Waiting),
        (5, "ecs cluster", TaskStatus::Done),
        (6, "aws foundation", TaskStatus::Blocked),
    ] {
        let mut task = view(number, title, status, (8_000, (number == 5).then_some(8_050)), "");
        if status == TaskStatus::Blocked {
            task.started_ms = None;
        }
        task.action = "delete".into();
        task.rollback = true;
        happened(&mut progress, EventKind::Task { task });
    }
    insta::assert_snapshot!(drawn(&progress, 100, 24));
}

#[test]
fn a_thousand_tasks_fit_the_terminal() {
    let tasks = (1..=1000).map(|number| match number {
        500 => view(500, "thing 500", TaskStatus::Failed, (1, Some(5)), "it broke"),
        1..=800 => view(number, &format!("thing {number}"), TaskStatus::Done, (1, Some(5)), ""),
        801..=804 => view(number, &format!("thing {number}"), TaskStatus::Running, (1, None), "working"),
        _ => view(number, &format!("thing {number}"), TaskStatus::Blocked, (0, None), ""),
    });
    let progress = creating(tasks.collect());
    assert!(progress.frame(START, 80, 12).len() < 12);
    insta::assert_snapshot!(drawn(&progress, 80, 12));
}

#[test]
fn an_event_that_was_seen_changes_nothing() {
    let mut progress = usual();
    happened(&mut progress, EventKind::Operation { status: OperationStatus::Succeeded });
    let again = Event { sequence: 1, at_ms: START, what: EventKind::Operation { status: OperationStatus::Running } };
    assert!(progress.plain(&again, true).is_none());
    progress.take(&again);
    assert_eq!(progress.status(), OperationStatus::Succeeded);
}

#[test]
fn plain_lines_tell_only_what_changed() {
    let mut progress = usual();
    let mut said = String::new();
    let waiting = view(3, "rds", TaskStatus::Waiting, (2_100, None), "database is modifying");
    let running = TaskView { status: TaskStatus::Running, ..waiting.clone() };
    let call = |failed| EventKind::Call {
        task: 3,
        summary: "POST https://rds.eu-west-1.amazonaws.com CreateDBInstance".into(),
        outcome: if failed { "400 Throttling".into() } else { "200".into() },
        failed,
    };
    let log = EventKind::Log { task: 3, level: "warn".into(), message: "t2.micro is retired\u{1b}[31m".into() };
    for what in [
        EventKind::Operation { status: OperationStatus::Running },
        EventKind::Task { task: waiting.clone() },
        EventKind::Task { task: running },
        call(false),
        call(true),
        log,
        EventKind::Task { task: view(3, "rds", TaskStatus::Done, (2_100, Some(9_000)), "mysql 8.0") },
        EventKind::Operation { status: OperationStatus::Succeeded },
    ] {
        let event = Event { sequence: progress.last() + 1, at_ms: START + 9_000, what };
        if let Some(line) = progress.plain(&event, false) {
            said.push_str(&line.to_plain());
            said.push('\n');
        }
        progress.take(&event);
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_stranger_cannot_draw_over_the_tree() {
    let progress =
        creating(vec![view(1, "evil\u{1b}[2J\u{1b}[1;1H", TaskStatus::Running, (1, None), "a\nb\r\u{1b}[Ac")]);
    let text = drawn(&progress, 80, 24);
    assert!(!text.contains(['\u{1b}', '\r']));
    assert_eq!(text.lines().count(), 2);
}
