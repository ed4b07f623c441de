//! Where a request goes: the checks on its URL, and which addresses it may dial. Pure; nothing is resolved
//! or sent here.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::address::{AddressRange, Reach, reach};

/// A host refused to send somewhere. Nothing has left this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub(super) String);

/// The addresses that a request may dial.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reachable {
    /// Loopback and nothing else: plain http.
    LoopbackOnly,
    /// Public addresses, and those in the operator's ranges.
    Public(Vec<AddressRange>),
}

impl Reachable {
    /// Whether this address may be dialled; why not otherwise.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        let reach = reach(address);
        match self {
            Self::LoopbackOnly if address.to_canonical().is_loopback() => Ok(()),
            Self::LoopbackOnly => Err(Refusal(format!("{address} is not a loopback address; use https"))),
            Self::Public(ranges) => match reach {
                Reach::Public => Ok(()),
                Reach::Restricted(_) if ranges.iter().any(|range| range.contains(address)) => Ok(()),
                Reach::Restricted(what) => Err(Refusal(format!(
                    "{address} is {what}; an operator can allow its range for this origin in the extension's grant"
                ))),
                Reach::Never(what) => Err(Refusal(format!("{address} is {what}; no setting allows it"))),
            },
        }
    }

    /// Of what a name resolved to, the addresses that may be dialled; why none of them otherwise.
    pub(super) fn filter(&self, name: &str, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
        let allowed: Vec<IpAddr> = addresses.iter().copied().filter(|a| self.check(*a).is_ok()).collect();
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        let reasons: Vec<String> = addresses.iter().filter_map(|a| self.check(*a).err()).map(|r| r.0).collect();
        Err(Refusal(format!("{name} resolves to no address that may be dialled: {}", reasons.join("; "))))
    }
}

/// A checked destination.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The URL as it is sent.
    pub(super) url: Url,
    /// Scheme, host and port.
    pub(super) origin: Origin,
    /// What may be dialled.
    pub(super) reachable: Reachable,
}

/// Scheme, host and port, the port always written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a URL: absolute https, or http to loopback where that is allowed; no user, no fragment, a host in
/// its one normal form, and an IP literal only where it may be dialled (the HTTP client asks no resolver for
/// those).
pub(super) fn target(url: &str, allow_loopback_http: bool, ranges: &[AddressRange]) -> Result<Target, Refusal> {
    let refuse = |why: &str| Err(Refusal(why.to_owned()));
    let Ok(parsed) = Url::parse(url) else {
        return refuse("the URL is not absolute and well-formed");
    };
    if !parsed.username().is_empty() || parsed.password().is_some() || authority(url).contains('@') {
        return refuse("a URL must not carry a user or a password; name a signer instead");
    }
    if parsed.fragment().is_some() {
        return refuse("a URL must not carry a fragment; it is never sent");
    }
    let host = match parsed.host() {
        Some(host) => host.to_owned(),
        None => return refuse("the URL has no host"),
    };
    if let Host::Domain(name) = &host {
        check_name(name)?;
    }
    let reachable = match parsed.scheme() {
        "https" => Reachable::Public(ranges.to_vec()),
        "http" if allow_loopback_http && may_be_loopback(&host) => Reachable::LoopbackOnly,
        "http" => {
            return refuse("plain http is allowed only to a loopback origin that a grant names; use https");
        }
        other => {
            return Err(Refusal(format!("`{other}` is not a scheme that can be sent to; use https")));
        }
    };
    match host {
        Host::Ipv4(address) => reachable.check(address.into())?,
        Host::Ipv6(address) => reachable.check(address.into())?,
        Host::Domain(_) => {}
    }
    let port = parsed.port_or_known_default().unwrap_or(443);
    if port == 0 {
        return refuse("port 0 cannot be sent to");
    }
    let origin = Origin(format!("{}://{}:{port}", parsed.scheme(), parsed.host_str().unwrap_or_default()));
    Ok(Target { url: parsed, origin, reachable })
}

/// What stands between `//` and the path, as written: `https://@host` parses to an empty user.
fn authority(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    rest.split(['/', '\\', '?', '#']).next().unwrap_or_default()
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.ends_with('.') {
        return Err(Refusal(format!("the host `{name}` ends with a dot; write it without")));
    }
    // RFC 1035, section 2.3.4. The URL parser has made an internationalised name ASCII (`xn--…`) by now.
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(Refusal(format!("the host `{name}` is not a DNS name")));
    }
    Ok(())
}

