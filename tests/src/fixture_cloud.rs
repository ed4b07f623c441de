//! The little invented cloud of the fixture guests: `tests/guests/README.md` says what it speaks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The key that requests must carry.
pub const KEY: &str = "fixture-credential-5f2b9c";

/// The cloud, in this process: it survives whatever happens to its clients.
#[derive(Clone)]
pub struct FixtureCloud {
    pub url: String,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    things: BTreeMap<(String, String), Thing>,
    /// How often each thing was made.
    made: BTreeMap<String, u32>,
    requests: Vec<Seen>,
    polls_until_ready: u32,
    faults: Vec<Fault>,
    ends_failed: bool,
    tickets: u32,
    lag: Duration,
    hold: Hold,
}

/// A request that is held until it is let go.
struct Hold {
    /// The how-manieth from now; 0 for none.
    nth: u32,
    holding: bool,
    released: watch::Sender<u64>,
}

impl Default for Hold {
    fn default() -> Self {
        Self { nth: 0, holding: false, released: watch::Sender::new(0) }
    }
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub key: String,
    pub body: String,
}

struct Thing {
    fields: serde_json::Map<String, Value>,
    state: &'static str,
    polls: u32,
    made: Instant,
}

impl Thing {
    fn new(fields: serde_json::Map<String, Value>, state: &'static str) -> Self {
        Self { fields, state, polls: 0, made: Instant::now() }
    }

    fn has_tag(&self, wanted: &str) -> bool {
        let tags = self.fields.get("tags").and_then(Value::as_object);
        tags.into_iter().flatten().any(|(key, value)| wanted == format!("{key}:{}", value.as_str().unwrap_or_default()))
    }
}

/// Something that goes wrong once.
#[derive(Debug, Clone)]
pub struct Fault {
    /// `POST /things`: method and the beginning of the path.
    pub on: String,
    /// On the how-manieth such request, from 1.
    pub nth: u32,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// This status; nothing is done.
    Status(u16),
    /// The request is processed, then this status.
    StatusAfter(u16),
    /// The request is processed, and its answer takes so many milliseconds.
    Slow(u64),
}

impl FixtureCloud {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let world = Arc::new(Mutex::new(World { polls_until_ready: 2, ..World::default() }));
        let router = Router::new().fallback(handle).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}"), world }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no handler panics")
    }

    /// Names of what exists, each with its collection.
    pub fn inventory(&self) -> Vec<String> {
        self.world().things.keys().map(|(collection, name)| format!("{collection}/{name}")).collect()
    }

    /// What was made more than once while one of it existed, or twice under one mark.
    pub fn duplicates(&self) -> Vec<String> {
        let world = self.world();
        let mut by_mark: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((collection, name), thing) in &world.things {
            let tags = thing.fields.get("tags").cloned().unwrap_or_default();
            // What the host minted ends in a part of its own; what the cloud named, in a number.
            let label = name.rsplit_once('-').map_or(name.as_str(), |(before, _)| before);
            by_mark.entry(format!("{collection} {label} {tags}")).or_default().push(name.clone());
        }
        by_mark.into_values().filter(|names| names.len() > 1).map(|names| names.join(", ")).collect()
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.world().requests.clone()
    }

    pub fn set_polls(&self, polls: u32) {
        self.world().polls_until_ready = polls;
    }

    /// How long lists do not show a ticket that was made.
    pub fn set_lag(&self, lag: Duration) {
        self.world().lag = lag;
    }

    pub fn end_failed(&self) {
        self.world().ends_failed = true;
    }

    pub fn fault(&self, on: &str, nth: u32, kind: FaultKind) {
        self.world().faults.push(Fault { on: on.to_owned(), nth, kind });
    }

    /// Holds the how-manieth request from now, before it is processed, until [`Self::release`]; 1 is the next.
    pub fn hold(&self, nth: u32) {
        let mut world = self.world();
        world.hold.nth = nth;
        world.hold.holding = false;
    }

    /// Whether a request is held at this moment.
    pub fn is_holding(&self) -> bool {
        self.world().hold.holding
    }

    /// Lets go what is held, and holds nothing more.
    pub fn release(&self) {
        let mut world = self.world();
        world.hold.nth = 0;
        world.hold.holding = false;
        world.hold.released.send_modify(|times| *times += 1);
    }

    /// Makes a thing by hand, without our mark.
    pub fn make(&self, name: &str) {
        let mut fields = serde_json::Map::new();
        fields.insert("name".to_owned(), json!(name));
        fields.insert("tags".to_owned(), json!({ "owner": "somebody" }));
        let thing = Thing::new(fields, "ready");
        self.world().things.insert(("things".to_owned(), name.to_owned()), thing);
    }
}

