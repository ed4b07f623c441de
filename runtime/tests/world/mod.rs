//! A server in this process, on a data directory of its own, and a client of it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloudark_runtime::api::App;
use cloudark_runtime::config::Config;
use cloudark_runtime::server::{Server, StartError};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that runs.
pub struct World {
    folder: TempDir,
    pub data: PathBuf,
    pub address: SocketAddr,
    pub app: App,
    client: Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    // As for a process: with it ends everything that the server has begun.
    runtime: Ending,
}

/// A runtime that ends without anybody waiting for it, unless somebody does.
struct Ending(Option<Runtime>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// A server that has been stopped.
pub struct Stopped {
    folder: TempDir,
    pub data: PathBuf,
}

/// On any free port, with little memory set aside for runs.
pub fn config() -> Config {
    let mut config = Config { listen: Some("127.0.0.1:0".parse().unwrap()), ..Config::default() };
    config.limits.concurrent_runs = 4;
    config
}

/// Why a server does not start here.
pub async fn start_error(data: &Path) -> StartError {
    match Server::start(data, &config()).await {
        Ok(_) => panic!("the server starts"),
        Err(error) => error,
    }
}

impl World {
    /// On a new data directory.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Stopped { folder, data }.start().await
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let token = std::fs::read_to_string(self.data.join("token")).unwrap();
        self.bare(method, path).bearer_auth(token.trim())
    }

    /// The JSON that is there.
    pub async fn get(&self, path: &str) -> Value {
        success(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// What a POST is answered with.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        success(json(self.request(Method::POST, path), body).send().await.unwrap()).await
    }

    /// A path beside the data directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Stops the server in good order.
    pub async fn stop(self) -> Stopped {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
        drop(self.app);
        let mut runtime = self.runtime;
        let runtime = runtime.0.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5))).await.unwrap();
        Stopped { folder: self.folder, data: self.data }
    }
}

impl Stopped {
    /// Starts a server on the directory.
    pub async fn start(self) -> World {
        // The provider is the process's; setting it a second time fails, and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let data = self.data.clone();
        let server = runtime.spawn(async move { Server::start(&data, &config()).await.unwrap() }).await.unwrap();
        let (address, app) = (server.address(), server.app().clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = runtime.spawn(server.run(async move {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        World {
            folder: self.folder,
            data: self.data,
            address,
            app,
            client,
            stop,
            running,
            runtime: Ending(Some(runtime)),
        }
    }
}

/// The request, with this body.
pub fn json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}

/// The JSON of an answer, which must be a success.
pub async fn success(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The problem that an answer is, and must be.
pub async fn problem(response: Response, status: u16, kind: &str) -> Value {
    let (url, found) = (response.url().clone(), response.status());
    let content_type = response.headers().get("content-type").cloned();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{url}: {text}");
    assert_eq!(content_type.unwrap(), "application/problem+json", "{url}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["kind"], kind, "{url}: {text}");
    assert_eq!(problem["status"], status, "{url}: {text}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{url}: {text}");
    problem
}
