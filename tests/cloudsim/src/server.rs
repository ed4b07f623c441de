//! The HTTP front: connections, the order of fault, latency and processing, and broken connections.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{Request as HttpRequest, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    cloud::{Reply, Request},
    config::Config,
    control,
    world::{Arrival, World},
};

/// A request body larger than this is refused: 8 MiB.
const BODY_LIMIT: usize = 8 << 20;

/// The world, shared by all connections.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// The world, locked. A panic of another holder is no reason to stop serving.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts simulators.
pub struct Sim;

impl Sim {
    /// Starts a simulator on a free port of 127.0.0.1, on a thread of its own.
    ///
    /// # Errors
    /// The port or the thread cannot be had.
    pub fn start(config: Config) -> io::Result<SimHandle> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), config)
    }

    /// Starts a simulator on this address.
    ///
    /// # Errors
    /// The address or the thread cannot be had.
    pub fn start_on(address: SocketAddr, config: Config) -> io::Result<SimHandle> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let shared = Shared(Arc::new(Mutex::new(World::new(config))));
        let thread = std::thread::Builder::new().name("cloudsim".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, shared, stopped)) {
                tracing::error!(%error, "the simulator stopped");
            }
            runtime.shutdown_background();
        })?;
        Ok(SimHandle { address, stop, thread: Some(thread) })
    }
}

/// A running simulator; it stops when this is dropped.
pub struct SimHandle {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl SimHandle {
    /// Where it listens, without a slash at the end: `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops it. Connections are closed, and its state is gone.
    pub fn stop(self) {}

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.stop.send(true);
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, shared: Shared, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let control = control::routes(shared.clone());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            _ = stopped.changed() => return Ok(()),
        };
        let _ = stream.set_nodelay(true);
        let (shared, control) = (shared.clone(), control.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(shared.clone(), control.clone(), request));
            // An error here is a connection that broke, by the peer's hand or by a fault's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by a scripted fault")
    }
}

impl std::error::Error for Hangup {}

impl From<Infallible> for Hangup {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

async fn answer(shared: Shared, control: Router, request: HttpRequest<Incoming>) -> Result<Response, Hangup> {
    if request.uri().path().starts_with("/_sim/") {
        return Ok(control.oneshot(request.map(Body::new)).await?);
    }
    let Some(request) = read(request).await else {
        return Ok((StatusCode::BAD_REQUEST, "the body cannot be read, or is too large").into_response());
    };
    // On a task of its own: a client that goes away does not stop what it has sent.
    match tokio::spawn(handle(shared, request)).await {
        Ok(Some(reply)) => Ok(render(reply)),
        Ok(None) => Err(Hangup),
        Err(_) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}

async fn read(request: HttpRequest<Incoming>) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT).await.ok()?;
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Some(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

/// One call from arrival to answer; `None` closes the connection.
async fn handle(shared: Shared, request: Request) -> Option<Reply> {
    let Some(arrival) = shared.lock().arrive(&request) else {
        return Some(Reply {
            status: 404,
            headers: vec![("content-type".into(), "text/plain".into())],
            body: b"cloudsim: no simulated cloud recognises this request".to_vec(),
            code: None,
            account: None,
            ignored: Vec::new(),
        });
    };
    let latency = shared.lock().config.latency_ms;
    pause(latency / 2).await;
    let reply = strike(&shared, &arrival, &request).await;
    pause(latency - latency / 2).await;
    if let Some(reply) = &reply {
        shared.lock().calls.answered(arrival.n, reply);
    }
    reply
}

async fn strike(shared: &Shared, arrival: &Arrival, request: &Request) -> Option<Reply> {
    let Some(fault) = &arrival.fault else {
        return shared.lock().process(arrival, request);
    };
    let reply = if fault.lets_through() { shared.lock().process(arrival, request) } else { None };
    pause(fault.held_ms()).await;
    if fault.breaks() {
        return None;
    }
    shared.lock().refuse(arrival).or(reply)
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn render(reply: Reply) -> Response {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
