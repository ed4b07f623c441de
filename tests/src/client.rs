//! The server's REST API, as tests use it.

use std::path::Path;
use std::time::{Duration, Instant};

use cloudark_api::operation::{Event, Operation, OperationStatus};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub url: String,
    pub token: String,
}

/// An answer: its status and its body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {:#}", self.status, self.body);
        self.body
    }

    /// The operation that was accepted.
    pub fn operation(self) -> String {
        self.ok()["operation"].as_str().expect("an operation").to_owned()
    }
}

impl Client {
    /// The server of this data folder, if it has said where it is.
    pub fn of(data: &Path) -> Option<Self> {
        let server: Value = serde_json::from_slice(&std::fs::read(data.join("server.json")).ok()?).ok()?;
        let token = std::fs::read_to_string(data.join("token")).ok()?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().ok()?;
        let url = format!("http://{}", server["address"].as_str()?);
        Some(Self { http, url, token: token.trim().to_owned() })
    }

    pub async fn is_up(&self) -> bool {
        let answer = self.http.get(format!("{}/v1/health", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Answer, reqwest::Error> {
        self.send_with(method, path, body, None).await
    }

    /// With an idempotency key: a repetition of what was accepted gets the same answer.
    pub async fn send_once(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: &str,
    ) -> Result<Answer, reqwest::Error> {
        self.send_with(method, path, body, Some(key)).await
    }

    async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("idempotency-key", hex::encode(Sha256::digest(key)));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await.expect("the server answers")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await.expect("the server answers")
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await.expect("the server answers")
    }

    /// Only if the document still has this ETag.
    pub async fn put_if(&self, path: &str, etag: &str, body: Value) -> Answer {
        let request = self.http.put(format!("{}{path}", self.url)).bearer_auth(&self.token).header("if-match", etag);
        let answer = request.json(&body).send().await.expect("the server answers");
        let status = answer.status().as_u16();
        Answer { status, body: answer.json().await.unwrap_or_default() }
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await.expect("the server answers")
    }

    /// Installs a component, agreeing to what it asks for.
    pub async fn install(&self, wasm: &Path) -> Answer {
        let bytes = std::fs::read(wasm).expect("the component is there");
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        self.install_agreeing(bytes, &digest).await
    }

    /// Installs a component, agreeing to the one with this digest.
    pub async fn install_agreeing(&self, bytes: Vec<u8>, digest: &str) -> Answer {
        let answer = self
            .http
            .post(format!("{}/v1/extensions?agree={digest}", self.url))
            .bearer_auth(&self.token)
            .header("content-type", "application/wasm")
            .body(bytes)
            .send()
            .await
            .expect("the server answers");
        let status = answer.status().as_u16();
        Answer { status, body: answer.json().await.unwrap_or_default() }
    }

    /// Sets a cloud up with one key, on a simulator.
    pub async fn set_up(&self, cloud: &str, endpoint: &str, credentials: Value) {
        let body = json!({ "credentials": credentials, "settings": { "region": "us-east-1" }, "endpoint": endpoint });
        self.put(&format!("/v1/clouds/{cloud}"), body).await.ok();
    }

    pub async fn create(&self, name: &str, file: &str) -> String {
        self.post("/v1/environments", json!({ "name": name, "file": file })).await.operation()
    }

    pub async fn operation(&self, id: &str) -> Operation {
        serde_json::from_value(self.get(&format!("/v1/operations/{id}")).await.ok()).expect("an operation")
    }

    /// Waits until an operation has ended.
    pub async fn ended(&self, id: &str) -> Operation {
        self.ended_within(id, Duration::from_secs(120)).await
    }

    pub async fn ended_within(&self, id: &str, at_most: Duration) -> Operation {
        let until = Instant::now() + at_most;
        loop {
            let operation = self.operation(id).await;
            if operation.status.is_final() {
                return operation;
            }
            assert!(Instant::now() < until, "the operation does not end: {operation:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until an operation has succeeded.
    pub async fn succeeded(&self, id: &str) -> Operation {
        let operation = self.ended(id).await;
        if operation.status != OperationStatus::Succeeded {
            let events = self.events(id).await;
            panic!("{operation:#?}\n{events:#?}");
        }
        operation
    }

    /// The events of an operation so far; one that runs has more to come.
    pub async fn events_so_far(&self, id: &str) -> Vec<Event> {
        let request = self.http.get(format!("{}/v1/operations/{id}/events", self.url)).bearer_auth(&self.token);
        let mut answer = request.send().await.expect("the server answers");
        let mut text = Vec::new();
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_millis(100), answer.chunk()).await {
            text.extend_from_slice(&chunk);
        }
        events(&String::from_utf8_lossy(&text))
    }

    /// All events of an operation that has ended.
    pub async fn events(&self, id: &str) -> Vec<Event> {
        let answer = self
            .http
            .get(format!("{}/v1/operations/{id}/events", self.url))
            .bearer_auth(&self.token)
            .send()
            .await
            .expect("the server answers");
        events(&answer.text().await.expect("the stream ends"))
    }
}

/// The events in a stream of server-sent events.
fn events(stream: &str) -> Vec<Event> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|line| serde_json::from_str(line.trim()).ok()).collect()
}
