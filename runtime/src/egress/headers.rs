//! Request headers: which ones belong to the host, and that none carries more than itself.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::target::Refusal;

/// Headers that the HTTP client writes itself. Two opinions on where a message ends are how one request is
/// smuggled inside another (RFC 9112, section 11.2), so a caller's is refused, not merged.
const OF_THE_CLIENT: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "keep-alive",
    "http2-settings",
];

/// Checks the caller's headers and adds ours.
pub(super) fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::with_capacity(pairs.len() + 1);
    for (name, value) in pairs {
        // The value is left out of every message: it may be a credential.
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Refusal(format!("`{}` is not a header name", name.escape_debug())))?;
        if OF_THE_CLIENT.contains(&parsed.as_str()) {
            return Err(Refusal(format!("the header `{parsed}` is set by the host; leave it out")));
        }
        if parsed == header::ACCEPT_ENCODING {
            if value.trim().eq_ignore_ascii_case("identity") {
                continue;
            }
            return Err(Refusal("responses are read uncompressed; leave `accept-encoding` out".to_owned()));
        }
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| Refusal(format!("the value of the header `{parsed}` holds a control character")))?;
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    // A compressed response could not be scrubbed of secrets, nor bounded by its length.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(headers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<HeaderMap, Refusal> {
        headers(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_line_break_cannot_add_a_header() {
        for value in ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"] {
            let refused = one("x-amz-target", value).unwrap_err().to_string();
            assert_eq!(refused, "the value of the header `x-amz-target` holds a control character");
        }
        for name in ["x a", "x:a", "x\r\nHost", "", "é"] {
            assert!(one(name, "v").is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_clients_own_headers_are_refused() {
        for name in ["Host", "content-length", "Transfer-Encoding", "connection", "Proxy-Authorization", "Expect", "TE"]
        {
            assert!(one(name, "x").unwrap_err().to_string().contains("set by the host"), "{name}");
        }
    }

    #[test]
    fn compressed_answers_cannot_be_asked_for() {
        assert!(one("Accept-Encoding", "gzip").is_err());
        assert_eq!(one("Accept-Encoding", "identity").unwrap()["accept-encoding"], "identity");
    }

    #[test]
    fn debug_does_not_show_header_values() {
        let headers = one("authorization", "Bearer hunter22hunter22").unwrap();
        assert!(!format!("{headers:?}").contains("hunter22"));
    }

    #[test]
    fn repeated_headers_are_all_kept() {
        let pairs = [("x-a".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())];
        assert_eq!(headers(&pairs).unwrap().get_all("x-a").iter().count(), 2);
    }
}
