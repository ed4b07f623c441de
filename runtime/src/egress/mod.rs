//! Requests that leave the server.
//!
//! Everything an extension, or the host itself, sends to a cloud goes through [`Egress::send`]: one function
//! that decides where a request may go, sends it at most once, and says truthfully what became of it.
//!
//! ```text
//! Outbound ─► target (URL, address literals) ─► headers ─► client of this extension and origin
//!                                                            │ resolve, filter, dial, TLS, send-before
//! Inbound  ◄─ read up to the limit ◄─ answer ◄───────────────┘
//! ```
//!
//! What it guarantees:
//!
//! * https only, verified against the system's authorities or the one given; http only to loopback and only
//!   when the caller says that a grant names it. No redirect is followed, no cookie kept, no answer
//!   decompressed, nothing sent twice.
//! * Only addresses that [`address::reach`] and the operator's ranges allow are dialled; the decision is made
//!   on the addresses that are then dialled, for each connection anew.
//! * [`SendError::NotSent`], [`SendError::Refused`] and [`SendError::Expired`] are proofs that no byte of the
//!   request has left this machine. Everything that is not provably so is [`SendError::MaybeSent`].
//! * No error and no `Debug` shows a header's value, a query, or a body.
//!
//! [`substitute`] writes secrets into a request before it is signed, [`scrub`] takes them out of what comes
//! back.

pub mod address;
mod clients;
mod gate;
mod headers;
mod names;
mod proxy;
mod receive;
pub mod scrub;
pub mod substitute;
mod target;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout_at};

use address::AddressRange;
use clients::Clients;
use gate::{LIMITS, Limits};
pub use names::{Names, SystemNames};
pub use proxy::{NotAProxy, Proxy};
use target::{Refusal, Target};

/// A request as it goes over the wire: secrets are in it and it is signed.
#[derive(Clone)]
pub struct Outbound {
    /// `GET`, `POST` …; not `CONNECT` or `TRACE`.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Without those that the client writes: `Host`, `Content-Length`, hop-by-hop ones.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// For all of it: connecting, sending and reading the answer.
    pub timeout: Duration,
    /// The most bytes of the answer's body that are read.
    pub max_response: u64,
    /// Whether a grant names this origin as a plain-http one on loopback.
    pub allow_loopback_http: bool,
    /// Ranges of restricted addresses that the operator opened for this origin.
    pub allowed_ranges: Vec<AddressRange>,
    /// The authority to verify this origin against instead of the system's (PEM).
    pub ca: Option<String>,
    /// The request must not leave after this time.
    pub send_before: SystemTime,
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The status code.
    pub status: u16,
    /// In the order they came; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// At most `max_response` bytes.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The request may not be sent, and trying again will not change that. Nothing left this machine.
    #[error("refused: {0}")]
    Refused(String),
    /// The connection could not be made. No byte of the request left this machine.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request, or a part of it, may have reached the origin, which may have performed it.
    #[error("sent, but without an answer: {0}")]
    MaybeSent(String),
    /// The origin answered with more than this many bytes. It has performed the request, or refused it.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The send-before time had passed. No byte of the request left this machine.
    #[error("not sent: the time to send it has passed")]
    Expired,
}

/// How requests leave.
pub struct EgressConfig {
    /// Resolves names.
    pub names: Arc<dyn Names>,
    /// The operator's proxy. The environment's `HTTPS_PROXY` is not read.
    pub proxy: Option<Proxy>,
    /// For resolving, connecting and the TLS handshake together; never more than half of a request's own
    /// limit.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            names: Arc::new(SystemNames),
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
        }
    }
}

/// Sends requests.
pub struct Egress {
    clients: Clients,
    connect_timeout: Duration,
}

