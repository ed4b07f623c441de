//! How long the programs take to start.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cloudark_tests::server::Server;

use crate::row::{Aim, Row};
use crate::sample::{median, show};

const CLIENT_ROUNDS: usize = 50;
const SERVER_ROUNDS: usize = 15;

pub async fn rows() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::new(folder.path());
    let client = server.start().await;
    for wasm in [cloudark_tests::extension("aws"), cloudark_tests::guest("fixture"), cloudark_tests::guest("dumper")] {
        client.install(&wasm).await.ok();
    }
    server.kill();
    let version = median((0..CLIENT_ROUNDS).map(|_| version()).collect());
    let ready = median((0..SERVER_ROUNDS).map(|_| ready(folder.path())).collect());
    let row = |what, time: Duration, most| Row {
        what,
        measured: show(time),
        baseline: String::new(),
        value: Some(time.as_secs_f64() * 1e3),
        unit: " ms",
        aim: Aim::AtMost(most),
        below: Vec::new(),
    };
    vec![row("`cld --version`", version, 10.0), row("server start to ready, three compiled extensions", ready, 150.0)]
}

fn version() -> Duration {
    let start = Instant::now();
    let output = Command::new(cloudark_tests::binary("cld")).arg("--version").output().expect("cld runs");
    assert!(output.status.success());
    start.elapsed()
}

/// Until it says where it listens: everything is open by then.
fn ready(data: &Path) -> Duration {
    let start = Instant::now();
    let mut child = Command::new(cloudark_tests::binary("cloudarkd"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("cloudarkd runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let took = start.elapsed();
    assert!(line.starts_with("listening on "), "{line}");
    child.kill().expect("it ends");
    child.wait().expect("it ends");
    took
}
