//! Who may ask: the token, and against web pages that a browser lets reach this machine: `Host` and `Origin`.
//!
//! A page of another origin can make a browser send requests to loopback, and by DNS rebinding even read the
//! answers: the `Host` of such a request is the page's, and a cross-origin one carries `Origin`. Neither passes.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cloudark_api::problem::ProblemKind;
use subtle::ConstantTimeEq as _;

use super::App;
use super::refusal::Refusal;

/// The only path that is answered without a token.
const OPEN: &str = "/v1/health";

/// Lets pass what may.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let allowed = check_place(request.uri(), request.headers(), &app.hosts)
        .and_then(|()| if request.uri().path() == OPEN { Ok(()) } else { check_token(request.headers(), &app.token) });
    match allowed {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The values of `Host` that this server is reached by.
#[must_use]
pub fn hosts(address: std::net::SocketAddr, further: &[String]) -> Vec<String> {
    let port = address.port();
    let mut hosts =
        vec![format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), address.to_string()];
    // Browsers leave the port out when it is http's own.
    if port == 80 {
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    hosts.extend(further.iter().map(|host| host.to_ascii_lowercase()));
    hosts
}

fn check_place(uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Result<(), Refusal> {
    let host = only(headers, &header::HOST)?
        .ok_or_else(|| Refusal::denied("the request has no Host header"))?
        .to_ascii_lowercase();
    let is_ours = |host: &str| hosts.iter().any(|ours| ours == host);
    let other = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    if !is_ours(&host) || other.is_some_and(|authority| authority != host) {
        return Err(Refusal::denied(format!("the request is for the host \"{host}\", and this server is not that"))
            .next_step("reach it at its own address, or name the host under `hosts` in its configuration"));
    }
    if let Some(origin) = only(headers, &header::ORIGIN)? {
        let own = origin
            .split_once("://")
            .is_some_and(|(scheme, of)| matches!(scheme, "http" | "https") && of.eq_ignore_ascii_case(&host));
        if !own {
            return Err(Refusal::denied(format!("requests of web pages from {origin} are not answered")));
        }
    }
    Ok(())
}

/// A header that may come once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| Refusal::denied(format!("the header {name} is no text")))?;
            Ok(Some(text))
        }
        _ => Err(Refusal::denied(format!("the header {name} comes twice"))),
    }
}

fn check_token(headers: &HeaderMap, token: &str) -> Result<(), Refusal> {
    let unauthorized = |what: &str| {
        Refusal::new(StatusCode::UNAUTHORIZED, ProblemKind::Denied, what).next_step(
            "send `Authorization: Bearer TOKEN`; the token is in the file `token` of the server's data directory",
        )
    };
    let given = only(headers, &header::AUTHORIZATION)?.ok_or_else(|| unauthorized("the request has no token"))?;
    let given = given
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| unauthorized("the request has no bearer token"))?;
    // Of the same length it takes the same time wherever they differ.
    if bool::from(given.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(unauthorized("the token is wrong")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn place(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let ours = hosts("127.0.0.1:5002".parse().unwrap(), &["Cloudark.example.com".to_owned()]);
        check_place(&Uri::from_static("/v1/server"), &headers, &ours).is_ok()
    }

    #[test]
    fn only_this_machines_names_are_answered() {
        for host in ["localhost:5002", "LOCALHOST:5002", "127.0.0.1:5002", "[::1]:5002", "cloudark.example.com"] {
            assert!(place(host, None), "{host}");
        }
        for host in
            ["localhost", "localhost:5003", "evil.example:5002", "127.0.0.1.evil.example:5002", "localhost:5002.", ""]
        {
            assert!(!place(host, None), "{host}");
        }
    }

    #[test]
    fn web_pages_of_others_are_refused() {
        assert!(place("localhost:5002", Some("http://localhost:5002")));
        for origin in
            ["http://localhost:5003", "http://127.0.0.1:5002", "https://evil.example", "null", "file://localhost:5002"]
        {
            assert!(!place("localhost:5002", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_request_line_cannot_name_another_host() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:5002".parse().unwrap());
        let ours = hosts("127.0.0.1:5002".parse().unwrap(), &[]);
        assert!(check_place(&Uri::from_static("http://localhost:5002/v1/server"), &headers, &ours).is_ok());
        assert!(check_place(&Uri::from_static("http://evil.example/v1/server"), &headers, &ours).is_err());
        headers.append(header::HOST, "localhost:5002".parse().unwrap());
        assert!(check_place(&Uri::from_static("/v1/server"), &headers, &ours).is_err());
    }

    #[test]
    fn a_token_is_compared_whole() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            check_token(&headers, "secret")
        };
        assert!(with("Bearer secret").is_ok());
        assert!(with("bearer secret").is_ok());
        for value in ["Bearer secre", "Bearer secrets", "Bearer ", "Basic secret", "secret"] {
            assert_eq!(with(value).unwrap_err().status(), StatusCode::UNAUTHORIZED, "{value}");
        }
        assert_eq!(check_token(&HeaderMap::new(), "secret").unwrap_err().status(), StatusCode::UNAUTHORIZED);
    }
}
