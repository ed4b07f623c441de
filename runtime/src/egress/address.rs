//! Which IP addresses a request may reach: a pure decision about one address.
//!
//! An extension names hosts, and whoever answers for such a name chooses the addresses. So the name proves
//! nothing, and every address is judged when it is about to be dialled. Three answers:
//!
//! * [`Reach::Public`]: globally routable; dialled.
//! * [`Reach::Restricted`]: somebody's own network (private, loopback, CGNAT, unique local …); dialled only
//!   inside a range that the operator has allowed for this origin.
//! * [`Reach::Never`]: cloud metadata services, link-local, multicast, unspecified; no setting opens them,
//!   because what answers there hands out the machine's own credentials.
//!
//! An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4, Teredo …) is judged by what it carries.
//! Sources: the IANA special-purpose registries (RFC 6890 and successors) and the vendors' documentation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How far an address may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Globally routable.
    Public,
    /// Reachable only inside a range that the operator allowed; what it is.
    Restricted(&'static str),
    /// Never reachable; what it is.
    Never(&'static str),
}

/// A range of addresses that an operator allows for an origin: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Every address: for what the operator named, not an extension. What is never reachable stays so.
    #[must_use]
    pub fn everywhere() -> Vec<Self> {
        vec![Self(v4(0, 0, 0, 0, 0).into()), Self(v6(0, 0, 0, 0, 0).into())]
    }

    /// Whether the range holds this address. A v4-mapped address counts as the IPv4 address it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// A text that is not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range of addresses: write it as ADDRESS/BITS, for example 10.0.0.0/8")]
pub struct NotARange(String);

impl FromStr for AddressRange {
    type Err = NotARange;

    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    fn from_str(text: &str) -> Result<Self, NotARange> {
        let range = match text.parse::<IpNet>() {
            Ok(range) => range,
            Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| NotARange(text.to_owned()))?),
        };
        Ok(Self(range.trunc()))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Judges one address.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const NEVER_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "\"this network\" (RFC 791), which reaches the host itself"),
    (v4(169, 254, 0, 0, 16), "link-local, where clouds serve instance metadata"),
    (v4(100, 100, 100, 200, 32), "the metadata service of Alibaba Cloud"),
    (v4(168, 63, 129, 16, 32), "the platform service of Azure"),
    (v4(192, 0, 0, 192, 32), "the metadata service of Oracle Cloud"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved or broadcast"),
];

const RESTRICTED_V4: &[(Ipv4Net, &str)] = &[
    (v4(10, 0, 0, 0, 8), "private (RFC 1918)"),
    (v4(172, 16, 0, 0, 12), "private (RFC 1918)"),
    (v4(192, 168, 0, 0, 16), "private (RFC 1918)"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT (RFC 6598)"),
    (v4(192, 0, 0, 0, 24), "IETF protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay anycast"),
    (v4(198, 18, 0, 0, 15), "benchmarking (RFC 2544)"),
];

fn reach_v4(address: Ipv4Addr) -> Reach {
    if let Some((_, what)) = NEVER_V4.iter().find(|(range, _)| range.contains(&address)) {
        return Reach::Never(what);
    }
    if let Some((_, what)) = RESTRICTED_V4.iter().find(|(range, _)| range.contains(&address)) {
        return Reach::Restricted(what);
    }
    Reach::Public
}

const fn v6(a: u16, b: u16, c: u16, d: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), bits)
}

const NEVER_V6: &[(Ipv6Net, &str)] = &[
    (v6(0xfe80, 0, 0, 0, 10), "link-local"),
    (v6(0xff00, 0, 0, 0, 8), "multicast"),
    // Inside unique local space, which an operator may open: so they are named.
    (v6(0xfd00, 0x0ec2, 0, 0, 32), "the metadata service of EC2"),
    (v6(0xfd20, 0x00ce, 0, 0, 32), "the metadata service of Google Cloud"),
    (v6(0xfd00, 0x0042, 0, 0, 32), "the metadata service of Scaleway"),
];

