//! Origins: where a call may go.
//!
//! An [`Origin`] is a scheme, a host and a port. An [`OriginPattern`] is the form that grants use: `*` stands for
//! one whole label of the host name and for nothing else. Plain `http` is for loopback hosts alone.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Scheme, host and port of a URL, in its normal form: `https://db.eu.acme.example`, `http://127.0.0.1:4566`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

/// A text that is not an origin that may be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an origin: {why}")]
pub struct BadOrigin {
    text: String,
    why: &'static str,
}

impl Origin {
    /// The origin of a URL, if calls may go there at all.
    ///
    /// # Errors
    /// Other schemes than https, and http to a host that is not loopback.
    pub fn of(url: &Url) -> Result<Self, BadOrigin> {
        let bad = |why| BadOrigin { text: url.as_str().to_owned(), why };
        let host = url.host().ok_or_else(|| bad("it names no host"))?;
        let secure = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            "http" => return Err(bad("plain http is for loopback addresses only, use https")),
            _ => return Err(bad("the scheme must be https")),
        };
        let port = url.port_or_known_default().ok_or_else(|| bad("it has no port"))?;
        Ok(Self { secure, host: host.to_string(), port })
    }

    /// The host: a name, or an IP address (version 6 in brackets).
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether calls are encrypted (https).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it can be nothing but this machine.
    pub fn is_loopback(&self) -> bool {
        Host::parse(&self.host).is_ok_and(|host| is_loopback(&host))
    }
}

fn is_loopback(host: &Host<impl AsRef<str>>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(f, self.secure, &self.host, self.port)
    }
}

fn write_origin(f: &mut fmt::Formatter<'_>, secure: bool, host: &str, port: u16) -> fmt::Result {
    let scheme = if secure { "https" } else { "http" };
    match (secure, port) {
        (true, 443) | (false, 80) => write!(f, "{scheme}://{host}"),
        _ => write!(f, "{scheme}://{host}:{port}"),
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let bad = |why| BadOrigin { text: text.to_owned(), why };
        let url = Url::parse(text).map_err(|_| bad("it is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it must not carry a user name"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it must end after the host and port"));
        }
        Self::of(&url)
    }
}

impl TryFrom<String> for Origin {
    type Error = BadOrigin;

    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.to_string()
    }
}

/// The origins that a grant names: as an [`Origin`], with `*` for any one whole label of the host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginPattern {
    secure: bool,
    labels: Vec<String>,
    port: u16,
}

impl OriginPattern {
    /// Whether this origin is one of them.
    pub fn matches(&self, origin: &Origin) -> bool {
        if self.secure != origin.secure || self.port != origin.port {
            return false;
        }
        if !self.has_wildcard() {
            return self.labels.join(".") == origin.host;
        }
        // An address has no labels: only names match a wildcard.
        let Ok(Host::Domain(name)) = Host::parse(&origin.host) else {
            return false;
        };
        let labels: Vec<&str> = name.split('.').collect();
        labels.len() == self.labels.len()
            && self.labels.iter().zip(&labels).all(|(wanted, label)| match wanted.as_str() {
                "*" => is_label(label),
                wanted => wanted == *label,
            })
    }

    /// Whether every origin that it matches is this machine.
    pub fn is_loopback(&self) -> bool {
        Host::parse(&self.labels.join(".")).is_ok_and(|host| is_loopback(&host))
    }

    fn has_wildcard(&self) -> bool {
        self.labels.iter().any(|label| label == "*")
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl From<&Origin> for OriginPattern {
    fn from(origin: &Origin) -> Self {
        Self { secure: origin.secure, labels: origin.host.split('.').map(str::to_owned).collect(), port: origin.port }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(f, self.secure, &self.labels.join("."), self.port)
    }
}

impl fmt::Debug for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OriginPattern {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        if !text.contains('*') {
            return text.parse::<Origin>().map(|origin| Self::from(&origin));
        }
        let bad = |why| BadOrigin { text: text.to_owned(), why };
        let rest = text.strip_prefix("https://").ok_or_else(|| bad("an origin with `*` begins with https://"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| bad("the port is not a number"))?),
            None => (rest, 443),
        };
        let labels: Vec<String> = host.split('.').map(str::to_owned).collect();
        if !labels.iter().all(|label| label == "*" || is_label(label)) {
            return Err(bad("`*` stands for one whole label, and labels are of a-z, 0-9 and `-`"));
        }
        // `https://*.example` could be anybody's: the registered name must be spelled out.
        if labels.iter().rev().take(2).any(|label| label == "*") || labels.len() < 3 {
            return Err(bad("the last two labels must be spelled out"));
        }
        Ok(Self { secure: true, labels, port })
    }
}

impl TryFrom<String> for OriginPattern {
    type Error = BadOrigin;

    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

impl From<OriginPattern> for String {
    fn from(pattern: OriginPattern) -> String {
        pattern.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn pattern(text: &str) -> OriginPattern {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_is_written_in_its_normal_form() {
        assert_eq!(origin("HTTPS://DB.Acme.example:443/").to_string(), "https://db.acme.example");
        assert_eq!(origin("http://127.0.0.1:4566").to_string(), "http://127.0.0.1:4566");
        assert_eq!(origin("http://[::1]:80").to_string(), "http://[::1]");
        assert!(origin("http://localhost:1").is_loopback());
        assert!(!origin("https://acme.example").is_loopback());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for text in ["http://acme.example", "http://10.0.0.1", "http://localhost.acme.example", "ftp://127.0.0.1"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
            assert!(text.parse::<OriginPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_ends_after_the_port() {
        for text in ["https://a.example/x", "https://a.example?x", "https://u@a.example", "https://a.example#x"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_is_one_whole_label() {
        let pattern = pattern("https://db.*.acme.example");
        assert!(pattern.matches(&origin("https://db.eu-west-1.acme.example")));
        for other in [
            "https://db.acme.example",
            "https://db.a.b.acme.example",
            "https://xdb.eu.acme.example",
            "https://db.eu.acme.example.evil.example",
            "https://db.eu.acme.example:8443",
            "https://db.eu.acme.examples",
            "https://db.e_u.acme.example",
        ] {
            assert!(!pattern.matches(&origin(other)), "{other}");
        }
    }

    #[test]
    fn a_pattern_spells_out_whose_it_is() {
        for text in [
            "https://*",
            "https://*.example",
            "https://db.*.example",
            "https://db-*.acme.example",
            "https://db.*.acme.example/x",
            "http://*.acme.example",
            "https://u@*.acme.example",
        ] {
            assert!(text.parse::<OriginPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_matches_no_wildcard() {
        let pattern = pattern("https://*.*.0.1");
        assert!(!pattern.matches(&origin("https://127.0.0.1")));
    }

    proptest! {
        #[test]
        fn only_hosts_of_the_granted_name_match(host in "[a-z0-9.*:@/-]{1,30}") {
            let pattern = pattern("https://db.*.acme.example");
            let url = format!("https://{host}");
            if let Ok(origin) = url.parse::<Origin>() && pattern.matches(&origin) {
                prop_assert!(origin.host().starts_with("db.") && origin.host().ends_with(".acme.example"));
                prop_assert_eq!(origin.host().split('.').count(), 4);
            }
        }

        #[test]
        fn an_origin_reads_back_as_it_is_written(text in "https?://[a-z0-9.:-]{1,20}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>().unwrap(), origin);
            }
        }
    }
}
