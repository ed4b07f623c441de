//! How calls look in the journal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::extensions::grants::{Encoding, HttpCall, Signer, Substitution};
use crate::journal::Millis;
use crate::sandbox::Interrupt;
use crate::sandbox::bindings::http::{Denial, Encoding as WitEncoding, Error, Header, Request, Response, Unknown};

/// A request as the extension gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Body,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign: Option<Signer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    substitute: Vec<Substitution>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
}

/// Bytes: as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// UTF-8.
    Text(String),
    /// Anything else, in base64.
    Bytes(String),
}

impl Body {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(STANDARD.encode(error.into_bytes())),
        }
    }

    /// The bytes again.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Bytes(base64) => STANDARD.decode(base64).unwrap_or_default(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Bytes(text) => text.len(),
        }
    }
}

impl RecordedRequest {
    /// As JSON text: the same request is the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        // A struct of texts and numbers is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// About how many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        self.method.len() + self.url.len() + headers + self.body.len()
    }

    /// For the eye.
    #[must_use]
    pub fn summary(&self) -> String {
        let url = self.url.split_once('?').map_or(self.url.as_str(), |(before, _)| before);
        format!("{} {url}", self.method)
    }

    /// As the matcher sees it.
    pub fn with_call<T>(&self, look: impl FnOnce(&HttpCall<'_>) -> T) -> T {
        let body = self.body.bytes();
        look(&HttpCall {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: &body,
            signer: self.sign.as_ref(),
            substitutions: &self.substitute,
            timeout_ms: self.timeout_ms,
        })
    }
}

impl From<Request> for RecordedRequest {
    fn from(request: Request) -> Self {
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: Body::new(request.body),
            sign: request.sign.map(Signer::from),
            substitute: request
                .substitute
                .into_iter()
                .map(|one| Substitution {
                    secret: one.secret,
                    placeholder: one.placeholder,
                    encoding: match one.encoding {
                        WitEncoding::Raw => Encoding::Raw,
                        WitEncoding::Form => Encoding::Form,
                        WitEncoding::Json => Encoding::Json,
                        WitEncoding::Xml => Encoding::Xml,
                        WitEncoding::Base64 => Encoding::Base64,
                    },
                    field: one.field,
                })
                .collect(),
            timeout_ms: request.timeout_ms,
        }
    }
}

/// What the extension sees of a call's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedResult {
    /// An answer, scrubbed.
    Response {
        /// The status code.
        status: u16,
        /// The headers that extensions may see.
        headers: Vec<(String, String)>,
        /// The body.
        body: Body,
    },
    /// Refused by the host.
    Denied {
        /// Why, and the rule that would have allowed it.
        message: String,
    },
    /// Sent, and the result was lost.
    Unknown {
        /// What happened.
        message: String,
        /// By when it will have settled.
        settles_at: Millis,
    },
    /// Nothing was changed, and trying again is of no use.
    Transport {
        /// What happened.
        message: String,
    },
    /// The answer was too large.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The operation was cancelled.
    Cancelled,
}

impl RecordedResult {
    /// A result that was lost.
    #[must_use]
    pub fn lost(message: &str, settles_at: Millis) -> Self {
        Self::Unknown { message: message.to_owned(), settles_at }
    }

    /// As JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From its text.
    ///
    /// # Errors
    /// If the journal holds something else.
    pub fn from_text(text: &str) -> Result<Self, Interrupt> {
        serde_json::from_str(text)
            .map_err(|error| Interrupt::Journal(format!("a recorded result cannot be read: {error}")))
    }

    /// In a few words, for events.
    #[must_use]
    pub fn outcome(&self) -> String {
        match self {
            Self::Response { status, .. } if (200..300).contains(status) => status.to_string(),
            Self::Response { status, body, .. } => {
                let body = String::from_utf8_lossy(&body.bytes()).chars().take(300).collect::<String>();
                format!("{status} {body}")
            }
            Self::Denied { message } => format!("denied: {message}"),
            Self::Unknown { message, .. } => format!("outcome unknown: {message}"),
            Self::Transport { message } => message.clone(),
            Self::TooLarge { limit } => format!("the answer is larger than {limit} bytes"),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }

    /// In a few words, by the service's own error code where it has one.
    #[must_use]
    pub fn outcome_with(&self, code: Option<&str>) -> String {
        match (self, code) {
            (Self::Response { status, .. }, Some(code)) if !(200..300).contains(status) => format!("{status} {code}"),
            _ => self.outcome(),
        }
    }

    /// Writes a secret's reference where it was taken out.
    pub fn replace(&mut self, placeholder: &str, reference: &str) {
        if let Self::Response { headers, body, .. } = self {
            if let Body::Text(text) = body {
                *text = text.replace(placeholder, reference);
            }
            for (_, value) in headers {
                *value = value.replace(placeholder, reference);
            }
        }
    }

    /// As the extension sees it.
    ///
    /// # Errors
    /// The contract's errors.
    pub fn into_wit(self, call: u64) -> Result<Response, Error> {
        match self {
            Self::Response { status, headers, body } => Ok(Response {
                call,
                status,
                headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
                body: body.bytes(),
            }),
            Self::Denied { message } => Err(Error::Denied(Denial { message })),
            Self::Unknown { message, settles_at } => {
                Err(Error::OutcomeUnknown(Unknown { message, settles_at_ms: settles_at.0 }))
            }
            Self::Transport { message } => Err(Error::Transport(message)),
            Self::TooLarge { limit } => Err(Error::TooLarge(limit)),
            Self::Cancelled => Err(Error::Cancelled),
        }
    }
}
