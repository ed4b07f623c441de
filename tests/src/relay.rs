//! What stands between a client and a server: it writes down each request, answers some by itself, and passes the
//! others on as they are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the relay answered it by itself.
    pub answered_here: bool,
}

/// An answer of the relay's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    pub content_type: &'static str,
    pub body: String,
}

/// Decides which requests are answered here: by headers and body.
pub type Answering = fn(&HeaderMap, &[u8]) -> Option<Own>;

/// How requests are passed on.
#[derive(Clone, Copy)]
pub struct Rules {
    /// The client's `Host` goes on too; otherwise the server sees its own.
    pub keep_host: bool,
    pub answering: Answering,
}

impl Rules {
    /// Everything is passed on, to a server that answers to its own name only.
    pub fn watch() -> Self {
        Self { keep_host: false, answering: |_, _| None }
    }
}

/// A running relay.
#[derive(Clone)]
pub struct Relay {
    pub url: String,
    seen: Arc<Mutex<Vec<Passed>>>,
}

#[derive(Clone)]
struct Shared {
    upstream: String,
    http: reqwest::Client,
    rules: Rules,
    seen: Arc<Mutex<Vec<Passed>>>,
}

impl Relay {
    /// Stands before this server.
    pub async fn before(upstream: &str, rules: Rules) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        // No connection is kept: one that the server has closed meanwhile would look like a fault of the server.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let shared =
            Shared { upstream: upstream.trim_end_matches('/').to_owned(), http, rules, seen: Arc::clone(&seen) };
        let router = Router::new().fallback(pass).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}"), seen }
    }

    /// What has come by, in order.
    pub fn seen(&self) -> Vec<Passed> {
        self.seen.lock().expect("no handler panics").clone()
    }
}

async fn pass(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<axum::body::Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let own = (shared.rules.answering)(&headers, &body);
    let noted =
        headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    shared.seen.lock().expect("no handler panics").push(Passed {
        method: method.to_string(),
        path: path.clone(),
        headers: noted.collect(),
        body: body.to_vec(),
        answered_here: own.is_some(),
    });
    if let Some(own) = own {
        return Response::builder()
            .header(header::CONTENT_TYPE, own.content_type)
            .body(own.body.into())
            .expect("an answer");
    }
    let mut onward = headers;
    // Of this connection, and not of the message.
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        onward.remove(name);
    }
    if !shared.rules.keep_host {
        onward.remove(header::HOST);
    }
    let sent =
        shared.http.request(method, format!("{}{path}", shared.upstream)).headers(onward).body(body).send().await;
    match sent {
        Ok(answer) => {
            let mut response = Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                if ![header::CONNECTION, header::TRANSFER_ENCODING].contains(name) {
                    response = response.header(name, value);
                }
            }
            response.body(axum::body::Body::from_stream(answer.bytes_stream())).expect("an answer")
        }
        Err(error) => Response::builder()
            .status(StatusCode::BAD_GATEWAY)
            .body(format!("the relay reaches nobody: {error}").into())
            .expect("an answer"),
    }
}
