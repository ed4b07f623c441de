//! The data directory: what of it is not the store's.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file or folder of it.
    #[error("{doing} {}: {cause}", path.display())]
    Io {
        /// `making`, `reading` …
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Others can read the token.
    #[error("the token {} can be read by other users (mode {mode:o}); run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The token is empty or cut off.
    #[error("{} holds no token; remove it, and the server makes a new one", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

/// `server.json`: who serves this directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// `127.0.0.1:5002`
    pub address: SocketAddr,
    /// Process id.
    pub pid: u32,
}

/// A data directory.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// The shortest text that is believed to be a token, in characters.
const SHORTEST: usize = 32;

impl Home {
    /// The directory, made if it is not there, for this user alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let failed = |doing| move |cause| HomeError::Io { doing, path: path.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("making"))?;
        let path = path.canonicalize().map_err(failed("looking at"))?;
        for folder in ["components", "cache"] {
            let folder = path.join(folder);
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(|cause| HomeError::Io { doing: "making", path: folder, cause })?;
        }
        Ok(Self(path))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The store's file.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store.redb")
    }

    /// The master key's file.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        self.0.join("master.key")
    }

    /// The installed components.
    #[must_use]
    pub fn components(&self) -> PathBuf {
        self.0.join("components")
    }

    /// Compiled code.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The bearer token: 256 random bits, made at the first start.
    ///
    /// # Errors
    /// It cannot be read or made, or others can read it.
    pub fn token(&self) -> Result<Zeroizing<String>, HomeError> {
        let path = self.0.join("token");
        let failed = |doing| {
            let path = path.clone();
            move |cause| HomeError::Io { doing, path, cause }
        };
        if !path.exists() {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|error| failed("making")(io::Error::other(error)))?;
            let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(bytes.as_slice()))));
            replace(&path, text.as_bytes()).map_err(failed("writing"))?;
        }
        let mode = fs::metadata(&path).map_err(failed("reading"))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(HomeError::Exposed { path, mode });
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(failed("reading"))?);
        let token = text.trim();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HomeError::NoToken { path });
        }
        Ok(Zeroizing::new(token.to_owned()))
    }

    /// Says who serves this directory.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn announce(&self, running: &Running) -> Result<(), HomeError> {
        let path = self.0.join("server.json");
        let text = serde_json::to_vec(running).unwrap_or_default();
        replace(&path, &text).map_err(|cause| HomeError::Io { doing: "writing", path, cause })
    }

    /// Takes back what [`announce`](Self::announce) said, if it was this process.
    pub fn withdraw(&self) {
        let path = self.0.join("server.json");
        let said: Option<Running> = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if said.is_some_and(|running| running.pid == std::process::id())
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot be removed");
        }
    }
}

/// Writes a file that this user alone can read: whole, or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("data")).unwrap();
        let token = home.token().unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(*home.token().unwrap(), *token);
        let path = home.path().join("token");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(home.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(home.token(), Err(HomeError::Exposed { .. })));
    }

    #[test]
    fn a_token_that_was_cut_off_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        replace(&dir.path().join("token"), b"\n").unwrap();
        assert!(matches!(home.token(), Err(HomeError::NoToken { .. })));
    }

    #[test]
    fn another_servers_word_is_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        home.announce(&Running { address, pid: std::process::id().wrapping_add(1) }).unwrap();
        home.withdraw();
        assert!(dir.path().join("server.json").exists());
        home.announce(&Running { address, pid: std::process::id() }).unwrap();
        home.withdraw();
        assert!(!dir.path().join("server.json").exists());
    }
}