async fn handle(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("x-fix-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let path = uri.path().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    let (fault, held) = {
        let mut world = world.lock().expect("no handler panics");
        world.requests.push(Seen {
            method: method.to_string(),
            path: path.clone(),
            key: key.clone(),
            body: body.clone(),
        });
        let line = format!("{method} {path}");
        let mut due = None;
        for fault in &mut world.faults {
            if line.starts_with(&fault.on) && fault.nth > 0 {
                fault.nth -= 1;
                if fault.nth == 0 && due.is_none() {
                    due = Some(fault.kind);
                }
            }
        }
        (due, held(&mut world.hold))
    };
    if let Some(mut released) = held {
        let _ = released.changed().await;
    }
    if key != KEY {
        return answer(401, json!({ "error": "who are you?" }));
    }
    if let Some(FaultKind::Status(status)) = fault {
        return answer(status, json!({ "error": "by script" }));
    }
    let response = {
        let mut world = world.lock().expect("no handler panics");
        process(&mut world, &method, &path, uri.query().unwrap_or_default(), &headers, &body)
    };
    match fault {
        Some(FaultKind::StatusAfter(status)) => answer(status, json!({ "error": "by script" })),
        Some(FaultKind::Slow(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            response
        }
        _ => response,
    }
}

/// Counts a request; what it waits for, if it is the one to be held.
fn held(hold: &mut Hold) -> Option<watch::Receiver<u64>> {
    if hold.nth == 0 {
        return None;
    }
    hold.nth -= 1;
    if hold.nth > 0 {
        return None;
    }
    hold.holding = true;
    Some(hold.released.subscribe())
}

fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

/// The tag that a list is asked for.
fn tag(query: &str) -> String {
    query.strip_prefix("tag=").unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
}

fn shown(thing: &Thing) -> Value {
    let mut fields = thing.fields.clone();
    fields.insert("state".to_owned(), json!(thing.state));
    Value::Object(fields)
}

fn process(world: &mut World, method: &Method, path: &str, query: &str, headers: &HeaderMap, body: &str) -> Response {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let not_found = || answer(404, json!({ "error": "there is no such thing" }));
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["tokens"]) => answer(200, json!({ "token": crate::clouds::CAPTURED, "expires": "never" })),
        ("POST", ["echo"]) => {
            let all: BTreeMap<&str, &str> =
                headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
            let echoed = json!({ "method": "POST", "path": path, "headers": all, "body": body });
            let key = headers.get("x-fix-key").cloned().expect("checked before");
            let mut response = answer(200, echoed);
            response.headers_mut().insert("x-echo-key", key);
            response
        }
        ("POST", [collection @ ("things" | "apps")]) => {
            let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else {
                return answer(400, json!({ "error": "not an object" }));
            };
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let key = ((*collection).to_owned(), name.clone());
            if world.things.contains_key(&key) {
                return answer(409, json!({ "error": "it exists" }));
            }
            if *collection == "apps" {
                fields.insert("url".to_owned(), json!(format!("http://{name}.example/")));
            }
            fields.remove("secret");
            *world.made.entry(name).or_default() += 1;
            let state = if world.polls_until_ready == 0 { "ready" } else { "creating" };
            let thing = Thing::new(fields, state);
            let made = shown(&thing);
            world.things.insert(key, thing);
            answer(201, made)
        }
        ("GET", [collection @ ("things" | "apps")]) => {
            let tag = tag(query);
            let found: Vec<Value> = world
                .things
                .iter()
                .filter(|((of, _), thing)| of == collection && thing.has_tag(&tag))
                .map(|(_, thing)| shown(thing))
                .collect();
            answer(200, json!({ *collection: found }))
        }
        ("POST", ["tickets"]) => {
            let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else {
                return answer(400, json!({ "error": "not an object" }));
            };
            world.tickets += 1;
            let id = format!("ticket-{}", world.tickets);
            fields.insert("id".to_owned(), json!(id));
            let thing = Thing::new(fields, "ready");
            let made = shown(&thing);
            world.things.insert(("tickets".to_owned(), id), thing);
            answer(201, made)
        }
        ("GET", ["tickets"]) => {
            let tag = tag(query);
            let found: Vec<Value> = world
                .things
                .iter()
                .filter(|((of, _), thing)| of == "tickets" && thing.has_tag(&tag) && thing.made.elapsed() >= world.lag)
                .map(|(_, thing)| shown(thing))
                .collect();
            answer(200, json!({ "tickets": found }))
        }
        ("DELETE", ["tickets", id]) => match world.things.remove(&("tickets".to_owned(), (*id).to_owned())) {
            Some(thing) => answer(200, shown(&thing)),
            None => not_found(),
        },
        ("GET", ["apps", name, "logs"]) => {
            if !world.things.contains_key(&("apps".to_owned(), (*name).to_owned())) {
                return not_found();
            }
            let lines = [json!({ "at_ms": 1, "source": name, "message": "listening" })];
            answer(200, json!({ "lines": lines, "cursor": "1" }))
        }
        (_, [collection @ ("things" | "apps"), name]) => {
            let key = ((*collection).to_owned(), (*name).to_owned());
            let (ready_after, ends) = (world.polls_until_ready, if world.ends_failed { "failed" } else { "ready" });
            let stands_on_it = |thing: &Thing| thing.fields.get("network").is_some_and(|network| network == *name);
            let is_used = world.things.values().any(stands_on_it);
            let Some(thing) = world.things.get_mut(&key) else { return not_found() };
            match method.as_str() {
                "GET" => {
                    thing.polls += 1;
                    match thing.state {
                        "creating" if thing.polls > ready_after => thing.state = ends,
                        "deleting" if thing.polls > ready_after => {
                            world.things.remove(&key);
                            return not_found();
                        }
                        _ => {}
                    }
                    answer(200, shown(thing))
                }
                "PATCH" => {
                    if let Ok(Value::Object(fields)) = serde_json::from_str(body) {
                        thing.fields.extend(fields);
                    }
                    thing.state = "creating";
                    thing.polls = 0;
                    answer(200, shown(thing))
                }
                "DELETE" if is_used => answer(409, json!({ "error": "things stand on it" })),
                "DELETE" => {
                    if thing.state != "deleting" {
                        thing.state = "deleting";
                        thing.polls = 0;
                    }
                    answer(202, shown(thing))
                }
                _ => answer(405, json!({ "error": "no" })),
            }
        }
        _ => not_found(),
    }
}