/// RFC 6761, section 6.3: `localhost` and names below it are loopback. They are resolved and checked too.
fn may_be_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn why(url: &str) -> String {
        target(url, true, &[]).unwrap_err().to_string()
    }

    #[test]
    fn https_to_a_name_is_a_target() {
        let target = target("https://rds.eu-west-1.amazonaws.com/?Action=x", false, &[]).unwrap();
        assert_eq!(target.origin.to_string(), "https://rds.eu-west-1.amazonaws.com:443");
        assert_eq!(target.reachable, Reachable::Public(Vec::new()));
    }

    #[test]
    fn a_url_with_a_user_is_refused_also_an_empty_one() {
        for url in [
            "https://user@host.example/",
            "https://user:pw@host.example/",
            "https://@host.example/",
            "https://:@h.example/",
        ] {
            assert!(why(url).contains("must not carry a user"), "{url}");
        }
        assert!(!why("https://user:hunter22@h.example/").contains("hunter22"));
    }

    #[test]
    fn an_at_sign_in_path_or_query_is_no_user() {
        target("https://host.example/a@b?c=d@e", false, &[]).unwrap();
    }

    #[test]
    fn a_host_with_a_trailing_dot_is_refused() {
        assert!(why("https://rds.amazonaws.com./").contains("ends with a dot"));
        assert!(why("http://localhost./").contains("ends with a dot"));
    }

    #[test]
    fn an_internationalised_name_is_sent_as_ascii() {
        let target = target("https://bücher.example/", false, &[]).unwrap();
        assert_eq!(target.url.host_str(), Some("xn--bcher-kva.example"));
        assert_eq!(target.origin.to_string(), "https://xn--bcher-kva.example:443");
    }

    #[test]
    fn full_width_and_numeric_spellings_of_an_address_are_that_address() {
        for url in [
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://127.0.0。1/",
            "https://１２７.0.0.1/",
        ] {
            assert!(why(url).contains("127.0.0.1 is loopback"), "{url}: {}", why(url));
        }
    }

    #[test]
    fn ip_literals_are_checked() {
        assert!(why("https://169.254.169.254/latest").contains("no setting allows it"));
        assert!(why("https://[::ffff:169.254.169.254]/").contains("no setting allows it"));
        assert!(why("https://10.0.0.1/").contains("an operator can allow its range"));
        target("https://34.1.2.3/", false, &[]).unwrap();
        target("https://10.0.0.1/", false, &["10.0.0.0/8".parse().unwrap()]).unwrap();
        let all: Vec<AddressRange> = ["0.0.0.0/0", "::/0"].iter().map(|r| r.parse().unwrap()).collect();
        for url in ["https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://0.0.0.0/"] {
            assert!(target(url, false, &all).is_err(), "{url}");
        }
    }

    #[test]
    fn http_goes_to_loopback_only_and_only_when_allowed() {
        for url in ["http://127.0.0.1:4566/", "http://[::1]:80/", "http://localhost:9/", "http://sts.localhost:9/"] {
            assert_eq!(target(url, true, &[]).unwrap().reachable, Reachable::LoopbackOnly);
            assert!(target(url, false, &[]).is_err(), "{url}");
        }
        assert!(why("http://example.com/").contains("plain http"));
        assert!(why("http://localhost.example.com/").contains("plain http"));
        assert!(target("http://10.0.0.1/", true, &["10.0.0.0/8".parse().unwrap()]).is_err());
    }

    #[test]
    fn ports_belong_to_the_origin() {
        let origin = |url| target(url, true, &[]).unwrap().origin;
        assert_eq!(origin("https://a.example:443/"), origin("https://a.example/"));
        assert_ne!(origin("https://a.example:8443/"), origin("https://a.example/"));
        assert_ne!(origin("http://localhost:443/"), origin("https://localhost/"));
        assert!(why("https://a.example:0/").contains("port 0"));
    }

    #[test]
    fn other_schemes_and_shapes_are_refused() {
        for url in [
            "ftp://a.example/",
            "file:///etc/passwd",
            "unix:/run/docker.sock",
            "//a.example/",
            "/x",
            "",
            "https://",
            "https://a..b/",
            "https://a.example/#f",
        ] {
            assert!(target(url, true, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn a_name_with_a_public_and_a_private_address_keeps_the_public_one() {
        let all: Vec<IpAddr> = vec!["10.0.0.1".parse().unwrap(), "1.1.1.1".parse().unwrap()];
        let reachable = Reachable::Public(Vec::new());
        assert_eq!(reachable.filter("a.example", &all).unwrap(), vec!["1.1.1.1".parse::<IpAddr>().unwrap()]);
        let refused = reachable.filter("a.example", &all[..1]).unwrap_err().to_string();
        assert!(refused.contains("a.example resolves to no address"), "{refused}");
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_address_is_judged_as_that_address(bits in any::<u32>(), style in 0_usize..5) {
            let address = std::net::Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            let spelling = match style {
                0 => format!("{bits}"),
                1 => format!("{bits:#x}"),
                2 => format!("{a:#o}.{b}.{c}.{d}").replace("0o", "0"),
                3 => format!("{a}.{}", bits & 0x00ff_ffff),
                _ => format!("[::ffff:{a}.{b}.{c}.{d}]"),
            };
            let judged = target(&format!("https://{spelling}/"), false, &[]).is_ok();
            prop_assert_eq!(judged, reach(IpAddr::V4(address)) == Reach::Public, "{}", spelling);
        }

        #[test]
        fn no_text_panics_and_no_target_carries_a_user(url in "(https?://)?[a-z0-9@:/.\\[\\]?#%_-]{0,30}") {
            if let Ok(target) = target(&url, true, &[]) {
                prop_assert!(target.url.username().is_empty() && target.url.password().is_none());
                prop_assert!(matches!(target.url.scheme(), "http" | "https"));
            }
        }
    }
}
