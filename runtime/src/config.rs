//! The server's configuration file: YAML, every key optional.
//!
//! ```yaml
//! listen: 127.0.0.1:5002
//! hosts: [cloudark.example.com]      # names under which a proxy with TLS forwards to this server
//! timing: { scale: 1.0 }             # below 1 only against simulators on this machine
//! limits: { memory-bytes: 134217728 }
//! ranges:                            # private addresses that an origin may have
//!   "https://10.0.0.2": [10.0.0.0/8]
//! proxy: { url: "http://proxy.example.com:3128", no-proxy: "localhost,.internal" }
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::egress::Proxy;
use crate::egress::address::AddressRange;
use crate::extensions::Origin;
use crate::sandbox::Limits;
use crate::services::Timing;

/// Where the server listens when nothing says otherwise: the original's port, on loopback.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5002);

/// What the configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// Further values of `Host` that are answered, besides this machine's own: `cloudark.example.com`.
    pub hosts: Vec<String>,
    /// How fast time passes for waits.
    pub timing: Timing,
    /// What a run of an extension may use.
    pub limits: Limits,
    /// Address ranges that are opened for an origin.
    pub ranges: BTreeMap<String, Vec<String>>,
    /// The proxy that requests to clouds go through.
    pub proxy: Option<ProxySetting>,
}

/// A proxy for requests to clouds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProxySetting {
    /// `http://[user:password@]host:port`
    pub url: String,
    /// Hosts that are reached directly, separated by commas.
    #[serde(default)]
    pub no_proxy: String,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration {} cannot be read: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is not a configuration.
    #[error("the configuration {}: {what}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        what: String,
    },
    /// A value makes no sense.
    #[error("{key}: {what}")]
    Value {
        /// Which setting.
        key: String,
        /// What is wrong, and what to write.
        what: String,
    },
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError::Read`], [`ConfigError::Form`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        Self::from_yaml(&text).map_err(|what| ConfigError::Form { path: path.to_owned(), what })
    }

    fn from_yaml(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_yaml_ng::from_str(text).map_err(|error| error.to_string())
    }

    /// Where to listen: loopback, unless the operator has named the hosts of a proxy with TLS before it. Tokens would
    /// travel in the clear otherwise.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let listen = self.listen.unwrap_or(DEFAULT_LISTEN);
        if !listen.ip().is_loopback() && self.hosts.is_empty() {
            return Err(value(
                "listen",
                format!(
                    "{listen} can be reached from other machines, and the token would travel in the clear: listen on \
                     127.0.0.1, or put a proxy with TLS before the server and name its hosts under `hosts`"
                ),
            ));
        }
        Ok(listen)
    }

    /// How fast time passes.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if it would stand still or go backwards.
    pub fn timing(&self) -> Result<Timing, ConfigError> {
        let scale = self.timing.scale;
        if scale.is_finite() && scale > 0.0 && scale <= 1.0 {
            return Ok(self.timing);
        }
        Err(value("timing.scale", format!("{scale} is not above 0 and at most 1")))
    }

    /// The ranges that are opened, by origin.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn ranges(&self) -> Result<BTreeMap<String, Vec<AddressRange>>, ConfigError> {
        let mut all = BTreeMap::new();
        for (origin, ranges) in &self.ranges {
            let key = || format!("ranges.{origin}");
            let parsed: Origin = origin.parse().map_err(|error| value(key(), format!("{error}")))?;
            let ranges: Result<Vec<AddressRange>, _> = ranges.iter().map(|range| range.parse()).collect();
            all.insert(parsed.to_string(), ranges.map_err(|error| value(key(), error.to_string()))?);
        }
        Ok(all)
    }

    /// The proxy.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn proxy(&self) -> Result<Option<Proxy>, ConfigError> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        // The URL may hold a password: it is not repeated.
        let made = Proxy::new(&proxy.url, &proxy.no_proxy);
        made.map(Some).map_err(|_| value("proxy.url", "it is no proxy: write it as http://host:port".to_owned()))
    }
}

fn value(key: impl Into<String>, what: String) -> ConfigError {
    ConfigError::Value { key: key.into(), what }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_differs_and_nothing_else() {
        assert_eq!(Config::from_yaml("# nothing\n").unwrap(), Config::default());
        let config = Config::from_yaml(
            "listen: 127.0.0.1:7000\ntiming: { scale: 0.01 }\nlimits: { live-calls: 7 }\n\
             ranges: { 'https://10.0.0.2': [10.0.0.0/8] }\nproxy: { url: 'http://proxy:3128' }\n",
        )
        .unwrap();
        assert_eq!(config.listen().unwrap().port(), 7000);
        assert_eq!(config.limits, Limits { live_calls: 7, ..Limits::default() });
        assert_eq!(config.ranges().unwrap().len(), 1);
        assert!(config.proxy().unwrap().is_some());
        assert_eq!(Config::default().listen().unwrap(), DEFAULT_LISTEN);
    }

    #[test]
    fn the_documented_file_is_read() {
        let docs = include_str!("../../docs/operations.md");
        let (_, chapter) = docs.split_once("## The configuration file").unwrap();
        let yaml = chapter.split("```yaml").nth(1).unwrap().split("```").next().unwrap();
        let config = Config::from_yaml(yaml).unwrap();
        assert_eq!(config.hosts, ["cloudark.example.com"]);
        assert_eq!(config.ranges().unwrap().len(), 1);
        assert!(config.listen().is_ok() && config.timing().is_ok() && config.proxy().unwrap().is_some());
    }

    #[test]
    fn a_slip_is_told_with_its_place() {
        let error = Config::from_yaml("limits:\n  live-cals: 7\n").unwrap_err();
        assert!(error.contains("live-cals") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn the_server_is_not_opened_to_others_by_accident() {
        let open = Config { listen: Some("0.0.0.0:5002".parse().unwrap()), ..Config::default() };
        assert!(open.listen().unwrap_err().to_string().contains("hosts"));
        assert!(Config { hosts: vec!["cloudark.example.com".to_owned()], ..open }.listen().is_ok());
    }

    #[test]
    fn time_never_stands_still() {
        for scale in [0.0, -1.0, f64::NAN, 2.0] {
            assert!(Config { timing: Timing { scale }, ..Config::default() }.timing().is_err(), "{scale}");
        }
    }
}
