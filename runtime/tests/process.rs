//! The program `cloudarkd`: how it starts, what it says, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn cloudarkd(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudarkd"));
    command.arg("--data").arg(data).stderr(Stdio::null()).env_remove("CLOUDARK_HOME");
    command
}

/// A server that has said where it listens.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let mut child = cloudarkd(data).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_owned();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    fn is_healthy(&self) -> bool {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /v1/health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok")
    }

    /// The exit code, once it has ended by itself; none if a signal has ended it.
    fn end(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.stderr(Stdio::piped()).stdout(Stdio::null()).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{said}");
    said
}

#[test]
fn a_server_serves_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for signal in ["TERM", "INT"] {
        let server = Running::start(&data);
        assert!(server.is_healthy());
        assert!(data.join("server.json").exists());
        server.signal("HUP");
        assert!(server.is_healthy(), "a terminal that closes does not end it");
        server.signal(signal);
        assert_eq!(server.end(), Some(0), "{signal}");
        assert!(!data.join("server.json").exists());
    }
}

#[test]
fn a_killed_server_leaves_nothing_that_keeps_the_next_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for _ in 0..3 {
        let server = Running::start(&data);
        assert!(server.is_healthy());
        server.signal("KILL");
        assert_eq!(server.end(), None);
        assert!(data.join("server.json").exists(), "nobody was left to remove it");
    }
}

#[test]
fn a_second_server_is_told_who_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Running::start(&data);
    let said = refused(cloudarkd(&data).args(["--listen", "127.0.0.1:0"]));
    assert!(said.contains("in use by another server") && said.contains(&server.child.id().to_string()), "{said}");
    let said = refused(cloudarkd(&folder.path().join("other")).args(["--listen", &server.address]));
    assert!(said.contains(&server.address) && said.contains("--listen"), "{said}");
    assert!(server.is_healthy());
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, "limits:\n  live-cals: 7\n").unwrap();
    let said = refused(cloudarkd(&data).arg("--config").arg(&config));
    assert!(said.contains("live-cals") && said.contains("config.yaml"), "{said}");
    let said = refused(cloudarkd(&data).args(["--timing-scale", "0"]));
    assert!(said.contains("timing.scale"), "{said}");
    let said = refused(cloudarkd(&data).args(["--listen", "0.0.0.0:0"]));
    assert!(said.contains("hosts"), "{said}");
    let mut restore = Command::new(env!("CARGO_BIN_EXE_cloudarkd"));
    let said = refused(restore.arg("restore").arg(folder.path().join("no-backup")).arg("--data").arg(&data));
    assert!(said.contains("no-backup"), "{said}");
}
