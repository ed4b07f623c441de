//! Requests, held to the vendor's own service models.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::relay::Passed;

/// A Python that has botocore: `CLOUDARK_PYTHON`, or the one that `cargo xtask test` installs. None, with a message,
/// where there is none; in CI there must be.
pub fn python() -> Option<PathBuf> {
    let given = std::env::var_os("CLOUDARK_PYTHON").map(PathBuf::from);
    let installed = crate::repository().join("target/python/bin/python");
    let found = given.or_else(|| installed.exists().then_some(installed));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "botocore is not installed: `cargo xtask test` installs it");
        eprintln!("skipped: no botocore here (`cargo xtask test` installs it, or set CLOUDARK_PYTHON)");
    }
    found
}

/// A request to AWS: which service its signature names, which operation its target, and its body.
pub fn request(service: &str, target: Option<&str>, body: &str) -> Value {
    json!({ "service": service, "target": target, "body": body })
}

/// A request that came by a relay.
pub fn of_passed(passed: &Passed) -> Value {
    let header = |name: &str| passed.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    // `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/rds/aws4_request, …`
    let service = header("authorization").and_then(|text| text.split('/').nth(3)).unwrap_or_default();
    request(service, header("x-amz-target"), &String::from_utf8_lossy(&passed.body))
}

/// What is wrong with these requests, a line each.
pub fn problems(python: &PathBuf, requests: &[Value]) -> Vec<String> {
    let mut child = Command::new(python)
        .arg(crate::repository().join("tests/src/shapes.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python is run");
    let text = Value::from(requests.to_vec()).to_string();
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop(), Some(format!("checked {}", requests.len())), "{lines:?}");
    lines
}
