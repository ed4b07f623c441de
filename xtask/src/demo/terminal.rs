//! What a user types, and what is seen.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::project::{Outcome, Project};

/// The terminal of somebody who uses `cld`.
#[derive(Debug)]
pub struct Terminal {
    cld: PathBuf,
    root: PathBuf,
    home: PathBuf,
    extensions: PathBuf,
}

impl Terminal {
    /// A terminal in the root of the tree, for the server whose data directory is `home`.
    pub fn new(project: &Project, home: &Path) -> Self {
        Self {
            cld: project.program("cld"),
            root: project.root().to_owned(),
            home: home.to_owned(),
            extensions: project.products().join("extensions"),
        }
    }

    /// A remark.
    pub fn says(&self, text: &str) {
        println!("\n# {text}");
    }

    /// A file that somebody wrote. Returns its path.
    pub fn file(&self, name: &str, text: &str) -> Outcome<String> {
        let path = self.home.join(name);
        fs::write(&path, text)?;
        Ok(path.strip_prefix(&self.root).unwrap_or(&path).display().to_string())
    }

    /// Runs a command that succeeds.
    pub fn shows(&self, arguments: &[&str]) -> Outcome {
        self.fails(0, arguments)
    }

    /// Runs a command that ends with this exit code.
    pub fn fails(&self, code: i32, arguments: &[&str]) -> Outcome {
        println!("\n$ cld {}", arguments.join(" "));
        let status = self.command(arguments).stdin(Stdio::null()).status()?;
        expect(code, arguments, status.code())
    }

    /// Runs a command that reads a secret from stdin.
    pub fn is_given(&self, secret: &str, arguments: &[&str]) -> Outcome {
        println!("\n$ cld {} < secret", arguments.join(" "));
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{secret}")?;
        }
        expect(0, arguments, child.wait()?.code())
    }

    /// Runs a command that is not part of the show.
    pub fn quietly(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).stdin(Stdio::null()).output()?;
        expect(0, arguments, output.status.code())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.cld);
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("CLOUDARK_HOME", &self.home)
            .env("CLOUDARK_EXTENSIONS", &self.extensions)
            .env_remove("CLOUDARK_SERVER")
            .env_remove("CLOUDARK_TOKEN");
        command
    }
}

fn expect(code: i32, arguments: &[&str], found: Option<i32>) -> Outcome {
    if found == Some(code) {
        return Ok(());
    }
    let found = found.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
    Err(format!("cld {} ended with {found}, not {code}", arguments.join(" ")).into())
}
