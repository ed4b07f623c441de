//! A `cloudarkd` process with a data folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;

/// A server under test. Dropping it kills it; its data folder goes with the test's.
pub struct Server {
    child: Option<Child>,
    pub data: PathBuf,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    /// What a shell does before it becomes the server: limits of the process, signals that it ignores.
    pub through: Option<String>,
}

impl Server {
    /// A server on this data folder, with time a thousand times as fast; not started.
    pub fn new(data: &Path) -> Self {
        Self {
            child: None,
            data: data.to_owned(),
            environment: Vec::new(),
            arguments: vec!["--timing-scale".to_owned(), "0.001".to_owned()],
            through: None,
        }
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) -> Client {
        match self.try_start().await {
            Ok(client) => client,
            Err(reason) => panic!("cloudarkd does not start: {reason}\n{}", self.log()),
        }
    }

    /// Starts it; the error is how it ended instead of answering.
    pub async fn try_start(&mut self) -> Result<Client, String> {
        self.spawn();
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if let Some(status) = self.ended() {
                return Err(status.to_string());
            }
            if let Some(client) = Client::of(&self.data)
                && client.is_up().await
            {
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("it gives no answer within 60 s".to_owned())
    }

    /// Starts it, and waits for nothing.
    pub fn spawn(&mut self) {
        let _ = std::fs::remove_file(self.data.join("server.json"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file()).expect("the log opens");
        let program = crate::binary("cloudarkd");
        let mut command = match &self.through {
            None => Command::new(program),
            Some(shell) => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(program);
                command
            }
        };
        let child = command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .env_remove("HTTPS_PROXY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("cloudarkd is run");
        self.child = Some(child);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().expect("its status can be asked")
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until it has ended by itself.
    pub async fn wait_end(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            if let Some(status) = self.ended() {
                self.child = None;
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    fn log_file(&self) -> PathBuf {
        self.data.join("server.log")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
