//! [`Protocol::Rest`](super::Protocol::Rest): method and path are the operation, the body is JSON.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::{Asked, HttpCall, Refusal, headers, query, tree};

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

pub(super) fn read(call: &HttpCall<'_>, url: &Url) -> Result<Asked, Refusal> {
    if !METHODS.contains(&call.method) {
        return Err(Refusal::new(format!("the method `{}` is not one of {METHODS:?}", call.method.escape_default())));
    }
    let reads = is_reading(call.method);
    if reads && !call.body.is_empty() {
        return Err(Refusal::new(format!("a {} carries no body", call.method)));
    }
    let body = match call.body.is_empty() {
        true => None,
        false => Some(read_body(call)?),
    };
    let path = read_path(url.path())?;
    if reads && opens_a_connection(&path) {
        return Err(Refusal::new("this GET opens a connection into the cluster: it is no read"));
    }
    Ok(Asked::Rest { method: call.method.to_owned(), path, query: read_query(url)?, body })
}

/// Whether a method only reads (RFC 9110, section 9.2.1).
pub(super) fn is_reading(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

fn read_body(call: &HttpCall<'_>) -> Result<Value, Refusal> {
    let json = |kind: &str| {
        kind == "application/json"
            || kind.starts_with("application/") && kind.ends_with("+json")
            || kind == "application/apply-patch+yaml" // JSON is YAML; anything else in it is refused
    };
    if !headers::content_type_is(call, json) {
        return Err(Refusal::new("the Content-Type of a body must be application/json or of its family"));
    }
    tree::json(call.body).map_err(|e| Refusal::new(format!("the body {e}")))
}

fn read_path(path: &str) -> Result<Vec<String>, Refusal> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(Refusal::new("the path must begin with `/`"));
    };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    rest.split('/').map(read_segment).collect()
}

/// A segment means the same to every server: not empty, no dots that climb, no encoded separator.
fn read_segment(raw: &str) -> Result<String, Refusal> {
    let refused = || Refusal::new(format!("the path has a segment that servers read in different ways: `{raw}`"));
    if !query::percent_is_complete(raw) || raw.contains(';') {
        return Err(refused());
    }
    let segment = percent_decode_str(raw).decode_utf8().map_err(|_| refused())?;
    let climbs = segment.bytes().all(|b| b == b'.');
    if climbs || segment.chars().any(|c| matches!(c, '/' | '\\' | '%' | '?' | '#') || c.is_control()) {
        return Err(refused());
    }
    Ok(segment.into_owned())
}

fn read_query(url: &Url) -> Result<Vec<(String, String)>, Refusal> {
    let Some(text) = url.query() else {
        return Ok(Vec::new());
    };
    let mut seen: Vec<(String, String)> = Vec::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(Refusal::new(format!("`{}` is no name of a query parameter", name.escape_default())));
        }
        let lower = name.to_ascii_lowercase().replace('_', "-");
        // What turns a GET into another method, another protocol's operation, or a signature.
        if matches!(lower.as_str(), "-method" | "action" | "access-token" | "x-http-method-override")
            || lower.starts_with("x-amz-")
        {
            return Err(Refusal::new(format!("the query parameter `{name}` is never allowed")));
        }
        if seen.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            return Err(Refusal::new(format!("the query parameter `{name}` is there twice")));
        }
        if !query::percent_is_complete(value) || value.contains(';') {
            return Err(Refusal::new(format!("the query parameter `{name}` is not percent-encoded")));
        }
        let spaced = value.replace('+', " ");
        let value = percent_decode_str(&spaced)
            .decode_utf8()
            .map_err(|_| Refusal::new(format!("the query parameter `{name}` is not UTF-8")))?;
        seen.push((name.to_owned(), value.into_owned()));
    }
    Ok(seen)
}

/// The subresources of Kubernetes that a GET turns into a shell, a tunnel or a proxied call of any kind.
fn opens_a_connection(path: &[String]) -> bool {
    path.windows(3).any(|window| match window {
        [collection, _, sub] => {
            matches!(collection.as_str(), "pods" | "services" | "nodes")
                && matches!(sub.as_str(), "exec" | "attach" | "portforward" | "proxy")
        }
        _ => false,
    }) || path.windows(2).any(|window| matches!(window, [version, proxy] if version == "v1" && proxy == "proxy"))
}

