//! What lists and single things look like.

use cloudark_api::application::ApplicationStatus;
use cloudark_api::environment::{Binding, EnvironmentStatus, PlannedChange, PlannedStep};
use cloudark_api::ids::{EnvironmentId, OperationId};
use cloudark_api::operation::{OperationKind, OperationStatus, TaskError, TaskStatus, TaskView};
use cloudark_api::resource::PieceStatus;

use super::*;

const NOON: &str = "2026-01-31T12:00:00Z";

fn text(lines: Vec<Line>) -> String {
    lines.iter().map(|line| format!("{}\n", line.to_plain())).collect()
}

fn now() -> u64 {
    parse_ms("2026-01-31T12:05:00Z").unwrap()
}

fn output(name: &str, value: Option<&str>, secret: bool) -> Output {
    Output { name: name.into(), value: value.map(str::to_owned), secret }
}

fn db() -> PieceView {
    PieceView {
        piece: "resource/db".into(),
        name: "db".into(),
        kind: "rds".into(),
        cloud: "aws".into(),
        status: PieceStatus::Degraded,
        cloud_id: Some("wp-db-1a2b".into()),
        outputs: vec![
            output("Address", Some("wp-db-1a2b.rds.amazonaws.com"), false),
            output("MasterUserPassword", None, true),
            output("Port", None, false),
        ],
        summary: "mysql 8.0, db.t3.micro".into(),
        problem: Some("RDS refused ModifyDBInstance (StorageFull)".into()),
        drift: Some("AllocatedStorage is 40, not 20".into()),
    }
}

fn wp() -> Environment {
    let binding = Binding { account: "123456789012".into(), region: Some("eu-west-1".into()) };
    let cluster = PieceView {
        piece: "cluster".into(),
        name: "ecs-cluster".into(),
        kind: "ecs-cluster".into(),
        status: PieceStatus::Ready,
        outputs: vec![],
        problem: None,
        drift: None,
        summary: String::new(),
        ..db()
    };
    Environment {
        id: EnvironmentId("01env".into()),
        name: "wp".parse().unwrap(),
        status: EnvironmentStatus::Degraded,
        file: String::new(),
        bindings: [("aws".to_owned(), binding)].into(),
        created_at: NOON.into(),
        updated_at: "2026-01-31T12:01:02.5Z".into(),
        operation: Some(OperationId("01op".into())),
        protected: true,
        pieces: vec![cluster, db()],
        applications: vec!["web".parse().unwrap(), "api".parse().unwrap()],
    }
}

fn web() -> Application {
    Application {
        name: "web".parse().unwrap(),
        environment: "wp".parse().unwrap(),
        status: ApplicationStatus::Available,
        image: Some("nginx:1.29".into()),
        attempted_image: None,
        url: Some("http://web-1.elb.amazonaws.com".into()),
        outputs: vec![output("token", None, true)],
        summary: "2 of 2 tasks run".into(),
        problem: None,
        file: String::new(),
        created_at: NOON.into(),
        updated_at: NOON.into(),
        operation: None,
    }
}

fn failed() -> Operation {
    let task = |number, title: &str, status, rollback| TaskView {
        number,
        title: title.into(),
        piece: String::new(),
        action: if rollback { "delete" } else { "create" }.into(),
        status,
        note: if status == TaskStatus::Failed { "quota exceeded".into() } else { String::new() },
        started_ms: parse_ms(NOON),
        ended_ms: parse_ms("2026-01-31T12:00:04Z"),
        rollback,
    };
    Operation {
        id: OperationId("01kexample".into()),
        kind: OperationKind::CreateEnvironment,
        environment: "wp".parse().unwrap(),
        application: None,
        status: OperationStatus::Failed,
        tasks: vec![
            task(1, "aws foundation", TaskStatus::Done, false),
            task(2, "rds db", TaskStatus::Failed, false),
            task(3, "aws foundation", TaskStatus::Done, true),
        ],
        errors: vec![TaskError {
            task: "rds db".into(),
            kind: "permanent".into(),
            message: "creating rds \"db\" in wp: AWS refused CreateDBInstance (InstanceQuotaExceeded)".into(),
        }],
        created_at: NOON.into(),
        ended_at: Some("2026-01-31T12:00:09Z".into()),
        cancel_requested: false,
        can_retry: true,
    }
}

#[test]
fn an_environment_shows_its_pieces_and_masks_secrets() {
    insta::assert_snapshot!(text(environment(&wp())));
}

#[test]
fn a_revealed_secret_is_shown() {
    let piece = PieceView { outputs: vec![output("Password", Some("s3cret"), true)], ..db() };
    assert!(text(pieces(&[piece])).contains("Password  s3cret"));
}

#[test]
fn lists_are_tables() {
    let summary = |name: &str, coe: Option<&str>, resources: &[&str]| EnvironmentSummary {
        id: EnvironmentId("01env".into()),
        name: name.parse().unwrap(),
        status: EnvironmentStatus::Available,
        coe: coe.map(str::to_owned),
        resources: resources.iter().map(|&r| r.to_owned()).collect(),
        created_at: NOON.into(),
    };
    let summaries = [summary("wp", Some("ecs"), &["db", "cache"]), summary("data-only", None, &["db"])];
    let cut = Application { status: ApplicationStatus::Deploying, url: None, image: None, ..web() };
    let mut seen = text(environments(&summaries, now()).lines(None));
    seen += "\n";
    seen += &text(applications(&[web(), cut], now()).lines(None));
    seen += "\n";
    seen += &text(piece_list([("wp", &db())]).lines(None));
    seen += "\n";
    let running =
        Operation { id: OperationId("00older".into()), ended_at: None, status: OperationStatus::Running, ..failed() };
    seen += &text(operations(&[failed(), running], now()).lines(None));
    insta::assert_snapshot!(seen);
}

#[test]
fn an_application_shows_where_it_is() {
    insta::assert_snapshot!(text(application(&web())));
}

#[test]
fn an_operation_shows_why_it_failed_and_what_was_taken_back() {
    insta::assert_snapshot!(text(operation(&failed(), now(), 100)));
}

#[test]
fn a_plan_shows_what_changes_and_counts_what_does_not() {
    let step = |piece: &str, kind: &str, action, changes: &[(&str, &str, &str)]| PlannedStep {
        piece: piece.into(),
        kind: kind.into(),
        action,
        changes: changes
            .iter()
            .map(|(pointer, before, after)| PlannedChange {
                pointer: (*pointer).into(),
                before: (*before).into(),
                after: (*after).into(),
            })
            .collect(),
    };
    let steps = vec![
        step("foundation/aws", "aws", PlannedAction::Keep, &[]),
        step("resource/db", "rds", PlannedAction::Update, &[("/flavor", "db.t3.micro", "db.t3.small")]),
        step("resource/old", "rds", PlannedAction::Delete, &[]),
        step("resource/new", "rds", PlannedAction::Replace, &[("/engine", "mysql", "postgres")]),
    ];
    let nothing = EnvironmentPlan { steps: steps[..1].to_vec(), diagnostics: vec![] };
    let seen = text(plan(&EnvironmentPlan { steps, diagnostics: vec![] }));
    insta::assert_snapshot!(seen + "\n" + &text(plan(&nothing)));
}
