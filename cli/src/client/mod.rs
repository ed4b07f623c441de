//! The REST client: [`Client::send`] is the transport, `routes` has a method for each route, `events` the stream of an
//! operation's events.
//!
//! A POST carries an `Idempotency-Key`, so that it can be sent again when its connection breaks: the server performs
//! it once. GETs are sent again too; everything else is sent once.

pub mod address;
pub mod events;
pub mod lines;
pub mod routes;
pub mod sse;

use std::time::Duration;

use cloudark_api::problem::{Problem, ProblemKind};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use ulid::Ulid;
use url::Url;

use crate::exit::Failure;
use address::{Address, is_loopback};

/// How often a request that may be sent again is sent.
const TRIES: u32 = 3;

/// The longest answer that is read, in bytes.
const LARGEST: usize = 256 * 1024 * 1024;

/// A request.
#[derive(Debug)]
pub struct Call {
    doing: String,
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<(&'static str, Vec<u8>)>,
    if_match: Option<String>,
    patience: Duration,
}

impl Call {
    /// To this path; `doing` is how a failure begins: `creating environment "wp"`.
    pub fn new(doing: impl Into<String>, method: Method, path: &[&str]) -> Self {
        Self {
            doing: doing.into(),
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            if_match: None,
            patience: Duration::from_secs(60),
        }
    }

    /// With a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// With a JSON body.
    pub fn json<T: serde::Serialize>(mut self, body: &T) -> Result<Self, Failure> {
        let text = serde_json::to_vec(body)
            .map_err(|cause| Failure::Answer { doing: self.doing.clone(), cause: cause.to_string() })?;
        self.body = Some(("application/json", text));
        Ok(self)
    }

    /// With a component as its body.
    #[must_use]
    pub fn component(mut self, wasm: Vec<u8>) -> Self {
        self.body = Some(("application/wasm", wasm));
        self.patient()
    }

    /// Only if the document still has this ETag.
    #[must_use]
    pub fn if_match(mut self, etag: Option<String>) -> Self {
        self.if_match = etag;
        self
    }

    /// The server needs minutes for it: it asks a cloud, or compiles.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.patience = Duration::from_secs(600);
        self
    }

    fn headers(&self, token: &str) -> Result<HeaderMap, Failure> {
        let bad =
            |what: &str| Failure::Answer { doing: self.doing.clone(), cause: format!("{what} is no header value") };
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| bad("the token"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        if let Some((content_type, _)) = &self.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(etag) = &self.if_match {
            headers.insert(IF_MATCH, HeaderValue::from_str(etag).map_err(|_| bad("the ETag"))?);
        }
        if self.method == Method::POST {
            let key = HeaderValue::from_str(&Ulid::new().to_string()).map_err(|_| bad("the idempotency key"))?;
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        Ok(headers)
    }
}

/// Talks to one server.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
}

impl Client {
    /// For the server at this address; nothing is sent yet.
    ///
    /// # Errors
    /// The address is wrong, or TLS cannot be set up.
    pub fn new(address: Address) -> Result<Self, Failure> {
        // The provider is the process's; setting it a second time fails, and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("cld/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&address.url()?) {
            // No proxy stands between this machine and itself; and no certificates to read makes a faster start.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|cause| Failure::Local {
            doing: "setting up TLS".to_owned(),
            cause: std::io::Error::other(reasons(&cause)),
        })?;
        Ok(Self { http, address })
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether a server answers here; needs no token.
    pub async fn is_up(&self) -> bool {
        let Ok(mut url) = self.address.url() else {
            return false;
        };
        url.set_path("/v1/health");
        let answer = self.http.get(url).timeout(Duration::from_secs(2)).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// Sends a request and reads the answer as JSON.
    pub async fn fetch<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        Ok(self.fetch_tagged(call).await?.0)
    }

    /// Sends a request and reads the answer as JSON, with its ETag.
    pub async fn fetch_tagged<T: DeserializeOwned>(&self, call: Call) -> Result<(T, Option<String>), Failure> {
        let (doing, patience) = (call.doing.clone(), call.patience);
        let response = self.send(call).await?;
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = read(response, patience).await.map_err(|cause| Failure::Answer { doing: doing.clone(), cause })?;
        let value =
            serde_json::from_slice(&body).map_err(|cause| Failure::Answer { doing, cause: cause.to_string() })?;
        Ok((value, etag))
    }

