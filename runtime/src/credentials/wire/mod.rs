//! Wire protocols: what a request asks for, and what an answer says went wrong.
//!
//! Grants speak of operations and fields; clouds put them in different places. This is the only code that
//! knows where: each protocol of [`Protocol`] has a file of its own, which turns a request into an [`Asked`]
//! and finds the error code in an answer. A request that could be read in two ways is refused here, whatever
//! a grant says: parsers of clouds differ, and a check is worth nothing if the cloud reads something else.
//!
//! [`tree`] is the one way in which bodies are read: JSON without duplicate keys, and XML as JSON.

mod headers;
mod policy;
mod query;
mod rest;
mod sign;
mod target;
#[cfg(test)]
mod tests;
pub mod tree;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

pub use headers::may_be_granted as header_may_be_granted;
pub use policy::{Need, least_policy};
pub use rest::{PathTemplate, RestOperation};
pub use sign::{SignRule, Signer};

/// How a request says which operation it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// A form posted to `/`, whose field `Action` is the operation; answers are XML.
    #[serde(rename = "aws-query", alias = "ec2-query")]
    FormAction,
    /// JSON posted to `/`, with the operation in a header; answers are JSON.
    #[serde(rename = "aws-json")]
    TargetHeader,
    /// Method and path are the operation.
    #[serde(rename = "rest")]
    Rest,
}

impl Protocol {
    /// As grants write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FormAction => "aws-query",
            Self::TargetHeader => "aws-json",
            Self::Rest => "rest",
        }
    }

    /// Whether operations are named by a word, not by method and path.
    pub fn has_actions(self) -> bool {
        self != Self::Rest
    }

    /// The encodings in which a secret may be written into a body of this protocol.
    pub fn encodings(self) -> &'static [Encoding] {
        match self {
            Self::FormAction => &[Encoding::Form],
            Self::TargetHeader | Self::Rest => &[Encoding::Json, Encoding::Base64],
        }
    }
}

/// How a secret is written into a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    Raw,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// The inside of a JSON string.
    Json,
    /// XML text.
    Xml,
    /// Base64 (RFC 4648, section 4).
    Base64,
}

/// Where a secret goes: each `placeholder` in the body is replaced by the secret in this encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitution {
    /// The reference of the secret.
    pub secret: String,
    /// What stands for it in the body.
    pub placeholder: String,
    /// How it is written.
    pub encoding: Encoding,
    /// The field it stands in: a form field's name or a JSON pointer.
    pub field: String,
}

/// A request as the extension gave it: before substitution and signing.
#[derive(Debug, Clone, Copy)]
pub struct HttpCall<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Absolute.
    pub url: &'a str,
    /// Names in any case.
    pub headers: &'a [(String, String)],
    /// With placeholders for secrets.
    pub body: &'a [u8],
    /// Who should sign.
    pub signer: Option<&'a Signer>,
    /// Where secrets go.
    pub substitutions: &'a [Substitution],
    /// Milliseconds; the grant's limit if silent.
    pub timeout_ms: Option<u32>,
}

impl HttpCall<'_> {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The URL, if it is written in its normal form: what is checked is then what is sent.
    ///
    /// # Errors
    /// Anything that a URL parser would repair, credentials, fragments.
    pub fn parsed_url(&self) -> Result<Url, Refusal> {
        let url = Url::parse(self.url).map_err(|e| Refusal::new(format!("the URL cannot be read: {e}")))?;
        let written = url.as_str();
        if written != self.url && written.strip_suffix('/') != Some(self.url) {
            return Err(Refusal::new(format!("the URL must be written in its normal form, `{written}`")));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Refusal::new("the URL must carry neither credentials nor a fragment"));
        }
        Ok(url)
    }
}

/// A request that no grant can allow, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// A refusal for this reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A named operation with form fields: decoded, each name once.
    Form {
        /// The operation.
        action: String,
        /// Names and values.
        fields: Vec<(String, String)>,
    },
    /// A named operation with a JSON object.
    Json {
        /// The operation.
        action: String,
        /// The object.
        body: Value,
    },
    /// A method on a path.
    Rest {
        /// Upper case.
        method: String,
        /// Decoded segments.
        path: Vec<String>,
        /// Decoded parameters, each name once.
        query: Vec<(String, String)>,
        /// The JSON of the body, if there is one.
        body: Option<Value>,
    },
}

impl Asked {
    /// What a request asks for under a protocol.
    ///
    /// # Errors
    /// Requests that are not of the protocol, or that can be read in more than one way.
    pub fn read(protocol: Protocol, call: &HttpCall<'_>, url: &Url) -> Result<Self, Refusal> {
        match protocol {
            Protocol::FormAction => query::read(call, url),
            Protocol::TargetHeader => target::read(call, url),
            Protocol::Rest => rest::read(call, url),
        }
    }

    /// The operation in words: `CreateThing`, or `POST /v1/things`.
    pub fn operation(&self) -> String {
        match self {
            Self::Form { action, .. } | Self::Json { action, .. } => action.clone(),
            Self::Rest { method, path, .. } => format!("{method} /{}", path.join("/")),
        }
    }
}

/// What no request may carry, under any protocol.
///
/// # Errors
/// Headers that belong to the host, or are not on the list of those that may pass.
pub fn check_headers(protocol: Protocol, call: &HttpCall<'_>, granted: &[String]) -> Result<(), Refusal> {
    headers::check(protocol, call, granted)
}

/// The error code that an answer carries; none if it carries none that can be read.
pub fn error_code(protocol: Protocol, headers: &[(String, String)], body: &[u8], at: Option<&str>) -> Option<String> {
    match protocol {
        Protocol::FormAction => query::error_code(body),
        Protocol::TargetHeader => target::error_code(headers, body),
        Protocol::Rest => rest::error_code(body, at),
    }
}

/// The protocol that a request looks like, for a message about one that no grant fits.
pub fn guess(call: &HttpCall<'_>) -> Protocol {
    let is_form = || headers::content_type_is(call, |kind| kind == "application/x-www-form-urlencoded");
    match call.header(headers::TARGET) {
        Some(_) => Protocol::TargetHeader,
        None if is_form() => Protocol::FormAction,
        None => Protocol::Rest,
    }
}

/// Whether a name pattern of reading operations begins with a word that reads.
pub fn is_reading_name(pattern: &str) -> bool {
    const VERBS: [&str; 9] = ["Describe", "List", "Get", "Head", "Filter", "Lookup", "Search", "Scan", "BatchGet"];
    VERBS.iter().any(|verb| {
        pattern
            .strip_prefix(verb)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c == '*' || c.is_ascii_uppercase()))
    })
}

/// Whether an operation makes a new thing, by its name: what carries our mark afterwards is then ours.
pub fn makes_something(protocol: Protocol, operation: &str) -> bool {
    match protocol {
        Protocol::Rest => operation.starts_with("POST "),
        _ => {
            !sets_tags(protocol, operation)
                && ["Create", "Register", "Run", "Allocate"].iter().any(|verb| operation.starts_with(verb))
        }
    }
}

/// Whether an operation sets the tags of a thing that is there, by its name: unbound, it could put our mark
/// on anything.
pub fn sets_tags(protocol: Protocol, operation: &str) -> bool {
    protocol.has_actions()
        && (operation.contains("Tags") || operation.starts_with("Tag") || operation.starts_with("Untag"))
}