/// The error code in a JSON answer: at the grant's pointer, or at one of the usual places.
pub(super) fn error_code(body: &[u8], at: Option<&str>) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let usual = ["/error/status", "/error/code", "/error", "/reason", "/code"];
    let places: &[&str] = match &at {
        Some(at) => std::slice::from_ref(at),
        None => &usual,
    };
    places.iter().find_map(|at| match document.pointer(at)? {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    })
}

/// A segment of a path template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Itself.
    Literal(String),
    /// `{name}` or `{name}:verb`.
    Parameter { name: String, verb: String },
}

/// A path with parameters: `/v1/things/{name}`, `/v1/things/{name}:start`, `/v1/*/things`. A parameter is one
/// segment, and `*` is one without a name; where no condition binds it, it has no `:`, so that it cannot become
/// another verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate(Vec<Segment>);

impl PathTemplate {
    /// The values of the parameters, if the path fits.
    pub fn bind(&self, path: &[String]) -> Option<Vec<(String, String)>> {
        if self.0.len() != path.len() {
            return None;
        }
        let mut bound = Vec::new();
        for (wanted, segment) in self.0.iter().zip(path) {
            match wanted {
                Segment::Literal(literal) if literal == segment => {}
                Segment::Literal(_) => return None,
                Segment::Parameter { name, verb } => {
                    let value = segment.strip_suffix(verb.as_str()).filter(|value| !value.is_empty())?;
                    bound.push((name.clone(), value.to_owned()));
                }
            }
        }
        Some(bound)
    }

    /// The names of the parameters that have one.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Parameter { name, .. } if name != "*" => Some(name.as_str()),
            _ => None,
        })
    }
}

impl FromStr for PathTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or_else(|| format!("the path `{text}` must begin with `/`"))?;
        if rest.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let template = Self(rest.split('/').map(segment).collect::<Result<_, _>>()?);
        let mut names: Vec<&str> = template.parameters().collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(format!("a parameter is there twice in `{text}`"));
        }
        Ok(template)
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    if text == "*" {
        return Ok(Segment::Parameter { name: text.to_owned(), verb: String::new() });
    }
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~:@-".contains(&b));
    if let Some(rest) = text.strip_prefix('{') {
        let (name, verb) = rest.split_once('}').ok_or_else(|| format!("`{text}` lacks a `}}`"))?;
        let verb_is_good = verb.is_empty() || verb.strip_prefix(':').is_some_and(word);
        if !word(name) || name.contains(':') || !verb_is_good {
            return Err(format!("`{text}` must be `{{name}}` or `{{name}}:verb`"));
        }
        return Ok(Segment::Parameter { name: name.to_owned(), verb: verb.to_owned() });
    }
    match word(text) && !text.bytes().all(|b| b == b'.') {
        true => Ok(Segment::Literal(text.to_owned())),
        false => Err(format!("`{text}` is no segment of a path: write `{{name}}` for a parameter")),
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(literal) => write!(f, "/{literal}"),
            Segment::Parameter { name, .. } if name == "*" => f.write_str("/*"),
            Segment::Parameter { name, verb } => write!(f, "/{{{name}}}{verb}"),
        })
    }
}

/// Method and path template: how `rest` grants name an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestOperation {
    /// Upper case.
    pub method: String,
    /// The path.
    pub path: PathTemplate,
}

impl RestOperation {
    /// Whether it only reads, by its method.
    pub fn is_reading(&self) -> bool {
        is_reading(&self.method)
    }
}

impl FromStr for RestOperation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (method, path) = text
            .split_once(' ')
            .filter(|(method, _)| METHODS.contains(method))
            .ok_or_else(|| format!("`{text}` must be a method and a path, such as `POST /v1/things`"))?;
        Ok(Self { method: method.to_owned(), path: path.parse()? })
    }
}
