//! The grants as they are written and stored.

use serde::{Deserialize, Serialize};

use super::capture::CaptureRule;
use super::condition::Conditions;
use super::ownership::Id;
use super::{Protocol, SignRule};
use crate::extensions::{ComponentDigest, Origin, OriginPattern};

/// What an extension of one digest may do. Empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grants {
    /// The extension that they are for; a manifest leaves it out, the store does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ComponentDigest>,
    /// HTTP calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Endpoints that may be trusted once a response has shown them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learn: Vec<Learn>,
    /// Containers with a command-line tool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docker: Vec<DockerGrant>,
}

/// What may be called at one origin, by one protocol, signed by one signer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpGrant {
    /// Where.
    pub origin: OriginPattern,
    /// How a request says what it asks for.
    pub protocol: Protocol,
    /// Who signs; nobody if silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<SignRule>,
    /// Operations that only read, without conditions: names (`Describe*`), or path templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Query parameters that requests may have, under `rest`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<String>,
    /// Headers that requests may have besides `Accept`, `Content-Type`, `If-Match` and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Everything else, a rule an operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Rule>,
    /// Which ids answers show with our mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<OwnsRule>,
    /// Secrets in answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<CaptureRule>,
    /// Error codes, or statuses, that prove that the request was not performed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::parse::codes")]
    pub refused_codes: Vec<String>,
    /// The same, where the service asks to come back later.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::parse::codes")]
    pub throttled_codes: Vec<String>,
    /// A JSON pointer to the error code of an answer, under `rest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Milliseconds within which a call that was performed becomes visible.
    #[serde(default = "default_settle_ms")]
    pub settle_ms: u64,
    /// Milliseconds that a call may take.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
    /// The largest response that is read.
    #[serde(default = "default_max_response_bytes")]
    pub max_response_bytes: u64,
}

impl HttpGrant {
    /// Settling, timeout and response size, where a grant is silent.
    pub(super) const DEFAULT_LIMITS: [u64; 3] =
        [default_settle_ms(), default_timeout_ms() as u64, default_max_response_bytes()];
}

const fn default_settle_ms() -> u64 {
    120_000
}

const fn default_timeout_ms() -> u32 {
    60_000
}

const fn default_max_response_bytes() -> u64 {
    8 * 1024 * 1024
}

/// One operation that may be called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// The operation: a name, or a method and a path template.
    pub op: String,
    /// What calling it does; by default [`Effect::Once`], and [`Effect::Read`] for GET and HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What must hold for its fields.
    #[serde(default, rename = "where", skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
    /// Fields that a secret may be written into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Fields it may have besides those of `where` and `secrets`; any, if silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// Instead of the grant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_ms: Option<u64>,
    /// Instead of the grant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
}

/// What performing a call does to the world. Decided by the grant, never by the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing.
    Read,
    /// Twice is as good as once: sent again after a crash.
    Idempotent,
    /// It must never be sent twice.
    Once,
}

impl Effect {
    /// As grants write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Idempotent => "idempotent",
            Self::Once => "once",
        }
    }
}

/// Which ids an answer shows with our mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnsRule {
    /// The operation, as its rule or `read` list writes it; a name may end with `*`.
    pub op: String,
    /// A JSON pointer to the things in the answer: one of them or an array. The answer itself if silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Where the id is: within the item, or in the request.
    pub id: Id,
    /// A JSON pointer within the item to its tags. If silent, the request carried the mark: that counts only
    /// where the rule that allowed it has a `mark` condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
}

/// An endpoint that may be trusted once the response of this call has shown it, with our mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Learn {
    /// Method, origin and path template: `GET https://container.example.com/v1/clusters/{name}`.
    pub from: String,
    /// A JSON pointer to the endpoint in the response.
    pub endpoint: String,
    /// A JSON pointer to the certificate authority that TLS is verified against.
    pub ca: String,
}

/// A container that may be run with a command-line tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DockerGrant {
    /// By digest: `name@sha256:…`.
    pub image: String,
    /// Patterns of the arguments, a token each; a pattern names the options that it allows.
    pub argv: Vec<String>,
    /// The credential that the host mounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Origins that it may reach, through the server's proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<OriginPattern>,
}

impl Grants {
    /// The same grants with every origin replaced by this one: for a simulator, or an installation that has
    /// one endpoint for everything. Which service is meant is then told by the signer alone.
    #[must_use]
    pub fn rebind(&self, endpoint: &Origin) -> Self {
        let mut rebound = self.clone();
        let origin = OriginPattern::from(endpoint);
        for grant in &mut rebound.http {
            grant.origin = origin.clone();
        }
        for learn in &mut rebound.learn {
            let path = learn.from.splitn(4, '/').nth(3).unwrap_or_default();
            learn.from = format!("GET {endpoint}/{path}");
        }
        for docker in rebound.docker.iter_mut().filter(|docker| !docker.network.is_empty()) {
            docker.network = vec![origin.clone()];
        }
        rebound
    }

    /// Whether every origin that it grants is this machine.
    pub fn is_loopback_only(&self) -> bool {
        let learned = self.learn.iter().all(|learn| {
            let origin = learn.from.split(' ').nth(1).unwrap_or_default();
            let origin = origin.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            origin.parse::<OriginPattern>().is_ok_and(|origin| origin.is_loopback())
        });
        let network = self.docker.iter().flat_map(|docker| &docker.network);
        let origins = self.http.iter().map(|grant| &grant.origin).chain(network);
        learned && origins.into_iter().all(OriginPattern::is_loopback)
    }
}