    /// Sends a request whose answer does not matter but for its failure.
    pub async fn tell(&self, call: Call) -> Result<(), Failure> {
        self.send(call).await.map(drop)
    }

    /// Sends a request; the answer is a success.
    pub async fn send(&self, call: Call) -> Result<Response, Failure> {
        let url = self.url(&call)?;
        let token = self.address.token(&url)?;
        let headers = call.headers(&token)?;
        let may_repeat = matches!(call.method, Method::GET | Method::POST);
        let mut tried = 0;
        loop {
            tried += 1;
            let mut request = self.http.request(call.method.clone(), url.clone()).headers(headers.clone());
            if let Some((_, body)) = &call.body {
                request = request.body(body.clone());
            }
            let started = std::time::Instant::now();
            match tokio::time::timeout(call.patience, request.send()).await {
                Ok(Ok(response)) => {
                    let status = response.status();
                    tracing::info!(method = %call.method, path = url.path(), %status, took = ?started.elapsed(), "request");
                    return if status.is_success() { Ok(response) } else { Err(refusal(call.doing, response).await) };
                }
                Ok(Err(cause)) => {
                    tracing::info!(method = %call.method, path = url.path(), cause = reasons(&cause), "no answer");
                    if cause.is_connect() || !may_repeat || tried >= TRIES {
                        return Err(self.unreachable(&url, reasons(&cause)));
                    }
                }
                Err(_) => {
                    return Err(self.unreachable(&url, format!("no answer in {}s", call.patience.as_secs())));
                }
            }
            tokio::time::sleep(Duration::from_millis(200) * tried).await;
        }
    }

    /// Opens a stream that goes on for as long as the server has something to say.
    pub async fn open(&self, call: Call, accept: &'static str, last_event: Option<u64>) -> Result<Response, Failure> {
        let url = self.url(&call)?;
        let token = self.address.token(&url)?;
        let mut headers = call.headers(&token)?;
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(sequence) = last_event {
            headers.insert(HeaderName::from_static("last-event-id"), HeaderValue::from(sequence));
        }
        let sent = tokio::time::timeout(call.patience, self.http.get(url.clone()).headers(headers).send()).await;
        let response = sent
            .map_err(|_| self.unreachable(&url, "no answer".to_owned()))?
            .map_err(|cause| self.unreachable(&url, reasons(&cause)))?;
        tracing::info!(path = url.path(), status = %response.status(), ?last_event, "stream");
        if response.status().is_success() { Ok(response) } else { Err(refusal(call.doing, response).await) }
    }

    fn url(&self, call: &Call) -> Result<Url, Failure> {
        let mut url = self.address.url()?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn unreachable(&self, url: &Url, cause: String) -> Failure {
        let next = if is_loopback(url) {
            "start it with: cld server start".to_owned()
        } else {
            "check the address (--server, CLOUDARK_SERVER) and the network".to_owned()
        };
        Failure::Unreachable { address: url.origin().ascii_serialization(), cause, next }
    }
}

/// The server's reason, or what can be said without one.
async fn refusal(doing: String, response: Response) -> Failure {
    let status = response.status();
    let body = read(response, Duration::from_secs(10)).await.unwrap_or_default();
    let problem = serde_json::from_slice(&body).unwrap_or_else(|_| unexplained(status));
    Failure::Refused { doing, problem: Box::new(problem), source_file: None }
}

fn unexplained(status: StatusCode) -> Problem {
    let kind = match status.as_u16() {
        401 | 403 => ProblemKind::Denied,
        404 => ProblemKind::NotFound,
        409 | 412 => ProblemKind::Conflict,
        400..=499 => ProblemKind::Invalid,
        502..=504 => ProblemKind::Unavailable,
        _ => ProblemKind::Internal,
    };
    Problem {
        type_uri: "about:blank".to_owned(),
        kind,
        title: format!("the server answered {status} without a reason"),
        status: status.as_u16(),
        detail: None,
        next_step: None,
        operation: None,
        diagnostics: Vec::new(),
    }
}

/// A whole answer, up to [`LARGEST`].
async fn read(mut response: Response, patience: Duration) -> Result<Vec<u8>, String> {
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|cause| reasons(&cause))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(format!("it is larger than {LARGEST} bytes"));
            }
        }
        Ok(body)
    };
    tokio::time::timeout(patience, reading).await.map_err(|_| "it did not end".to_owned())?
}

/// The innermost cause of an error: `Connection refused (os error 111)` says more than `error sending request`.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
