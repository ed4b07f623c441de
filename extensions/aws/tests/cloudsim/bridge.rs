//! The host double on the simulated AWS: what the extension sends goes over real HTTP, signed, to cloudsim.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;

use cloudark_sdk::Secret;
use cloudark_sdk::testing::{Answer, Host, Sent};
use cloudsim::{Config, Credentials, Scope, Sim, SimHandle, sign};
use serde_json::Value;

/// Where everything is made.
pub const REGION: &str = "eu-west-1";
/// What stands for every secret on the wire.
pub const SECRET: &str = "Gen3ratedPassw0rdOf32Characters1";

/// May refuse a call before it is sent, as a grant does; sees the answer of one that was.
pub trait Guard {
    /// Whether the call may be sent.
    fn check(&mut self, sent: &Sent, service: &str) -> Result<(), String>;
    /// What it was answered.
    fn answered(&mut self, sent: &Sent, service: &str, status: u16, body: &[u8]);
}

/// Allows everything.
pub struct Open;

impl Guard for Open {
    fn check(&mut self, _: &Sent, _: &str) -> Result<(), String> {
        Ok(())
    }
    fn answered(&mut self, _: &Sent, _: &str, _: u16, _: &[u8]) {}
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is performed, and its answer is lost.
    AnswerLost,
    /// It is never performed, and nobody knows.
    RequestLost,
    /// It is performed, and the run dies before it hears of it: nothing more is sent.
    DeadAfter,
    /// The run dies before it is sent.
    DeadBefore,
}

/// Which call meets a fault.
#[derive(Debug, Default)]
pub struct Faults {
    /// The number of the changing call, from 1, and what happens to it.
    pub at: Option<(usize, Fault)>,
    /// The changing calls so far.
    pub changes: Vec<String>,
    dead: bool,
}

/// A simulator and the host double before it.
pub struct World {
    pub host: Host,
    pub sim: SimHandle,
    pub faults: Rc<RefCell<Faults>>,
}

impl World {
    pub fn new(config: Config, mut guard: impl Guard + 'static) -> Self {
        let sim = Sim::start(config).unwrap();
        let host = Host::new();
        let address = sim.url().trim_start_matches("http://").to_owned();
        let faults = Rc::new(RefCell::new(Faults::default()));
        let shared = Rc::clone(&faults);
        host.on("POST", "/", move |sent| {
            let service = service(sent);
            let fault = match shared.borrow_mut().meet(sent) {
                Ok(fault) => fault,
                Err(dead) => return dead,
            };
            if let Err(denial) = guard.check(sent, service) {
                return Answer::denied(&denial);
            }
            let (status, body) = forward(&address, sent, service);
            if std::env::var_os("BRIDGE_TRACE").is_some() {
                eprintln!("> {service} {}\n< {status} {}", sent.text(), String::from_utf8_lossy(&body));
            }
            guard.answered(sent, service, status, &body);
            match fault {
                Some(Fault::AnswerLost) => Answer::lost(120_000),
                Some(_) => Answer::denied("the run is dead"),
                None => Answer::new(status, body),
            }
        });
        Self { host, sim, faults }
    }

    /// The settings of the context.
    pub fn settings(&self) -> Vec<(String, String)> {
        vec![
            ("region".into(), REGION.into()),
            ("endpoint".into(), self.sim.url()),
            ("account".into(), "123456789012".into()),
        ]
    }

    /// What exists, by type and name.
    pub fn inventory(&self) -> Vec<String> {
        let list = |key: &str| -> Vec<String> {
            let all: Value = serde_json::from_slice(&self.get("/_sim/inventory")).unwrap();
            all[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| format!("{} {} {}", item["type"], item["name"], item["id"]))
                .collect()
        };
        let mut all = list("resources");
        all.extend(list("duplicates").into_iter().map(|it| format!("DUPLICATE {it}")));
        all
    }

