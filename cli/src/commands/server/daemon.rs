//! The server's process: found, started in the background, waited for, ended.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::server::Start;
use crate::client::Client;
use crate::client::address::DataDir;
use crate::commands::external::in_path;
use crate::exit::{Exit, Failure};

/// The server's program.
const PROGRAM: &str = "cloudarkd";

/// How long a server may take to answer: it recovers its operations first.
const READY: Duration = Duration::from_secs(60);

/// How much of the log is shown when a server does not start, in bytes.
const TAIL: u64 = 4096;

/// A started server.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Option<PathBuf>,
}

/// Where a server in the background writes.
#[must_use]
pub fn log_path(data: &DataDir) -> PathBuf {
    data.path().join("server.log")
}

/// Beside this program, else in PATH.
fn program() -> Result<PathBuf, Failure> {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join(PROGRAM)));
    beside.filter(|path| path.is_file()).or_else(|| in_path(PROGRAM.as_ref())).ok_or_else(|| Failure::Known {
        exit: Exit::Failed,
        what: format!("{PROGRAM} is neither beside cld nor in PATH"),
        next: Some("install it there".to_owned()),
    })
}

impl Daemon {
    /// Starts it: detached with a log file, or with this terminal.
    ///
    /// # Errors
    /// It is not there, or cannot be started.
    pub fn start(data: &DataDir, options: &Start) -> Result<Self, Failure> {
        let program = program()?;
        let folder = data.path();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|cause| Failure::local(format!("making {}", folder.display()), cause))?;
        let mut command = Command::new(&program);
        command.arg("--data").arg(folder).arg("--listen").arg(&options.listen);
        if let Some(scale) = options.timing_scale {
            command.arg("--timing-scale").arg(scale.to_string());
        }
        if let Some(config) = &options.config {
            command.arg("--config").arg(config);
        }
        let log = (!options.foreground).then(|| log_path(data));
        if let Some(path) = &log {
            let open = || -> io::Result<(fs::File, fs::File)> {
                let file = fs::File::options().create(true).append(true).mode(0o600).open(path)?;
                Ok((file.try_clone()?, file))
            };
            let (out, err) = open().map_err(|cause| Failure::local(format!("opening {}", path.display()), cause))?;
            // A group of its own: Ctrl-C here does not reach it.
            command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        }
        let starting = || format!("starting {}", program.display());
        let child = command.spawn().map_err(|cause| Failure::local(starting(), cause))?;
        Ok(Self { child, log })
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// It ends, with what it wrote last; or does not answer in time.
    pub async fn until_ready(&mut self, data: &DataDir, client: &Client) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Err(self.died(status));
            }
            let is_ours = data.running().is_some_and(|running| running.pid == self.child.id());
            if is_ours && client.is_up().await {
                return Ok(());
            }
            if began.elapsed() > READY {
                return Err(Failure::Known {
                    exit: Exit::Unreachable,
                    what: format!("the server (process {}) does not answer yet", self.child.id()),
                    next: self.log.as_ref().map(|path| format!("see {}", path.display())),
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stays until it ends. A Ctrl-C reaches it without us; a termination is passed on.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn until_end(mut self) -> Result<Exit, Failure> {
        let watching = |cause| Failure::local("watching for signals", cause);
        let mut interrupted = signal(SignalKind::interrupt()).map_err(watching)?;
        let mut terminated = signal(SignalKind::terminate()).map_err(watching)?;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(exit(status));
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                _ = interrupted.recv() => {}
                _ = terminated.recv() => terminate(self.child.id())?,
            }
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().map_err(|cause| Failure::local("waiting for the server", cause))
    }

    fn died(&self, status: ExitStatus) -> Failure {
        let last_words = self.log.as_deref().and_then(|path| tail(path).ok()).unwrap_or_default();
        let what = format!("the server ended at once ({status})");
        let log = self.log.as_ref().map(|path| format!("its log is {}", path.display()));
        let next: Vec<String> = last_words.lines().rev().take(5).map(str::to_owned).collect();
        let next: Vec<String> = next.into_iter().rev().chain(log).collect();
        Failure::Known { exit: Exit::Failed, what, next: (!next.is_empty()).then(|| next.join("\n")) }
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn exit(status: ExitStatus) -> Exit {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    match u8::try_from(code) {
        Ok(0) => Exit::Done,
        Ok(code) => Exit::Other(code),
        Err(_) => Exit::Failed,
    }
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// Asks a process to end in good order.
///
/// # Errors
/// It is another user's, or gone.
pub fn terminate(number: u32) -> Result<(), Failure> {
    let failed = |cause: io::Error| Failure::local(format!("stopping process {number}"), cause);
    let pid = pid(number).ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidInput)))?;
    kill_process(pid, Signal::TERM).map_err(|cause| failed(cause.into()))
}

/// Whether a process is there and has not ended. One that ended and that nobody has waited for (a container without
/// an init) has.
#[must_use]
pub fn is_alive(number: u32) -> bool {
    let Some(pid) = pid(number) else { return false };
    // `PID (NAME) STATE …`, where the name can have anything in it.
    let state = fs::read_to_string(format!("/proc/{number}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()));
    test_kill_process(pid).is_ok() && !matches!(state, Some('Z' | 'X'))
}

/// Puts a backup in the place of a store.
///
/// # Errors
/// The program is not there, or cannot be started.
pub fn restore(data: &DataDir, file: &Path) -> Result<Exit, Failure> {
    let program = program()?;
    let status = Command::new(&program)
        .arg("restore")
        .arg(file)
        .arg("--data")
        .arg(data.path())
        .status()
        .map_err(|cause| Failure::local(format!("running {}", program.display()), cause))?;
    Ok(exit(status))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_is_not_alive_even_unwaited() {
        assert!(is_alive(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        let ended = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !is_alive(child.id())
        });
        assert!(ended);
        child.wait().unwrap();
    }

    #[test]
    fn the_servers_code_is_passed_on() {
        assert_eq!(exit(ExitStatus::from_raw(0)), Exit::Done);
        assert_eq!(exit(ExitStatus::from_raw(3 << 8)), Exit::Other(3));
        assert_eq!(exit(ExitStatus::from_raw(15)), Exit::Other(143));
    }
}
