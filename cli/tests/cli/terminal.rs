//! What a person at a terminal sees.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::fake::{Answer, PROGRAMS, World, page};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

/// `cld` on a terminal of 80 columns and 24 lines.
struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    screen: Screen,
}

impl Terminal {
    fn run(world: &World, line: &str) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave: OwnedFd = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let ends = || Stdio::from(slave.try_clone().unwrap());
        let mut command = world.command(&line.split(' ').collect::<Vec<_>>());
        command.env("TERM", "xterm").stdin(ends()).stdout(ends()).stderr(ends());
        let child = {
            let _alone = PROGRAMS.lock();
            command.spawn().unwrap()
        };
        let keyboard = File::from(master);
        let mut display = keyboard.try_clone().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = display.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, shown, screen: Screen::default() }
    }

    /// Waits until the screen shows this.
    fn until(&mut self, text: &str) {
        while !self.screen.text().contains(text) {
            let bytes = self.shown.recv_timeout(Duration::from_secs(10));
            self.screen.take(&bytes.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", self.screen.text())));
        }
    }

    fn write(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Waits for the end: its code, and what the screen shows then.
    fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap();
        while let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(300)) {
            self.screen.take(&bytes);
        }
        (code, self.screen.text())
    }
}

/// As much of a terminal as `cld` uses.
#[derive(Default)]
struct Screen {
    lines: Vec<String>,
    row: usize,
    unread: String,
    bytes: Vec<u8>,
}

impl Screen {
    fn text(&self) -> String {
        self.lines.join("\n")
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let Ok(text) = String::from_utf8(std::mem::take(&mut self.bytes)).map_err(|e| self.bytes = e.into_bytes())
        else {
            return;
        };
        self.unread.push_str(&text);
        let unread = std::mem::take(&mut self.unread);
        let mut rest = unread.as_str();
        while let Some(first) = rest.chars().next() {
            if self.lines.len() <= self.row {
                self.lines.resize(self.row + 1, String::new());
            }
            if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
                let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic()) else {
                    break;
                };
                let count = sequence[..end].parse().unwrap_or(0);
                match &sequence[end..=end] {
                    "A" => {
                        self.row -= count;
                        // What follows overwrites these lines from their beginning.
                        let from = self.row;
                        self.lines[from..].iter_mut().for_each(String::clear);
                    }
                    "J" => self.lines.truncate(self.row + 1),
                    _ => {}
                }
                rest = &sequence[end + 1..];
                continue;
            }
            match first {
                '\n' => self.row += 1,
                '\r' => {}
                '\u{1b}' => break,
                other => self.lines[self.row].push(other),
            }
            rest = &rest[first.len_utf8()..];
        }
        self.unread = rest.to_owned();
    }
}

fn operation(status: &str) -> Value {
    json!({
        "id": "01op", "kind": "create-environment", "environment": "wp", "application": null, "status": status,
        "tasks": [task("blocked", "", false)["task"]], "created_at": "2026-01-31T12:00:00Z", "ended_at": null,
        "cancel_requested": false, "can_retry": false, "errors": [],
    })
}

fn task(status: &str, note: &str, rollback: bool) -> Value {
    let ended = matches!(status, "done" | "failed").then_some(1_769_860_803_000_u64);
    json!({"event": "task", "task": {
        "number": if rollback { 2 } else { 1 }, "title": "store db", "piece": "resource/db",
        "action": if rollback { "delete" } else { "create" }, "status": status, "note": note,
        "started_ms": 1_769_860_801_000_u64, "ended_ms": ended, "rollback": rollback,
    }})
}

fn numbered(events: Vec<Value>) -> Vec<Value> {
    let number = |(at, mut event): (usize, Value)| {
        event["sequence"] = json!(at + 1);
        event["at_ms"] = json!(1_769_860_800_000_u64 + at as u64 * 1000);
        event
    };
    events.into_iter().enumerate().map(number).collect()
}

fn state(status: &str) -> Value {
    json!({"event": "operation", "status": status})
}

fn environment(applications: &[&str]) -> Answer {
    Answer::Json(
        200,
        json!({
            "id": "01env", "name": "wp", "status": "available", "file": "", "bindings": {}, "created_at": "",
            "updated_at": "", "operation": null, "protected": false, "applications": applications, "pieces": [{
                "piece": "resource/db", "name": "db", "kind": "store", "cloud": "nimbus", "status": "ready",
                "cloud_id": "store-1", "outputs": [], "summary": "",
            }],
        }),
    )
}

#[test]
fn an_operation_is_drawn_as_a_tree_with_its_rollback() {
    let world = World::new();
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    let events = numbered(vec![
        state("running"),
        task("running", "", false),
        task("failed", "nimbus refused", false),
        state("rolling-back"),
        task("done", "", true),
        state("failed"),
    ]);
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events, None));
    let (code, screen) = Terminal::run(&world, "op watch 01op").end();
    assert_eq!(code, 1, "{screen}");
    insta::assert_snapshot!(screen);
}

#[test]
fn an_interrupted_watch_leaves_the_operation_alone() {
    let world = World::new();
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    let events = numbered(vec![state("running"), task("waiting", "warming up", false)]);
    world.on("GET", "/v1/operations/01op/events", Answer::Hanging(events));
    let mut terminal = Terminal::run(&world, "op watch 01op");
    terminal.until("warming up");
    terminal.interrupt();
    let (code, screen) = terminal.end();
    assert_eq!(code, 130);
    assert!(screen.contains("watch it again with: cld op watch 01op"), "{screen}");
    assert!(world.changes().is_empty());
}

#[test]
fn deleting_an_environment_asks_for_its_name() {
    let world = World::new();
    world.on("GET", "/v1/environments/wp", environment(&[]));
    world.on(
        "GET",
        "/v1/kinds",
        page(json!([{
            "name": "store", "cloud": "nimbus", "role": "resource", "summary": "", "config_schema": {},
            "outputs_schema": {}, "holds_data": true, "host_ports_collide": false,
        }])),
    );
    world.on("DELETE", "/v1/environments/wp", Answer::Json(202, json!({"operation": "01op"})));
    let mut terminal = Terminal::run(&world, "env delete wp --detach");
    terminal.until("store db (store-1)  with its data");
    terminal.until("write the environment's name (wp):");
    terminal.write("no\n");
    assert_eq!(terminal.end().0, 7);
    assert!(world.changes().is_empty());
    let mut terminal = Terminal::run(&world, "env delete wp --detach");
    terminal.until("name (wp):");
    terminal.write("wp\n");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn deleting_under_applications_is_refused_before_anybody_is_asked() {
    let world = World::new();
    world.on("GET", "/v1/environments/wp", environment(&["web"]));
    let (code, screen) = Terminal::run(&world, "env delete wp").end();
    assert_eq!(code, 6);
    assert!(screen.contains("applications run on environment \"wp\": web"), "{screen}");
}
