//! The promises of the matcher under the protocols that name their operations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod forms;
mod power;
mod properties;
mod refused;
mod targets;

use proptest::prelude::*;
use serde_json::json;

use super::{Encoding, Signer, Substitution};
use crate::extensions::Origin;
use crate::extensions::grants::{Denial, Effect, Facts, Grants, HttpCall, Mode, Permit, Proof};
use crate::extensions::grants::{apply_captures, classify, shown};

struct World(Vec<(String, String)>);

impl Default for World {
    fn default() -> Self {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        Self(vec![pair("cloudark:environment", "e-1"), pair("cloudark:piece", "db")])
    }
}

impl Facts for World {
    fn is_minted(&self, name: &str) -> bool {
        ["env-db", "env-role"].contains(&name)
    }
    fn is_owned(&self, id: &str) -> bool {
        ["env-db", "sg-1", "arn:aws:ecs:eu-west-1:123456789012:cluster/c"].contains(&id)
    }
    fn is_from_application(&self, value: &str) -> bool {
        value == "nginx:1"
    }
    fn account(&self) -> Option<&str> {
        Some("123456789012")
    }
    fn setting(&self, _: &str) -> Option<&str> {
        None
    }
    fn mark(&self) -> &[(String, String)] {
        &self.0
    }
}

#[derive(Clone)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    signer: Option<Signer>,
    substitutions: Vec<Substitution>,
}

impl Request {
    fn call(&self) -> HttpCall<'_> {
        HttpCall {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: self.body.as_bytes(),
            signer: self.signer.as_ref(),
            substitutions: &self.substitutions,
            timeout_ms: None,
        }
    }

    fn check_with(&self, grants: &Grants) -> Result<Permit, Denial> {
        grants.check(&self.call(), &World::default(), Mode::Operation)
    }

    fn check(&self) -> Result<Permit, Denial> {
        self.check_with(&grants())
    }

    fn why(&self) -> String {
        self.check().unwrap_err().message
    }

    fn secret(mut self, field: &str, encoding: Encoding) -> Self {
        self.substitutions.push(Substitution {
            secret: "ref".into(),
            placeholder: "__cloudark_secret_0__".into(),
            encoding,
            field: field.into(),
        });
        self
    }
}

fn grants() -> Grants {
    Grants::from_yaml(include_str!("tests/grants.yaml")).unwrap()
}

fn signer(service: &str) -> Option<Signer> {
    Some(Signer::AwsSigV4 { service: service.into(), region: "eu-west-1".into() })
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A form, as an SDK encodes it.
fn form(service: &str, action: &str, fields: &[(&str, &str)]) -> Request {
    let host = match service {
        "iam" => "iam.amazonaws.com".to_owned(),
        service => format!("{service}.eu-west-1.amazonaws.com"),
    };
    const RESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, RESERVED).to_string();
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    Request {
        method: "POST".into(),
        url: format!("https://{host}/"),
        headers: vec![header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
        body: [vec![format!("Action={action}"), "Version=2014-10-31".into()], fields].concat().join("&"),
        signer: signer(service),
        substitutions: Vec::new(),
    }
}

fn json(service: &str, target: &str, body: &serde_json::Value) -> Request {
    let host = if service == "ecr" { "api.ecr".to_owned() } else { service.to_owned() };
    Request {
        method: "POST".into(),
        url: format!("https://{host}.eu-west-1.amazonaws.com/"),
        headers: vec![header("Content-Type", "application/x-amz-json-1.1"), header("X-Amz-Target", target)],
        body: body.to_string(),
        signer: signer(service),
        substitutions: Vec::new(),
    }
}

const MARKED: [(&str, &str); 4] = [
    ("Tags.Tag.1.Key", "cloudark:environment"),
    ("Tags.Tag.1.Value", "e-1"),
    ("Tags.Tag.2.Key", "cloudark:piece"),
    ("Tags.Tag.2.Value", "db"),
];

fn create_db(more: &[(&str, &str)]) -> Request {
    let fields = [&[("DBInstanceIdentifier", "env-db")], MARKED.as_slice(), more].concat();
    form("rds", "CreateDBInstance", &fields)
}

fn delete_db(id: &str) -> Request {
    form("rds", "DeleteDBInstance", &[("DBInstanceIdentifier", id), ("SkipFinalSnapshot", "true")])
}
