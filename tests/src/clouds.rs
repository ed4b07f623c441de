//! A cloud under test, behind one face.

use serde_json::{Value, json};

use crate::client::Client;
use crate::fixture_cloud::{FixtureCloud, KEY};

/// A value that a fixture cloud hands out, and that a grant captures.
pub const CAPTURED: &str = "captured-token-91c4e7aa02";

/// What the crash matrix asks of a cloud.
pub trait CloudUnderTest {
    /// Where it listens.
    fn url(&self) -> String;
    /// Everything that exists in it and that somebody made.
    fn inventory(&self) -> impl Future<Output = Vec<String>>;
    /// What exists twice.
    fn duplicates(&self) -> impl Future<Output = Vec<String>>;
}

impl CloudUnderTest for FixtureCloud {
    fn url(&self) -> String {
        self.url.clone()
    }
    async fn inventory(&self) -> Vec<String> {
        FixtureCloud::inventory(self)
    }
    async fn duplicates(&self) -> Vec<String> {
        FixtureCloud::duplicates(self)
    }
}

/// cloudsim, as a cloud under test.
pub struct SimulatedAws {
    pub sim: cloudsim::SimHandle,
}

impl SimulatedAws {
    pub fn start() -> Self {
        Self { sim: cloudsim::Sim::start(cloudsim::Config::default()).expect("cloudsim starts") }
    }

    /// Asks its control API.
    pub async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = http.request(method, format!("{}/_sim/{path}", self.sim.url()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("cloudsim answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Its credentials, for `cld setup aws`.
    pub fn key() -> Value {
        json!({ "source": "key", "id": "AKIDEXAMPLE", "secret": "cloudsim-secret-key" })
    }
}

impl CloudUnderTest for SimulatedAws {
    fn url(&self) -> String {
        self.sim.url().to_owned()
    }

    async fn inventory(&self) -> Vec<String> {
        let inventory = self.control("GET", "inventory", None).await;
        let resources = inventory["resources"].as_array().cloned().unwrap_or_default();
        resources
            .iter()
            .map(|one| format!("{} {} {}", one["type"].as_str().unwrap_or_default(), one["name"], one["id"]))
            .collect()
    }

    async fn duplicates(&self) -> Vec<String> {
        let inventory = self.control("GET", "inventory", None).await;
        inventory["duplicates"].as_array().map(|all| all.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

/// Installs the fixture extension and sets its cloud up.
pub async fn set_up_fixture(client: &Client, cloud: &FixtureCloud) {
    client.install(&crate::guest("fixture")).await.ok();
    client.set_up("fix", &cloud.url, json!({ "source": "value", "secret": KEY })).await;
}

/// Installs the aws extension and sets its cloud up.
pub async fn set_up_aws(client: &Client, cloud: &SimulatedAws) {
    client.install(&crate::extension("aws")).await.ok();
    client.set_up("aws", &cloud.url(), SimulatedAws::key()).await;
}
