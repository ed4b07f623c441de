//! A server that answers what a test tells it to, and remembers what it was asked; and `cld` run against it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A program that is written while another thread forks is busy for the child's life: one at a time.
pub static PROGRAMS: Mutex<()> = Mutex::new(());

/// The token that the fake server wants.
pub const TOKEN: &str = "t0ken-that-nobody-may-see";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `POST`
    pub method: String,
    /// `/v1/environments`
    pub path: String,
    /// `force=true`
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Seen {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status and a document.
    Json(u16, Value),
    /// Lines, as NDJSON.
    Lines(Vec<Value>),
    /// Lines, and then the connection breaks.
    BrokenLines(Vec<Value>),
    /// Events after the last one that the client saw; the connection breaks after this many, when given.
    Events(Vec<Value>, Option<usize>),
    /// Events, and then silence.
    Hanging(Vec<Value>),
    /// The connection breaks before an answer.
    Broken,
}

#[derive(Default)]
struct Script {
    answers: HashMap<(String, String), Vec<Answer>>,
    seen: Vec<Seen>,
}

type Shared = Arc<Mutex<Script>>;

/// A fake server, and a data directory that leads to it.
pub struct World {
    /// Serves until it is dropped.
    _runtime: Runtime,
    script: Shared,
    /// The home of the user, with the data directory.
    pub home: TempDir,
}

/// How a run of `cld` ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it answered.
    pub out: String,
    /// What it said.
    pub err: String,
}

impl World {
    /// A server that knows nothing yet.
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let script = Shared::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        let home = tempfile::tempdir().unwrap();
        let world = Self { _runtime: runtime, script, home };
        std::fs::create_dir(world.data()).unwrap();
        std::fs::write(world.data().join("token"), format!("{TOKEN}\n")).unwrap();
        let running = json!({"address": address.to_string(), "pid": std::process::id()});
        std::fs::write(world.data().join("server.json"), running.to_string()).unwrap();
        world
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join(".cloudark")
    }

    /// Answers a request; several answers are given one after another, the last one for ever.
    pub fn on(&self, method: &str, path: &str, answer: Answer) -> &Self {
        let key = (method.to_owned(), path.to_owned());
        self.script.lock().unwrap().answers.entry(key).or_default().push(answer);
        self
    }

    /// Answers a request in this way only.
    pub fn replace(&self, method: &str, path: &str, answer: Answer) {
        let key = (method.to_owned(), path.to_owned());
        self.script.lock().unwrap().answers.insert(key, vec![answer]);
    }

    /// A file in the home folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        let _alone = PROGRAMS.lock();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The requests that came, but for those that only read.
    pub fn changes(&self) -> Vec<Seen> {
        let seen = self.script.lock().unwrap().seen.clone();
        seen.into_iter().filter(|seen| seen.method != "GET").collect()
    }

    /// The requests to this path.
    pub fn to(&self, path: &str) -> Vec<Seen> {
        let seen = self.script.lock().unwrap().seen.clone();
        seen.into_iter().filter(|seen| seen.path == path).collect()
    }

    /// `cld` with these words.
    pub fn cld(&self, line: &str) -> Ran {
        self.cld_with(&line.split(' ').collect::<Vec<_>>(), "")
    }

    /// `cld` with these words, and this on its stdin.
    pub fn cld_with(&self, words: &[&str], stdin: &str) -> Ran {
        let mut child = self.start(words);
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `cld`, started.
    pub fn start(&self, words: &[&str]) -> Child {
        let _alone = PROGRAMS.lock();
        self.command(words).stdin(Stdio::piped()).spawn().unwrap()
    }

    /// `cld`, not started yet.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cld"));
        command.args(words).env_clear().env("HOME", self.home.path()).env("PATH", self.home.path());
        command.current_dir(self.home.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

async fn answer(State(script): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let seen = Seen {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    };
    if seen.path == "/v1/health" {
        return Response::new(Body::from("ok"));
    }
    if seen.header("authorization") != format!("Bearer {TOKEN}") {
        return problem(401, "denied", "the token is missing or wrong");
    }
    let answer = {
        let mut script = script.lock().unwrap();
        script.seen.push(seen.clone());
        let answers = script.answers.get_mut(&(seen.method.clone(), seen.path.clone()));
        answers.map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    };
    match answer {
        None => problem(404, "not-found", &format!("there is no {} {}", seen.method, seen.path)),
        Some(Answer::Json(status, value)) => respond(status, "application/json", value.to_string()),
        Some(Answer::Lines(lines)) => {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            respond(200, "application/x-ndjson", text)
        }
        Some(Answer::BrokenLines(lines)) => {
            let mut parts: Vec<_> = lines.iter().map(|line| Ok(format!("{line}\n"))).collect();
            parts.push(Err(broken()));
            Response::new(breaking(parts))
        }
        Some(Answer::Events(events, breaks_after)) => stream(&seen, &events, breaks_after),
        Some(Answer::Hanging(events)) => {
            let parts = events.into_iter().map(|event| Ok::<_, std::io::Error>(format!("data: {event}\n\n")));
            let parts = futures::stream::iter(parts).chain(futures::stream::pending());
            Response::new(Body::from_stream(parts))
        }
        // The server's end of the connection closes with the task.
        Some(Answer::Broken) => panic!("the connection breaks, as the test wants it to"),
    }
}

fn stream(seen: &Seen, events: &[Value], breaks_after: Option<usize>) -> Response {
    let last: u64 = seen.header("last-event-id").parse().unwrap_or(0);
    let after = events.iter().filter(|event| event["sequence"].as_u64().unwrap() > last);
    let count = breaks_after.unwrap_or(usize::MAX);
    let mut parts: Vec<Result<String, std::io::Error>> = vec![Ok(": hello\n\n".to_owned())];
    parts.extend(after.take(count).map(|event| Ok(format!("id: {}\ndata: {event}\n\n", event["sequence"]))));
    if breaks_after.is_some() {
        parts.push(Err(broken()));
    }
    let mut response = Response::new(breaking(parts));
    response.headers_mut().insert(header::CONTENT_TYPE, "text/event-stream".parse().unwrap());
    response
}

fn broken() -> std::io::Error {
    std::io::Error::other("the connection breaks, as the test wants it to")
}

/// A body that sends its parts, and breaks where one is an error.
fn breaking(parts: Vec<Result<String, std::io::Error>>) -> Body {
    Body::from_stream(futures::stream::iter(parts).then(|part| async {
        if part.is_err() {
            // What was sent before is to arrive.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        part
    }))
}

fn respond(status: u16, content_type: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    response.headers_mut().insert(header::ETAG, "\"7\"".parse().unwrap());
    response
}

fn problem(status: u16, kind: &str, detail: &str) -> Response {
    respond(status, "application/problem+json", refusal(status, kind, detail).to_string())
}

/// A problem document.
pub fn refusal(status: u16, kind: &str, detail: &str) -> Value {
    json!({
        "type": format!("urn:cloudark:problem:{kind}"), "kind": kind, "title": "It cannot be", "status": status,
        "detail": detail,
    })
}

/// A list of one page.
pub fn page(items: Value) -> Answer {
    Answer::Json(200, json!({"items": items}))
}
