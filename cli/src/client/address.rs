//! Where the server is, and the token for it.
//!
//! An address comes from `--server`, from `CLOUDARK_SERVER`, from the `server.json` that a running server keeps in its
//! data directory, or is the default. The token in the data directory is for this machine's server: it is sent to
//! loopback addresses only. For any other server there is `CLOUDARK_TOKEN`, and its address must be https.

use std::env;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// The original's port, on loopback.
const DEFAULT: &str = "http://127.0.0.1:5002";

/// `server.json`: who serves a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Running {
    /// `127.0.0.1:5002`
    pub address: String,
    /// Its process id.
    pub pid: u32,
}

/// A data directory: the server's store, its token, and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The given one, else `CLOUDARK_HOME`, else `~/.cloudark`.
    ///
    /// # Errors
    /// None of them is there.
    pub fn resolve(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = given {
            return Ok(Self(path.to_owned()));
        }
        let from_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cloudark"));
        env::var_os("CLOUDARK_HOME")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(from_home)
            .map(Self)
            .ok_or_else(|| {
                Failure::usage_with(
                    "there is no data directory: HOME is not set",
                    "give one with --data DIR or CLOUDARK_HOME",
                )
            })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Who serves it, by its own word; it may have died since.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        let text = fs::read_to_string(self.0.join("server.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn token(&self) -> Result<Zeroizing<String>, Failure> {
        let path = self.0.join("token");
        let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Failure::Known {
                exit: Exit::Unreachable,
                what: format!("there is no server's token in {}", self.0.display()),
                next: Some(
                    "start a server with: cld server start\nor name its data directory with --data DIR".to_owned(),
                ),
            },
            io::ErrorKind::PermissionDenied => Failure::Known {
                exit: Exit::Denied,
                what: format!("the token {} is another user's", path.display()),
                next: Some("ask the server's operator for one, and set CLOUDARK_TOKEN".to_owned()),
            },
            _ => Failure::local(format!("reading the token {}", path.display()), cause),
        })?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    }
}

/// What the command line and the environment say about the server.
#[derive(Debug, Clone)]
pub struct Address {
    given: Option<String>,
    data: DataDir,
}

impl Address {
    /// By the given address, else by the data directory.
    #[must_use]
    pub fn new(given: Option<String>, data: DataDir) -> Self {
        Self { given, data }
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// Its URL as of now: a restarted server may listen elsewhere.
    ///
    /// # Errors
    /// The given address is not one, or its token would travel in the clear.
    pub fn url(&self) -> Result<Url, Failure> {
        let text = match (&self.given, self.data.running()) {
            (Some(given), _) if given.contains("://") => given.clone(),
            (Some(given), _) => format!("http://{given}"),
            (None, Some(running)) => format!("http://{}", running.address),
            (None, None) => DEFAULT.to_owned(),
        };
        let example = "write it as http://127.0.0.1:5002 or https://cloudark.example.com";
        let url = Url::parse(&text).map_err(|cause| {
            Failure::usage_with(format!("the server's address \"{text}\" is no URL: {cause}"), example)
        })?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(Failure::usage_with(
                format!("{url} would send the token in the clear"),
                "use https for a server on another machine",
            )),
            _ => Err(Failure::usage_with(format!("the server's address \"{text}\" is not http or https"), example)),
        }
    }

    /// The token for this URL.
    ///
    /// # Errors
    /// There is none.
    pub fn token(&self, url: &Url) -> Result<Zeroizing<String>, Failure> {
        if let Some(token) = env::var("CLOUDARK_TOKEN").ok().filter(|token| !token.is_empty()) {
            return Ok(Zeroizing::new(token));
        }
        if !is_loopback(url) {
            return Err(Failure::Known {
                exit: Exit::Denied,
                what: format!("there is no token for {url}"),
                next: Some("ask its operator for one, and set CLOUDARK_TOKEN".to_owned()),
            });
        }
        self.data.token()
    }
}

/// Whether a URL's host is this machine by its address, or is called `localhost`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn at(given: Option<&str>, dir: &Path) -> Address {
        Address::new(given.map(str::to_owned), DataDir(dir.to_owned()))
    }

    #[test]
    fn a_restarted_server_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let address = at(None, dir.path());
        assert_eq!(address.url().unwrap().as_str(), "http://127.0.0.1:5002/");
        fs::write(dir.path().join("server.json"), r#"{"address":"127.0.0.1:4711","pid":1}"#).unwrap();
        assert_eq!(address.url().unwrap().as_str(), "http://127.0.0.1:4711/");
        assert_eq!(at(Some("localhost:1"), dir.path()).url().unwrap().as_str(), "http://localhost:1/");
    }

    #[test]
    fn the_token_never_travels_in_the_clear() {
        let dir = tempfile::tempdir().unwrap();
        for address in ["http://10.0.0.7:5002", "http://localhost.example.com", "ftp://127.0.0.1", "http://"] {
            assert_eq!(at(Some(address), dir.path()).url().unwrap_err().exit(), Exit::Usage, "{address}");
        }
        assert!(at(Some("http://[::1]:5002"), dir.path()).url().is_ok());
    }

    #[test]
    fn this_machines_token_is_not_sent_to_others() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), "mine\n").unwrap();
        let address = at(Some("https://cloudark.example.com"), dir.path());
        let url = address.url().unwrap();
        assert_eq!(address.token(&url).unwrap_err().exit(), Exit::Denied);
        let local = Url::parse("http://127.0.0.1:5002").unwrap();
        assert_eq!(address.token(&local).unwrap().as_str(), "mine");
    }

    #[test]
    fn without_a_token_the_way_to_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let address = at(None, dir.path());
        let failure = address.token(&address.url().unwrap()).unwrap_err();
        assert_eq!(failure.exit(), Exit::Unreachable);
        assert!(failure.next().unwrap().contains("cld server start"));
    }
}
