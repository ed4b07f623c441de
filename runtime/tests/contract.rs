//! The contract stays compatible with its last published form.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use wit_component::semver_check;
use wit_parser::{Resolve, WorldId};

/// The contract of a folder as one text, under a version of its own so that two can be told apart.
fn contract(folder: &Path, version: &str) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    let mut text = format!("package cloudark:extension@{version};\n");
    for file in files {
        let content = std::fs::read_to_string(file).unwrap();
        for line in content.lines().filter(|line| !line.starts_with("package ")) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn world(resolve: &mut Resolve, name: &str, text: &str) -> WorldId {
    let package = resolve.push_str(format!("{name}.wit"), text).unwrap();
    resolve.select_world(&[package], Some("contract")).unwrap()
}

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

fn last_published() -> PathBuf {
    let folders = std::fs::read_dir(wit().join("published")).unwrap();
    let mut versions: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    versions.sort();
    versions.pop().unwrap()
}

fn check(published: &str, present: &str) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let before = world(&mut resolve, "published", published);
    let now = world(&mut resolve, "present", present);
    semver_check(resolve, before, now).map_err(|error| format!("{error:#}"))
}

#[test]
fn what_was_built_against_the_published_contract_goes_on_working() {
    let published = contract(&last_published(), "0.1.0-published");
    let present = contract(&wit(), "0.1.0-present");
    check(&published, &present).unwrap();
}

#[test]
fn a_changed_record_is_noticed() {
    let published = contract(&last_published(), "0.1.0-published");
    let present = contract(&wit(), "0.1.0-present").replace("record denial {", "record denial { more: u32,");
    assert!(check(&published, &present).is_err());
}

#[test]
fn a_removed_import_is_noticed() {
    let published = contract(&last_published(), "0.1.0-published");
    let present = contract(&wit(), "0.1.0-present").replace("  tags: func() -> list<tuple<string, string>>;\n", "");
    assert!(check(&published, &present).is_err());
}
