//! Reading an answer, up to a limit of bytes and time.

use http::header;
use tokio::time::{Instant, timeout_at};

use super::target::Target;
use super::{Inbound, SendError, chain};

/// Reads the answer. The request has been sent by now, so every failure says so.
pub(super) async fn receive(
    mut response: reqwest::Response,
    target: &Target,
    until: Instant,
    limit: u64,
) -> Result<Inbound, SendError> {
    let status = response.status().as_u16();
    let broke_off = |why: String| SendError::MaybeSent(format!("{} answered {status}, then {why}", target.origin));
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if let Some(encoding) = encoding.filter(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(broke_off(format!("sent its body as `{encoding}`, which it was not asked for")));
    }
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(SendError::TooLarge(limit));
    }
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let mut body = Vec::new();
    loop {
        let chunk = match timeout_at(until, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => {
                return Ok(Inbound { status, headers, body });
            }
            Ok(Err(error)) => {
                return Err(broke_off(format!("broke off: {}", chain(&error.without_url()))));
            }
            Err(_) => return Err(broke_off("took too long to send its body".to_owned())),
        };
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(SendError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
}