const RESTRICTED_V6: &[(Ipv6Net, &str)] = &[
    (v6(0xfc00, 0, 0, 0, 7), "unique local (RFC 4193)"),
    (v6(0xfec0, 0, 0, 0, 10), "site-local (RFC 3879)"),
    (v6(0x64, 0xff9b, 1, 0, 48), "local-use NAT64 (RFC 8215)"),
    (v6(0x2001, 0, 0, 0, 32), "Teredo (RFC 4380)"),
    (v6(0x2001, 0, 0, 0, 23), "IETF protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 0, 32), "documentation"),
    (v6(0x3fff, 0, 0, 0, 20), "documentation"),
    (v6(0x2002, 0, 0, 0, 16), "6to4 (RFC 3056)"),
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 0, 3);
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address.is_unspecified() {
        return Reach::Never("the unspecified address, which reaches the host itself");
    }
    if address.is_loopback() {
        return Reach::Restricted("loopback");
    }
    if let Some((_, what)) = NEVER_V6.iter().find(|(range, _)| range.contains(&address)) {
        return Reach::Never(what);
    }
    let carried = carried_v4(address);
    if let Some(Reach::Never(what)) = carried.map(reach_v4) {
        return Reach::Never(what);
    }
    // A mapped address is the IPv4 address; a NAT64 one reaches it and is what DNS64 answers for every
    // public name on a network without IPv4. All other carriers are refused whatever they carry.
    if let (Some(inner), true) = (carried, address.to_ipv4_mapped().is_some() || NAT64.contains(&address)) {
        return reach_v4(inner);
    }
    if let Some((_, what)) = RESTRICTED_V6.iter().find(|(range, _)| range.contains(&address)) {
        return Reach::Restricted(what);
    }
    if GLOBAL_UNICAST.contains(&address) { Reach::Public } else { Reach::Restricted("not global unicast") }
}

/// The IPv4 address that an IPv6 one carries, in any of the translation and tunnel formats.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let low = from_segments(s6, s7);
    match (s0, s1, s2, s3, s4, s5) {
        // Compatible (RFC 4291, deprecated), mapped, translated (RFC 2765).
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => Some(low),
        (0x64, 0xff9b, ..) => Some(low),
        (0x2002, ..) => Some(from_segments(s1, s2)),
        // Teredo writes the client's address inverted.
        (0x2001, 0, ..) => Some(from_segments(!s6, !s7)),
        // ISATAP (RFC 5214), under any prefix.
        (.., 0 | 0x200, 0x5efe) => Some(low),
        _ => None,
    }
}

fn from_segments(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reachable() {
        for address in ["1.1.1.1", "52.94.5.1", "172.32.0.1", "100.128.0.1", "2600:1f18::1", "2001:4860:4860::8888"] {
            assert_eq!(judge(address), Reach::Public, "{address}");
        }
    }

    #[test]
    fn own_networks_are_restricted() {
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "127.0.0.1",
            "127.255.0.9",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "192.0.0.8",
            "::1",
            "fd12::1",
            "fec0::1",
            "2001:db8::1",
            "2001::fefe:fefe",
            "64:ff9b:1::101:101",
            "100::1",
            "4000::1",
            "5f00::1",
        ] {
            assert!(matches!(judge(address), Reach::Restricted(_)), "{address}: {:?}", judge(address));
        }
    }

    #[test]
    fn metadata_and_link_local_are_never_reachable_in_any_clothes() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:42::42",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2001:0:1:2:3:4:5601:5601",
            "2600::5efe:a9fe:a9fe",
        ] {
            assert!(matches!(judge(address), Reach::Never(_)), "{address}: {:?}", judge(address));
        }
    }

    #[test]
    fn a_carrier_of_a_private_address_is_not_public() {
        for address in ["::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1", "2002:0a00:1::1", "::10.0.0.1"] {
            assert!(matches!(judge(address), Reach::Restricted(_)), "{address}");
        }
        assert_eq!(judge("64:ff9b::1.1.1.1"), Reach::Public, "what DNS64 answers for a public name");
    }

    #[test]
    fn ranges_are_read_with_and_without_bits() {
        let range: AddressRange = "10.1.2.3/8".parse().unwrap();
        assert_eq!(range.to_string(), "10.0.0.0/8");
        assert!(range.contains("10.255.0.1".parse().unwrap()));
        assert!(range.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!range.contains("11.0.0.1".parse().unwrap()));
        assert_eq!("fd00::1".parse::<AddressRange>().unwrap().to_string(), "fd00::1/128");
        assert!("ten".parse::<AddressRange>().unwrap_err().to_string().contains("10.0.0.0/8"));
    }

    proptest! {
        #[test]
        fn every_translation_of_a_never_address_is_never(b in 0u8.., c in 0u8..) {
            let inner = Ipv4Addr::new(169, 254, b, c);
            let [s6, s7] = [u16::from_be_bytes([169, 254]), u16::from_be_bytes([b, c])];
            for address in [
                inner.to_ipv6_mapped(), inner.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, s6, s7), Ipv6Addr::new(0x2002, s6, s7, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 1, 2, 3, 4, !s6, !s7),
            ] {
                prop_assert!(matches!(reach(address.into()), Reach::Never(_)), "{}", address);
            }
        }
    }
}