/// The longest that a request may take, whatever its limit says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Egress {
    /// An egress of its own: connections and the system's certificate authorities, read once.
    #[must_use]
    pub fn new(config: EgressConfig) -> Self {
        let EgressConfig { names, proxy, connect_timeout, idle_timeout } = config;
        Self { clients: Clients::new(names, proxy, idle_timeout), connect_timeout }
    }

    /// Sends a request once and reads the answer. Connections are shared within a `pool`, one for each
    /// extension.
    ///
    /// Dropping the future half-way drops the request with it: a caller that must know what became of a
    /// mutating request runs this on a task of its own.
    ///
    /// # Errors
    /// See [`SendError`]; each says whether the request can have had an effect.
    pub async fn send(&self, pool: &str, out: Outbound) -> Result<Inbound, SendError> {
        let target = target::target(&out.url, out.allow_loopback_http, &out.allowed_ranges)?;
        let method = method(&out.method)?;
        let headers = headers::headers(&out.headers)?;
        let client = self
            .clients
            .get(pool, &target, out.ca.as_deref())
            .map_err(|error| SendError::Refused(format!("{}: {}", target.origin, chain(&error))))?;

        let mut request = client.request(method, target.url.clone()).headers(headers);
        if !out.body.is_empty() {
            request = request.body(out.body);
        }
        if SystemTime::now() >= out.send_before {
            return Err(SendError::Expired);
        }
        let (now, timeout) = (Instant::now(), out.timeout.min(LONGEST));
        let until = now + timeout;
        let connect_by = now + self.connect_timeout.min(timeout / 2);
        let sending = LIMITS.scope(Limits { send_before: out.send_before, connect_by }, request.send());
        match timeout_at(until, sending).await {
            Ok(Ok(response)) => receive::receive(response, &target, until, out.max_response).await,
            Ok(Err(error)) => Err(self.failed(&target, error)),
            Err(_) => Err(SendError::MaybeSent(format!(
                "{} gave no answer within {} s",
                target.origin,
                timeout.as_secs_f32()
            ))),
        }
    }

    /// What an error of the HTTP client proves.
    fn failed(&self, target: &Target, error: reqwest::Error) -> SendError {
        // The URL's query may carry what must not be in a message.
        let error = error.without_url();
        if find::<gate::Late>(&error).is_some() {
            return SendError::Expired;
        }
        if let Some(refusal) = find::<Refusal>(&error) {
            return SendError::Refused(refusal.to_string());
        }
        let mut message = format!("{}: {}", target.origin, chain(&error));
        // The client could not even put the request together.
        if error.is_builder() {
            return SendError::Refused(message);
        }
        // A connect error ends in the connector: name, dial, proxy tunnel or TLS handshake. The request is
        // written only after it.
        if error.is_connect() {
            let tls = find::<rustls::Error>(&error).is_some();
            if let Some(hint) = self.clients.roots.hint().filter(|_| tls) {
                message = format!("{message}; {hint}");
            }
            return SendError::NotSent(message);
        }
        SendError::MaybeSent(message)
    }
}

impl From<Refusal> for SendError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}

fn method(name: &str) -> Result<http::Method, Refusal> {
    match http::Method::from_bytes(name.as_bytes()) {
        // CONNECT would make a tunnel; TRACE answers with the request's headers, credentials among them.
        Ok(http::Method::CONNECT | http::Method::TRACE) | Err(_) => {
            Err(Refusal(format!("`{}` is not a method that can be sent", name.escape_debug())))
        }
        Ok(method) => Ok(method),
    }
}

/// The first cause of this type.
fn find<'a, E: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a E> {
    // An I/O error hands out what it wraps by `get_ref`, and only that one's source as its own.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error
        .downcast_ref::<E>()
        .or_else(|| wrapped.and_then(|inner| find::<E>(inner)))
        .or_else(|| error.source().and_then(|source| find::<E>(source)))
}

/// An error and its causes on one line, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // What the client's layers add says nothing about what went wrong.
        if !LAYERS.contains(&text.as_str()) && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}

const LAYERS: &[&str] = &["error sending request", "client error (Connect)", "client error (SendRequest)", "dns error"];

impl fmt::Debug for Outbound {
    /// Without query, header values and body: secrets are in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let origin = target::target(&self.url, true, &self.allowed_ranges).map(|target| target.origin.to_string());
        f.debug_struct("Outbound")
            .field("method", &self.method)
            .field("origin", &origin.as_deref().unwrap_or("refused"))
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inbound {
    /// Without header values and body: they are not scrubbed yet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
