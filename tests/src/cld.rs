//! The command line, as a user runs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Everything it wrote.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// That it ended with this code; its output.
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// What it wrote, as one document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// What it wrote, as a document a line.
    pub fn documents(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

/// `cld` with a data folder and a folder of files.
pub struct Cld {
    pub data: PathBuf,
    pub files: PathBuf,
    /// In place of the server's own address.
    pub server: Option<String>,
}

impl Cld {
    pub fn new(data: &Path, files: &Path) -> Self {
        Self { data: data.to_owned(), files: files.to_owned(), server: None }
    }

    /// Writes a file for commands to read, and answers its name.
    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.files.join(name), text).expect("the file is written");
        name.to_owned()
    }

    /// Runs a command without a terminal.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// With this on its standard input.
    pub async fn run_with(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = Command::new(crate::binary("cld"));
        command
            .args(arguments)
            .current_dir(&self.files)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.files)
            .env("CLOUDARK_HOME", &self.data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(server) = &self.server {
            command.env("CLOUDARK_SERVER", server);
        }
        let stdin = stdin.to_owned();
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("cld is run");
            // A command that reads nothing may have ended already.
            let _ = child.stdin.take().expect("its input").write_all(stdin.as_bytes());
            child.wait_with_output().expect("cld ends")
        });
        let output = output.await.expect("cld ends");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
