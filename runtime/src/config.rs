//! The server's configuration file: YAML, every key optional.
//!
//! ```yaml
//! listen: 127.0.0.1:5002
//! hosts: [cloudark.example.com]      # names under which a proxy with TLS forwards to this server
//! timing: { scale: 1.0 }             # below 1 only against simulators on this machine
//! limits: { memory-bytes: 134217728 }
//! store: { cache-bytes: 8388608 }    # pages that are kept besides the system's own cache of the file
//! ranges:                            # private addresses that an origin may have
//!   "https://10.0.0.2": [10.0.0.0/8]
//! proxy: { url: "http://proxy.example.com:3128", no-proxy: "localhost,.internal" }
//! journal: { keep: 90d }             # how long single calls of ended operations are kept
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::egress::Proxy;
use crate::egress::address::AddressRange;
use crate::extensions::Origin;
use crate::sandbox::Limits;
use crate::services::Timing;
use crate::store::redb::Options;

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
    /// What the store may use.
    pub store: StoreSetting,
    /// Address ranges that are opened for an origin.
    pub ranges: BTreeMap<String, Vec<String>>,
    /// The proxy that requests to clouds go through.
    pub proxy: Option<ProxySetting>,
    /// What is kept of operations that have ended.
    pub journal: JournalSetting,
}

/// What is kept of operations that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct JournalSetting {
    /// For how long after its end the journals and events of an operation are kept.
    pub keep: Period,
}

/// A length of time, written as a whole number and a unit: `90d`, `12h`, `30m`, `45s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Period(Duration);

impl Period {
    /// The units, and their seconds.
    const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

    /// How long it is.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Period {
    /// 90 days.
    fn default() -> Self {
        Self(Duration::from_secs(90 * 24 * 60 * 60))
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unit = |(unit, seconds): (&str, u64)| Some((text.trim().strip_suffix(unit)?, seconds));
        let read = Self::UNITS.into_iter().find_map(unit).and_then(|(number, seconds)| {
            let number = number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
            Some(Duration::from_secs(number.checked_mul(seconds)?))
        });
        read.map(Self)
            .ok_or_else(|| format!("\"{text}\" is no length of time: write a whole number and s, m, h or d, as in 90d"))
    }
}

/// What the store may use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoreSetting {
    /// Memory for pages, in bytes.
    pub cache_bytes: usize,
}

impl Default for StoreSetting {
    fn default() -> Self {
        Self { cache_bytes: Options::default().cache_bytes }
    }
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
    fn a_period_has_a_unit() {
        let keep = |text: &str| Config::from_yaml(&format!("journal: {{ keep: {text} }}\n"));
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("45s", 45), ("0s", 0)] {
            assert_eq!(keep(text).unwrap().journal.keep.duration(), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(keep("90d").unwrap(), Config::default());
        for text in ["d", "90", "'90 d'", "-1d", "+1d", "1.5d", "9w", "99999999999999999999d", "999999999999999999d"] {
            let error = keep(text).unwrap_err();
            assert!(error.contains("journal") || error.contains("as in 90d"), "{text}: {error}");
        }
        assert!(keep("forever").unwrap_err().contains("as in 90d"));
    }

    #[test]
    fn time_never_stands_still() {
        for scale in [0.0, -1.0, f64::NAN, 2.0] {
            assert!(Config { timing: Timing { scale }, ..Config::default() }.timing().is_err(), "{scale}");
        }
    }
}
