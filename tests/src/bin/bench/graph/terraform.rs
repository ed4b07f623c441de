//! Terraform, where it is installed: as many `terraform_data` resources, which do nothing either.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Took;

/// Applies and destroys so many; none where there is no Terraform.
pub fn made(size: usize) -> Option<Took> {
    Command::new("terraform").arg("version").stdout(Stdio::null()).status().ok()?;
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("resource \"terraform_data\" \"many\" {{\n  count = {size}\n}}\n");
    std::fs::write(folder.path().join("main.tf"), file).expect("a file");
    run(folder.path(), &["init"]);
    let create = run(folder.path(), &["apply", "-auto-approve"]);
    let delete = run(folder.path(), &["destroy", "-auto-approve"]);
    Some(Took { create, delete })
}

fn run(folder: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let output = Command::new("terraform").args(arguments).arg("-no-color").current_dir(folder).output();
    let output = output.expect("terraform runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    start.elapsed()
}