    /// What a lost call made can be seen from now on: the simulator counts its lag in looks, and a run that comes so much
    /// later has waited for it by the clock, once for everything.
    pub fn show_everything(&self) {
        let (status, _) = self.control("POST", "/_sim/config", "{\"lag_polls\": 0}");
        assert_eq!(status, 200);
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        self.control("GET", path, "").1
    }

    fn control(&self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let host = self.sim.url().trim_start_matches("http://").to_owned();
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        exchange(&host, method, path, &headers, body.as_bytes())
    }
}

impl Faults {
    /// Count the call. Answers what is to happen after it is performed, or what is answered instead.
    fn meet(&mut self, sent: &Sent) -> Result<Option<Fault>, Answer> {
        if self.dead {
            return Err(Answer::denied("the run is dead"));
        }
        let action = action(sent);
        if ["Describe", "List", "Get", "Filter"].iter().any(|verb| action.starts_with(verb)) {
            return Ok(None);
        }
        self.changes.push(action);
        let Some((number, fault)) = self.at else { return Ok(None) };
        if number != self.changes.len() {
            return Ok(None);
        }
        self.dead = matches!(fault, Fault::DeadAfter | Fault::DeadBefore);
        match fault {
            Fault::AnswerLost | Fault::DeadAfter => Ok(Some(fault)),
            Fault::RequestLost => Err(Answer::lost(120_000)),
            Fault::DeadBefore => Err(Answer::denied("the run is dead")),
        }
    }

    /// A new run begins.
    pub fn revive(&mut self) {
        self.dead = false;
        self.at = None;
    }
}

/// The operation that a request asks for.
fn action(sent: &Sent) -> String {
    match sent.header("X-Amz-Target") {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => sent.form().into_iter().find(|(name, _)| name == "Action").unwrap().1,
    }
}

/// Which service a request is for: the host knows it from the signer that the extension names.
fn service(sent: &Sent) -> &'static str {
    if let Some(target) = sent.header("X-Amz-Target") {
        return match target.split('.').next().unwrap_or_default() {
            "AmazonEC2ContainerServiceV20141113" => "ecs",
            "Logs_20140328" => "logs",
            "AmazonSSM" => "ssm",
            "DynamoDB_20120810" => "dynamodb",
            other => panic!("an unknown target {other}"),
        };
    }
    let version = sent.form().into_iter().find(|(name, _)| name == "Version").unwrap().1;
    match version.as_str() {
        "2016-11-15" => "ec2",
        "2014-10-31" => "rds",
        "2015-12-01" => "elasticloadbalancing",
        "2010-05-08" => "iam",
        "2015-02-02" => "elasticache",
        other => panic!("an unknown version {other}"),
    }
}

pub fn forward(address: &str, sent: &Sent, service: &str) -> (u16, Vec<u8>) {
    let mut body = sent.text();
    for (_, reference) in sent.secrets() {
        body = body.replace(&Secret::from_reference(reference).placeholder(), SECRET);
    }
    let region = if service == "iam" { "us-east-1" } else { REGION };
    let credentials = Credentials { access_key: "AKIDEXAMPLE", secret_key: "cloudsim-secret-key", session_token: None };
    let mut headers = vec![("host".to_owned(), address.to_owned())];
    for name in ["Content-Type", "X-Amz-Target"] {
        headers.extend(sent.header(name).map(|value| (name.to_ascii_lowercase(), value.to_owned())));
    }
    let borrowed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let at = time::OffsetDateTime::now_utc();
    headers.extend(sign(&credentials, Scope { region, service }, "/", &borrowed, body.as_bytes(), at));
    headers.retain(|(name, _)| name != "host");
    exchange(address, "POST", "/", &headers, body.as_bytes())
}

fn exchange(address: &str, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.get(end + 4..).unwrap_or_default().to_vec();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, if chunked { unchunk(&body) } else { body })
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
    whole
}
