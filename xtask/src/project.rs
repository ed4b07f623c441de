//! Where things are, and running a step.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use xshell::{Shell, cmd};

/// What a step comes to. What goes wrong is for the person at the terminal.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The source tree and where its products go.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
    target: PathBuf,
    guests_target: PathBuf,
    shell: Shell,
}

impl Project {
    /// The tree that this program was built from. `CARGO_TARGET_DIR` is honoured.
    ///
    /// # Errors
    /// The tree is not there any more.
    pub fn find() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in no folder")?;
        let given = env::var_os("CARGO_TARGET_DIR").map(|dir| env::current_dir().map(|here| here.join(dir)));
        let (target, guests_target) = match given.transpose()? {
            Some(target) => (target.clone(), target.join("guests-build")),
            None => (root.join("target"), root.join("extensions/target")),
        };
        let shell = Shell::new()?;
        shell.change_dir(root);
        Ok(Self { root: root.to_owned(), target, guests_target, shell })
    }

    /// The root of the source tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the workspace is built.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the guests' workspace is built: other settings, so a folder of its own.
    pub fn guests_target(&self) -> &Path {
        &self.guests_target
    }

    /// Where packaged components and the tools of the tests go, wherever the rest is built: tests look for them there.
    pub fn products(&self) -> PathBuf {
        self.root.join("target")
    }

    /// One of the workspace's programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Builds the workspace's programs.
    ///
    /// # Errors
    /// One does not compile.
    pub fn build_programs(&self) -> Outcome {
        let shell = self.shell();
        // All at once: one by one, their dependencies would differ in features and be built several times.
        cmd!(shell, "cargo build --workspace --bins").run()?;
        Ok(())
    }

    /// A shell in the root of the tree.
    pub fn shell(&self) -> &Shell {
        &self.shell
    }

    /// Whether nobody watches and nothing may be left out.
    pub fn is_ci() -> bool {
        env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
    }

    /// Runs a step under a heading, and says how long it took.
    ///
    /// # Errors
    /// Those of the step, with its name.
    pub fn step<T>(&self, what: &str, step: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        eprintln!("\n── {what}");
        let began = Instant::now();
        let done = step().map_err(|error| format!("{what}: {error}"))?;
        eprintln!("── {what}: {:.1} s", began.elapsed().as_secs_f64());
        Ok(done)
    }
}
