//! What is said before an environment goes.

use cloudark_api::environment::EnvironmentStatus;
use cloudark_api::extension::KindRole;
use cloudark_api::ids::EnvironmentId;
use cloudark_api::resource::{PieceStatus, PieceView};

use super::*;

fn kind(name: &str, holds_data: bool) -> Kind {
    Kind {
        name: name.into(),
        cloud: "aws".into(),
        role: KindRole::Resource,
        summary: String::new(),
        config_schema: serde_json::Value::Null,
        outputs_schema: serde_json::Value::Null,
        holds_data,
        host_ports_collide: false,
    }
}

fn piece(kind: &str, name: &str, id: Option<&str>) -> PieceView {
    PieceView {
        piece: format!("resource/{name}"),
        name: name.into(),
        kind: kind.into(),
        cloud: "aws".into(),
        status: PieceStatus::Ready,
        cloud_id: id.map(str::to_owned),
        outputs: vec![],
        summary: String::new(),
        problem: None,
        drift: None,
    }
}

fn wp() -> Environment {
    Environment {
        id: EnvironmentId("01env".into()),
        name: "wp".parse().unwrap(),
        status: EnvironmentStatus::Available,
        file: String::new(),
        bindings: BTreeMap::new(),
        created_at: String::new(),
        updated_at: String::new(),
        operation: None,
        protected: false,
        pieces: vec![piece("ecs-cluster", "ecs-cluster", None), piece("rds", "db", Some("wp-db-1"))],
        applications: vec!["web".parse().unwrap()],
    }
}

#[test]
fn what_holds_data_is_named_first() {
    let lines = doomed(&wp(), &[kind("rds", true), kind("ecs", false)]);
    let text: String = lines.iter().map(|line| line.to_plain() + "\n").collect();
    insta::assert_snapshot!(text);
}

#[test]
fn applications_and_protection_stop_a_delete_before_anybody_is_asked() {
    let refused = refuse(&wp(), false).unwrap_err();
    assert_eq!(refused.exit(), Exit::Conflict);
    assert_eq!(refused.to_string(), "applications run on environment \"wp\": web");
    assert!(refuse(&wp(), true).is_ok());
    let protected = Environment { protected: true, ..wp() };
    assert_eq!(refuse(&protected, true).unwrap_err().exit(), Exit::Conflict);
}
