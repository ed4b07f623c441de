//! Which headers an extension may set: few, by a list of those that pass.
//!
//! Framing, routing and credentials are the host's; a header that tells a server to take another method than
//! the one that was checked is nobody's. `Accept-Encoding` and `Range` are not on the list either: a compressed
//! or partial answer would escape the scrubbing of secrets.

use super::{HttpCall, Protocol, Refusal};

/// Headers that pass without being granted.
const PASS: [&str; 6] = ["accept", "accept-language", "content-type", "if-match", "if-none-match", "user-agent"];

/// Headers that no grant can give: hop-by-hop (RFC 9110, section 7.6.1), framing, routing, credentials, cookies,
/// and those that replace the method.
const HOSTS: [&str; 30] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Prefixes of the same.
const HOSTS_PREFIXES: [&str; 5] = ["proxy-", "sec-", "x-amz-", "x-forwarded-", "impersonate-"];

/// The header that names the operation under [`Protocol::TargetHeader`].
pub(super) const TARGET: &str = "x-amz-target";

/// Whether a grant's `headers` list may name it.
pub fn may_be_granted(name: &str) -> bool {
    is_token(name) && !belongs_to_the_host(name)
}

pub(super) fn belongs_to_the_host(name: &str) -> bool {
    // Some servers read `_` as `-`: a name is judged by what it may be read as.
    let name = name.to_ascii_lowercase().replace('_', "-");
    HOSTS.contains(&name.as_str()) || HOSTS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A token of RFC 9110, section 5.6.2.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub(super) fn check(protocol: Protocol, call: &HttpCall<'_>, granted: &[String]) -> Result<(), Refusal> {
    for (index, (name, value)) in call.headers.iter().enumerate() {
        if !is_token(name) {
            return Err(Refusal::new(format!("`{}` is no name of a header", name.escape_default())));
        }
        if !value.bytes().all(|b| b == b' ' || b == b'\t' || b.is_ascii_graphic()) {
            return Err(Refusal::new(format!("the header `{name}` has a character that is not printable ASCII")));
        }
        if call.headers.iter().take(index).any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            return Err(Refusal::new(format!("the header `{name}` is there twice")));
        }
        let target = protocol == Protocol::TargetHeader && name.eq_ignore_ascii_case(TARGET);
        if !target && belongs_to_the_host(name) {
            return Err(Refusal::new(format!("the header `{name}` belongs to the host")));
        }
        let passes = target
            || PASS.iter().any(|pass| pass.eq_ignore_ascii_case(name))
            || granted.iter().any(|pass| pass.eq_ignore_ascii_case(name));
        if !passes {
            return Err(Refusal::new(format!("the header `{name}` is not granted: add it to `headers`")));
        }
    }
    Ok(())
}

/// Whether the content type is one of these, with no parameter but `charset=utf-8`.
pub(super) fn content_type_is(call: &HttpCall<'_>, accepts: impl Fn(&str) -> bool) -> bool {
    let Some(value) = call.header("content-type") else {
        return false;
    };
    let value = value.to_ascii_lowercase();
    let (kind, parameter) = match value.split_once(';') {
        Some((kind, parameter)) => (kind.trim(), Some(parameter.trim())),
        None => (value.trim(), None),
    };
    accepts(kind) && matches!(parameter, None | Some("charset=utf-8"))
}
