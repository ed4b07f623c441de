//! The operator's proxy. It resolves the names itself, so for origins reached through it the address filter
//! is the proxy's job: the security model says so. Address literals are checked here all the same.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::address::AddressRange;

/// An HTTP proxy that https requests go through (`CONNECT`), and the hosts that do not.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    direct: Vec<Direct>,
}

#[derive(Clone)]
enum Direct {
    All,
    /// The name itself and every name below it.
    Domain(String),
    Range(AddressRange),
}

/// A proxy setting that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proxy must be an http:// URL with a host, such as http://proxy.example:3128")]
pub struct NotAProxy;

impl Proxy {
    /// A proxy by its URL (with `user:password@` when it asks for one) and a list of hosts that are reached
    /// directly, written as in `NO_PROXY`: names (with the names below them), addresses, ranges, `*`.
    ///
    /// # Errors
    /// When the URL is not http or has no host.
    pub fn new(url: &str, no_proxy: &str) -> Result<Self, NotAProxy> {
        let url = Url::parse(url).map_err(|_| NotAProxy)?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err(NotAProxy);
        }
        let entries = no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self { url, direct: entries.map(Direct::read).collect() })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a host is reached through the proxy.
    pub(super) fn covers(&self, host: &Host<&str>) -> bool {
        !self.direct.iter().any(|direct| direct.matches(host))
    }
}

impl Direct {
    fn read(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        match entry.parse() {
            Ok(range) => Self::Range(range),
            Err(_) => Self::Domain(entry.trim_start_matches('.').to_ascii_lowercase()),
        }
    }

    fn matches(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Domain(domain), Host::Domain(name)) => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Range(range), Host::Ipv4(address)) => range.contains(IpAddr::V4(*address)),
            (Self::Range(range), Host::Ipv6(address)) => range.contains(IpAddr::V6(*address)),
            _ => false,
        }
    }
}

impl fmt::Debug for Proxy {
    /// Without the user and password of the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "Proxy({host}:{})", self.url.port_or_known_default().unwrap_or(80))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn listed_hosts_are_reached_directly() {
        let proxy = Proxy::new("http://proxy.example:3128", "internal.example, .corp, 10.0.0.0/8,192.168.1.1").unwrap();
        let covers = |url: &str| proxy.covers(&Url::parse(url).unwrap().host().unwrap());
        for direct in [
            "https://internal.example/",
            "https://a.internal.example/",
            "https://b.corp/",
            "https://10.1.2.3/",
            "https://192.168.1.1/",
        ] {
            assert!(!covers(direct), "{direct}");
        }
        for proxied in ["https://notinternal.example/", "https://example/", "https://11.0.0.1/"] {
            assert!(covers(proxied), "{proxied}");
        }
        assert!(!Proxy::new("http://p", "*").unwrap().covers(&Host::Domain("a.example")));
    }

    #[test]
    fn debug_hides_the_password_of_the_proxy() {
        let proxy = Proxy::new("http://user:hunter22@proxy.example:3128", "").unwrap();
        assert_eq!(format!("{proxy:?}"), "Proxy(proxy.example:3128)");
    }

    #[test]
    fn other_proxies_are_refused() {
        for url in ["socks5://proxy:1080", "proxy:3128", "", "https://proxy"] {
            assert!(Proxy::new(url, "").is_err(), "{url}");
        }
    }
}
