//! The extensions that come with the program: installed after the start, through the same API as any other.
//!
//! Starting a server with a folder of extensions is the consent to what they ask for, which is shown. A new version that
//! asks for more than the installed one may is left for the operator to agree to.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use cloudark_api::extension::FirstGrants;
use sha2::{Digest as _, Sha256};

use crate::client::Client;
use crate::commands::extension::{asked, component};
use crate::exit::Failure;
use crate::render::screen::Screen;

/// A folder's components.
#[derive(Debug, Default)]
pub struct Bundle {
    files: Vec<PathBuf>,
}

impl Bundle {
    /// Those of the given folder, else of `extensions` beside this program, where there is one.
    ///
    /// # Errors
    /// The given folder cannot be read.
    pub fn find(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(folder) = given.filter(|folder| !folder.as_os_str().is_empty()) {
            let unreadable = |cause| Failure::usage(format!("reading the extensions in {}: {cause}", folder.display()));
            return Self::of(folder).map_err(unreadable);
        }
        let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("extensions")));
        match beside.filter(|folder| folder.is_dir()) {
            Some(folder) => Self::of(&folder)
                .map_err(|cause| Failure::local(format!("reading the extensions in {}", folder.display()), cause)),
            None => Ok(Self::default()),
        }
    }

    fn of(folder: &Path) -> Result<Self, std::io::Error> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                files.push(path);
            }
        }
        files.sort();
        Ok(Self { files })
    }

    /// Installs those that are not installed yet.
    ///
    /// # Errors
    /// The server refuses one.
    pub async fn install(&self, screen: Screen, client: &Client) -> Result<(), Failure> {
        if self.files.is_empty() {
            return Ok(());
        }
        let installed: HashSet<String> =
            client.extensions().await?.into_iter().map(|extension| extension.digest).collect();
        for path in &self.files {
            let wasm = component(path)?;
            if installed.contains(&digest(&wasm)) {
                continue;
            }
            let file = path.display().to_string();
            let inspection = client.inspect(&file, wasm.clone()).await?;
            for line in asked(&inspection) {
                screen.note(line);
            }
            if inspection.replaces.is_some() && !inspection.wider.is_empty() {
                screen.warn(format!("{file} asks for more than the installed version may: it is not installed"));
                screen.note(format!("  → agree to it with: cld extension install {file}"));
                continue;
            }
            let extension = client.install(&file, wasm, &inspection.extension.digest, FirstGrants::Asked).await?;
            screen.note(format!("{} {} is installed", extension.name, extension.version));
        }
        Ok(())
    }
}

/// `sha256:…`
fn digest(wasm: &[u8]) -> String {
    let hash = Sha256::digest(wasm);
    hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_the_server_writes_it() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn only_components_are_bundled_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "a.wasm", "README"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let bundle = Bundle::find(Some(dir.path())).unwrap();
        let names: Vec<_> = bundle.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.wasm", "b.wasm"]);
        assert_eq!(Bundle::find(Some(&dir.path().join("none"))).unwrap_err().exit().code(), 2);
    }
}
