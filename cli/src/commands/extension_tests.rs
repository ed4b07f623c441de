//! What an operator sees before agreeing.

use super::*;
use crate::exit::Exit;

fn inspection() -> Inspection {
    Inspection {
        extension: Extension {
            name: "cloudark-aws".into(),
            version: "0.2.0".into(),
            cloud: "aws".into(),
            summary: "Amazon Web Services".into(),
            digest: "sha256:0123".into(),
            kinds: vec![],
            exports: vec!["resource".into()],
            installed_at: String::new(),
            grants: vec![],
            settings: vec![],
            credentials: vec![],
        },
        asks: vec![
            "https://rds.*.amazonaws.com, signed by aws-sigv4 for rds: may read Describe*".into(),
            "https://rds.*.amazonaws.com, signed by aws-sigv4 for rds: may call CreateDBInstance, once".into(),
            "write\u{1b}[2Jlogs".into(),
        ],
        grants_yaml: String::new(),
        replaces: Some("0.1.0".into()),
        wider: vec!["delete load balancers".into()],
    }
}

#[test]
fn what_an_extension_asks_for_is_shown_before_it_is_installed() {
    let text: String = asked(&inspection()).iter().map(|line| line.to_plain() + "\n").collect();
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn grants_for_another_component_are_refused() {
    let grants = |text: &str| Source { name: "grants.yaml".into(), text: text.into() };
    assert!(must_speak_of(&grants("digest: sha256:0123\nhttp: []\n"), "sha256:0123").is_ok());
    assert!(must_speak_of(&grants("http: []\n"), "sha256:0123").is_ok());
    let other = must_speak_of(&grants("digest: sha256:9999\n"), "sha256:0123").unwrap_err();
    assert_eq!(other.exit(), Exit::Usage);
    assert!(must_speak_of(&grants("- a list\n"), "sha256:0123").is_err());
}
