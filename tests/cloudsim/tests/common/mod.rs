//! A signed client for the simulated AWS, and the world that most tests start from.
#![allow(dead_code, unused_imports, missing_docs)]

mod stage;

pub use stage::*;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use cloudsim::{Config, Credentials, Scope, Sim, SimHandle, sign};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// A simulator and somebody who calls it.
pub struct Cloud {
    sim: SimHandle,
    pub region: &'static str,
    pub key: &'static str,
    pub secret: &'static str,
    pub token: Option<&'static str>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// `Err` is a connection that was closed without an answer.
pub type Outcome = std::io::Result<Answer>;

impl Cloud {
    /// Without lag, and without what fails only once: each test adds what it is about.
    pub fn plain() -> Self {
        Self::with(json!({}))
    }

    pub fn with(settings: Value) -> Self {
        let calm = json!({
            "lag_polls": 0,
            "aws": { "first_cluster_fails": false, "role_uses_refused": 0 },
        });
        let config = Config::default().merged(&calm).unwrap().merged(&settings).unwrap();
        let sim = Sim::start(config).unwrap();
        Self { sim, region: "us-east-1", key: "AKIDEXAMPLE", secret: "cloudsim-secret-key", token: None }
    }

    pub fn port(&self) -> u16 {
        self.sim.port()
    }

    /// A call of a Query service.
    pub fn query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.try_query(service, action, parameters).unwrap()
    }

    pub fn try_query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Outcome {
        let version = match service {
            "ec2" => "2016-11-15",
            "elasticloadbalancing" => "2015-12-01",
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            "elasticache" => "2015-02-02",
            _ => "2011-06-15",
        };
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = [("Action", action), ("Version", version)].into_iter().chain(parameters.iter().copied());
        let body: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.signed(service, &[kind], body.join("&").as_bytes())
    }

    /// A call of a JSON service.
    pub fn json(&self, service: &str, action: &str, parameters: &Value) -> Answer {
        let prefix = match service {
            "ecs" => "AmazonEC2ContainerServiceV20141113",
            "ssm" => "AmazonSSM",
            "logs" => "Logs_20140328",
            "dynamodb" => "DynamoDB_20120810",
            _ => "AmazonEC2ContainerRegistry_V20150921",
        };
        let target = format!("{prefix}.{action}");
        let kind = if service == "dynamodb" { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" };
        let headers = [("content-type", kind), ("x-amz-target", target.as_str())];
        self.signed(service, &headers, parameters.to_string().as_bytes()).unwrap()
    }

    pub fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("ec2", action, parameters)
    }

    pub fn elb(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("elasticloadbalancing", action, parameters)
    }

    pub fn rds(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("rds", action, parameters)
    }

    pub fn ecs(&self, action: &str, parameters: Value) -> Answer {
        self.json("ecs", action, &parameters)
    }

    pub fn signed(&self, service: &str, headers: &[(&str, &str)], body: &[u8]) -> Outcome {
        self.signed_at(service, headers, body, time::OffsetDateTime::now_utc())
    }

    pub fn signed_at(&self, service: &str, headers: &[(&str, &str)], body: &[u8], at: time::OffsetDateTime) -> Outcome {
        let host = format!("127.0.0.1:{}", self.sim.port());
        let credentials = Credentials { access_key: self.key, secret_key: self.secret, session_token: self.token };
        let mut all = vec![("host", host.as_str())];
        all.extend_from_slice(headers);
        let scope = Scope { region: self.region, service };
        let added = sign(&credentials, scope, "/", &all, body, at);
        all.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.raw("POST", "/", &all, body)
    }

    /// A request as it is.
    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Outcome {
        let mut stream = TcpStream::connect(("127.0.0.1", self.sim.port()))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: 127.0.0.1\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer { status, body: body.to_owned() })
    }

    /// A call of the control API.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer =
            self.raw(method, path, &[("content-type", "application/json")], body.to_string().as_bytes()).unwrap();
        assert!(answer.status < 300, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    pub fn configure(&self, settings: Value) {
        self.control("POST", "/_sim/config", &settings);
    }

    pub fn fault(&self, rule: Value) {
        self.control("POST", "/_sim/faults", &json!([rule]));
    }

    pub fn act(&self, act: Value) -> Value {
        self.control("POST", "/_sim/act", &act)
    }

    /// What exists, of a type.
    pub fn existing(&self, kind: &str) -> Vec<Value> {
        let inventory = self.control("GET", "/_sim/inventory", &Value::Null);
        let resources = inventory["resources"].as_array().unwrap();
        resources.iter().filter(|item| kind.is_empty() || item["type"] == kind).cloned().collect()
    }

    pub fn inventory(&self) -> Value {
        self.control("GET", "/_sim/inventory", &Value::Null)
    }

    pub fn calls(&self) -> Vec<Value> {
        self.control("GET", "/_sim/calls", &Value::Null)["calls"].as_array().unwrap().clone()
    }
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// It was refused, with this code and this in its message.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str, message: &str) {
        let found = if self.body.starts_with('{') {
            // DynamoDB writes a namespace and `#` before its codes.
            self.value()["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap().to_owned()
        } else {
            self.text("Code")
        };
        assert_eq!((self.status, found.as_str()), (status, code), "{}", self.body);
        assert!(self.body.contains(message), "{} lacks {message}", self.body);
    }

    /// The text of the first element of this name.
    pub fn text(&self, element: &str) -> String {
        self.texts(element).into_iter().next().unwrap_or_default()
    }

    pub fn texts(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.body.split(&open).skip(1);
        parts.map(|part| part.split(&close).next().unwrap().to_owned()).collect()
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
