//! Files of the original, where they are at hand, work unmodified; so do those in the documentation.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use super::fixtures::{kinds, lines};
use super::{application, environment};

/// Files of the original, beside the project's folder; none elsewhere.
fn examples() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/examples");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "yaml") {
                found.push((file.path(), std::fs::read_to_string(file.path()).unwrap()));
            }
        }
    }
    if found.is_empty() {
        println!("skipped: the original's examples are not here");
    }
    found
}

#[test]
fn every_environment_file_of_the_original_is_valid() {
    for (path, text) in examples().into_iter().filter(|(_, text)| text.starts_with("environment:")) {
        let parsed = environment::parse(&text, &kinds());
        assert!(
            parsed.diagnostics.is_empty() && parsed.value.is_some(),
            "{}:\n{}",
            path.display(),
            lines(&parsed.diagnostics)
        );
    }
}

#[test]
fn every_application_file_of_the_original_is_valid() {
    for (path, text) in examples().into_iter().filter(|(_, text)| text.starts_with("app:")) {
        let parsed = application::parse(&text);
        assert!(
            parsed.diagnostics.is_empty() && parsed.value.is_some(),
            "{}:\n{}",
            path.display(),
            lines(&parsed.diagnostics)
        );
    }
}

#[test]
fn a_manifest_is_told_apart_from_a_mistake() {
    for (path, text) in examples().into_iter().filter(|(_, text)| text.contains("apiVersion:")) {
        let parsed = application::parse(&text);
        let help = parsed.diagnostics.first().and_then(|found| found.help.clone()).unwrap_or_default();
        assert!(help.contains("Kubernetes manifest"), "{}", path.display());
    }
}

#[test]
fn the_documented_examples_are_valid() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/files.md");
    let page = std::fs::read_to_string(page).unwrap();
    let examples = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for text in examples {
        let diagnostics = match text.starts_with("app:") {
            true => application::parse(text).diagnostics,
            false => environment::parse(text, &kinds()).diagnostics,
        };
        assert!(diagnostics.is_empty(), "{text}\n{}", lines(&diagnostics));
        count += 1;
    }
    assert_eq!(count, 2, "both formats are shown");
}
