//! What the double was asked, and what it answers.

use serde::Serialize;
use serde_json::Value as Json;

use crate::bindings::http as wit;

/// A request that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub(crate) request: wit::Request,
    /// When it was sent, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The path of the URL, without the query.
    pub path: String,
    /// The query of the URL, without `?`; empty where there is none.
    pub query: String,
}

impl Sent {
    pub(crate) fn new(request: &wit::Request, at_ms: u64) -> Self {
        let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = if path.is_empty() { "/" } else { path };
        Self { path: path.to_owned(), query: query.to_owned(), request: request.clone(), at_ms }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.request.url
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// The body as the extension gave it: placeholders stand for secrets.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.request.body).into_owned()
    }

    /// The body from JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.request.body).unwrap_or(Json::Null)
    }

    /// The fields of a form, decoded.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        self.text()
            .split('&')
            .filter(|field| !field.is_empty())
            .map(|field| field.split_once('=').unwrap_or((field, "")))
            .map(|(key, value)| (decode(key), decode(value)))
            .collect()
    }

    /// The fields whose placeholders stand for secrets, each with the secret's reference.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        self.request.substitute.iter().map(|one| (one.field.clone(), one.secret.clone())).collect()
    }

    /// `POST /things?a=b`
    pub(crate) fn summary(&self) -> String {
        match self.query.as_str() {
            "" => format!("{} {}", self.method(), self.path),
            query => format!("{} {}?{query}", self.method(), self.path),
        }
    }
}

/// What the double answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Response { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    Denied(String),
    Lost { settles_after_ms: u64 },
    Transport(String),
}

impl Answer {
    /// A status and a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self(Kind::Response { status, headers: Vec::new(), body: body.into() })
    }

    /// A status and a JSON body.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        Self::new(status, serde_json::to_vec(body).unwrap_or_default())
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Response { headers, .. } = &mut self.0 {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Refused by a grant.
    #[must_use]
    pub fn denied(message: &str) -> Self {
        Self(Kind::Denied(message.to_owned()))
    }

    /// The result was lost; it will have settled after so many milliseconds.
    #[must_use]
    pub const fn lost(settles_after_ms: u64) -> Self {
        Self(Kind::Lost { settles_after_ms })
    }

    /// The connection failed, and nothing was changed.
    #[must_use]
    pub fn transport(message: &str) -> Self {
        Self(Kind::Transport(message.to_owned()))
    }
}
