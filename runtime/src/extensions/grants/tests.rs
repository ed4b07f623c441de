//! The promises of the matcher, on an invented cloud that speaks `rest` and signs with a header.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod bodies;
mod format;
mod properties;
mod requests;

use super::*;
use proptest::prelude::*;
use serde_json::json;

pub(crate) const ACME: &str = include_str!("tests/acme.yaml");

/// An environment that minted `env-db` and `env-role`, owns `db-1` and `net-1`, and whose files say `nginx:1`.
pub(crate) struct World {
    pub(crate) mark: Vec<(String, String)>,
}

impl Default for World {
    fn default() -> Self {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        Self { mark: vec![pair("cloudark:environment", "e-1"), pair("cloudark:piece", "db")] }
    }
}

impl Facts for World {
    fn is_minted(&self, name: &str) -> bool {
        ["env-db", "env-role", "/env/db"].contains(&name)
    }
    fn is_owned(&self, id: &str) -> bool {
        ["db-1", "net-1"].contains(&id)
    }
    fn is_from_application(&self, value: &str) -> bool {
        value == "nginx:1"
    }
    fn account(&self) -> Option<&str> {
        Some("123456789012")
    }
    fn setting(&self, name: &str) -> Option<&str> {
        (name == "region").then_some("eu-1")
    }
    fn mark(&self) -> &[(String, String)] {
        &self.mark
    }
}

/// A request that owns what it is made of.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) signer: Option<Signer>,
    pub(crate) substitutions: Vec<Substitution>,
}

impl Request {
    pub(crate) fn call(&self) -> HttpCall<'_> {
        HttpCall {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            signer: self.signer.as_ref(),
            substitutions: &self.substitutions,
            timeout_ms: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn secret(mut self, field: &str, placeholder: &str, encoding: Encoding) -> Self {
        self.substitutions.push(Substitution {
            secret: format!("ref-of-{placeholder}"),
            placeholder: placeholder.into(),
            encoding,
            field: field.into(),
        });
        self
    }

    pub(crate) fn check(&self, grants: &Grants) -> Result<Permit, Denial> {
        grants.check(&self.call(), &World::default(), Mode::Operation)
    }
}

fn acme() -> Grants {
    Grants::from_yaml(ACME).unwrap()
}

fn rest(method: &str, path: &str, body: Option<serde_json::Value>) -> Request {
    let headers = body.iter().map(|_| ("Content-Type".to_owned(), "application/json".to_owned())).collect();
    Request {
        method: method.into(),
        url: format!("https://db.eu.acme.example{path}"),
        headers,
        body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        signer: Some(Signer::Header { name: "X-Acme-Key".into(), prefix: String::new() }),
        substitutions: Vec::new(),
    }
}

fn labels() -> serde_json::Value {
    json!({"cloudark:environment": "e-1", "cloudark:piece": "db", "team": "x"})
}

fn create() -> Request {
    let body =
        json!({"name": "env-db", "labels": labels(), "password": "__secret_0__", "nodes": [{"image": "nginx:1"}]});
    rest("POST", "/v1/databases", Some(body)).secret("/password", "__secret_0__", Encoding::Json)
}

fn why(request: &Request) -> String {
    request.check(&acme()).unwrap_err().message
}
