//! `cld server …`, with a program in the place of the server that only says where the fake one listens.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::fake::{Answer, PROGRAMS, Ran, World, page};
use serde_json::{Value, json};

/// A world with an installation: `cld`, a `cloudarkd` that does this, and a bundled extension.
struct Installed {
    world: World,
    cld: PathBuf,
}

impl Installed {
    fn new(server: &str) -> Self {
        let world = World::new();
        let bin = world.home.path().join("bin");
        fs::create_dir_all(bin.join("extensions")).unwrap();
        let _alone = PROGRAMS.lock();
        fs::copy(env!("CARGO_BIN_EXE_cld"), bin.join("cld")).unwrap();
        let script = bin.join("cloudarkd");
        fs::write(&script, format!("#!/bin/sh\n{server}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(bin.join("extensions/nimbus.wasm"), "\0asm").unwrap();
        world.on("GET", "/v1/extensions", page(json!([])));
        Self { cld: bin.join("cld"), world }
    }

    fn run(&self, line: &str) -> Ran {
        let mut command = Command::new(&self.cld);
        command.args(line.split(' ')).env_clear().env("HOME", self.world.home.path()).env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = {
            let _alone = PROGRAMS.lock();
            command.spawn().unwrap()
        };
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Says that the process of `server.json` serves.
    fn answers_as_recorded(&self) -> u64 {
        let text = fs::read_to_string(self.world.data().join("server.json")).unwrap();
        let pid = serde_json::from_str::<Value>(&text).unwrap()["pid"].as_u64().unwrap();
        let status = json!({
            "version": "0.1.0", "pid": pid, "data_dir": "/data", "incarnation": 3, "running_operations": 1,
            "waiting_tasks": 2, "live_instances": 0, "store_fault": null,
        });
        self.world.on("GET", "/v1/server", Answer::Json(200, status));
        pid
    }
}

/// Writes its own process id where the fake server's was, and lives until it is ended.
fn sleeper() -> String {
    "sed \"s/\\\"pid\\\":[0-9]*/\\\"pid\\\":$$/\" \"$2/server.json\" > \"$2/new\" && mv \"$2/new\" \"$2/server.json\"\n\
     echo \"started with $*\"\n\
     exec sleep 600"
        .to_owned()
}

fn extension(digest: &str) -> Value {
    json!({
        "name": "nimbus", "version": "1.0.0", "cloud": "nimbus", "summary": "Nimbus", "digest": digest, "kinds": [],
        "exports": [], "installed_at": "", "grants": [], "settings": [], "credentials": [],
    })
}

fn inspection(replaces: Option<&str>, wider: &[&str]) -> Answer {
    Answer::Json(
        200,
        json!({
            "extension": extension("sha256:1"), "asks": ["call https://nimbus.example"], "grants_yaml": "",
            "replaces": replaces, "wider": wider,
        }),
    )
}

#[test]
fn a_server_is_started_gets_its_extensions_and_is_stopped() {
    let installed = Installed::new(&sleeper());
    let world = &installed.world;
    world.on("POST", "/v1/extensions:inspect", inspection(None, &[]));
    world.on("POST", "/v1/extensions", Answer::Json(200, extension("sha256:1")));
    let ran = installed.run("server start --listen 127.0.0.1:0 --timing-scale 0.01");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("the server listens at http://127.0.0.1:"), "{}", ran.err);
    assert!(
        ran.err.contains("call https://nimbus.example") && ran.err.contains("nimbus 1.0.0 is installed"),
        "{}",
        ran.err
    );
    assert_eq!(world.to("/v1/extensions").last().unwrap().query, "agree=sha256%3A1");
    let log = fs::read_to_string(world.data().join("server.log")).unwrap();
    assert!(log.contains("--listen 127.0.0.1:0 --timing-scale 0.01"), "{log}");

    let pid = installed.answers_as_recorded();
    let again = installed.run("server start");
    assert!(again.code == 0 && again.err.contains("already runs"), "{}", again.err);
    let status = installed.run("server status");
    assert!(status.code == 0 && status.out.contains("1 under way, 2 tasks waiting"), "{}", status.out);
    let refused = installed.run("server restore backup.redb");
    assert!(refused.code == 6 && refused.err.contains("cld server stop"), "{}", refused.err);

    let stopped = installed.run("server stop");
    assert!(stopped.code == 0 && stopped.err.contains("has stopped"), "{}", stopped.err);
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    assert!(state.is_err() || state.unwrap().contains(") Z "));
}

#[test]
fn a_server_that_does_not_start_shows_its_last_words() {
    let installed = Installed::new("echo 'the store is locked by process 7' >&2; exit 1");
    let ran = installed.run("server start");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the server ended at once"), "{}", ran.err);
    assert!(ran.err.contains("the store is locked by process 7") && ran.err.contains("server.log"), "{}", ran.err);
}

#[test]
fn what_is_installed_is_not_installed_again() {
    let digest = "sha256:cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f";
    let installed = Installed::new(&sleeper());
    installed.answers_as_recorded();
    installed.world.replace("GET", "/v1/extensions", page(json!([extension(digest)])));
    let ran = installed.run("server start");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(installed.world.changes().is_empty());
}

#[test]
fn an_upgrade_that_asks_for_more_waits_for_the_operator() {
    let installed = Installed::new(&sleeper());
    installed.answers_as_recorded();
    installed.world.on("POST", "/v1/extensions:inspect", inspection(Some("0.9.0"), &["delete everything"]));
    let ran = installed.run("server start");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("+ delete everything") && ran.err.contains("cld extension install"), "{}", ran.err);
    assert_eq!(installed.world.changes().len(), 1);
}

#[test]
fn the_foreground_server_ends_as_it_ends() {
    let installed = Installed::new(&sleeper().replace("exec sleep 600", "sleep 0.3; exit 7"));
    installed.world.on("POST", "/v1/extensions:inspect", inspection(None, &[]));
    installed.world.on("POST", "/v1/extensions", Answer::Json(200, extension("sha256:1")));
    let ran = installed.run("server start --foreground");
    assert_eq!(ran.code, 7, "{}", ran.err);
    assert!(ran.out.contains("started with"), "{}", ran.out);
}

#[test]
fn a_backup_is_restored_by_the_servers_program() {
    let installed = Installed::new("echo \"$@\"; exit 0");
    fs::remove_file(installed.world.data().join("server.json")).unwrap();
    let backup = installed.world.file("backup.redb", "");
    let ran = installed.run(&format!("server restore {backup}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, format!("restore {backup} --data {}\n", installed.world.data().display()));
    assert_eq!(installed.run("server restore no-such-file").code, 2);
    let stopped = installed.run("server stop");
    assert!(stopped.code == 0 && stopped.err.contains("no server runs"), "{}", stopped.err);
}
