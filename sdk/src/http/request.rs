//! Requests.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{CallError, Response};
use crate::bindings::http as wit;
use crate::duration::ms;
use crate::secrets::Secret;
use crate::{Result, host};

pub use crate::bindings::http::Encoding;

/// All but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encode a path segment, or a key or value of a query or a form.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Who should sign. Credentials never enter the sandbox: the host looks them up, and only for an origin that the
/// grant binds them to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// AWS Signature Version 4.
    AwsSigV4 {
        /// `rds`.
        service: String,
        /// `eu-west-1`.
        region: String,
    },
    /// A Google access token of these OAuth scopes.
    GoogleOauth {
        /// `https://www.googleapis.com/auth/cloud-platform`.
        scopes: Vec<String>,
    },
    /// A credential of this cloud in a header.
    Header {
        /// The header's name.
        name: String,
        /// What stands before the credential: `Bearer `.
        prefix: String,
    },
    /// HTTP basic authentication (RFC 7617).
    Basic,
    /// A token from the client credentials grant (RFC 6749, section 4.4).
    Oauth2ClientCredentials {
        /// Scopes to ask for.
        scopes: Vec<String>,
    },
}

impl Signer {
    fn into_wit(self) -> wit::Signer {
        match self {
            Self::AwsSigV4 { service, region } => wit::Signer::AwsSigv4(wit::AwsScope { service, region }),
            Self::GoogleOauth { scopes } => wit::Signer::GoogleOauth(scopes),
            Self::Header { name, prefix } => wit::Signer::Header(wit::HeaderScope { name, prefix }),
            Self::Basic => wit::Signer::Basic,
            Self::Oauth2ClientCredentials { scopes } => wit::Signer::Oauth2ClientCredentials(scopes),
        }
    }
}

/// A request under construction.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    sign: Option<Signer>,
    substitute: Vec<wit::Substitution>,
    timeout: Option<Duration>,
    malformed: Option<String>,
}

impl Request {
    /// A request with this method, in upper case, to this absolute URL: https, or http to a loopback origin that the
    /// grant names.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            sign: None,
            substitute: Vec::new(),
            timeout: None,
            malformed: None,
        }
    }

    /// GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// POST.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// PUT.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// PATCH.
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new("PATCH", url)
    }

    /// DELETE.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// With a header. `Host`, `Content-Length`, hop-by-hop, method-override and credential headers are the host's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With one more key of the query.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        self.url.push(joint);
        self.url.push_str(&format!("{}={}", encode(key), encode(value)));
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(error) => self.malformed = Some(format!("the body cannot be JSON: {error}")),
        }
        self.header("content-type", "application/json")
    }

    /// With the body of a form.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(key, value)| format!("{}={}", encode(key.as_ref()), encode(value.as_ref())))
            .collect();
        self.body = fields.join("&").into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Signed by the host.
    pub fn sign(mut self, signer: Signer) -> Self {
        self.sign = Some(signer);
        self
    }

    /// With a secret in the place of its [`placeholder`](Secret::placeholder) in the body. `field` names where that
    /// is, as the grant does: a JSON pointer, or a form's key.
    pub fn substitute(self, secret: &Secret, encoding: Encoding, field: &str) -> Self {
        let placeholder = secret.placeholder();
        self.substitute_at(secret, placeholder, encoding, field)
    }

    /// As [`substitute`](Self::substitute), with a placeholder of the extension's own.
    pub fn substitute_at(
        mut self,
        secret: &Secret,
        placeholder: impl Into<String>,
        encoding: Encoding,
        field: &str,
    ) -> Self {
        self.substitute.push(wit::Substitution {
            secret: secret.reference().to_owned(),
            placeholder: placeholder.into(),
            encoding,
            field: field.to_owned(),
        });
        self
    }

    /// Given up after this long; otherwise the grant's limit holds.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Send it.
    ///
    /// # Errors
    /// Why the host did not send it, or has no answer. An answer of any status is an answer:
    /// [`Response::success`].
    pub fn send(self) -> Result<Response, CallError> {
        let request = self.into_wit()?;
        host::send(&request).map(Response::from_wit).map_err(CallError::from_wit)
    }

    pub(super) fn into_wit(self) -> Result<wit::Request, CallError> {
        match self.malformed {
            Some(reason) => Err(CallError::Malformed(reason)),
            None => Ok(wit::Request {
                method: self.method,
                url: self.url,
                headers: self.headers.into_iter().map(|(name, value)| wit::Header { name, value }).collect(),
                body: self.body,
                sign: self.sign.map(Signer::into_wit),
                substitute: self.substitute,
                timeout_ms: self.timeout.map(|limit| u32::try_from(ms(limit)).unwrap_or(u32::MAX)),
            }),
        }
    }
}
