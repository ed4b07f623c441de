//! Whose credentials a request is signed with, and the signing.
//!
//! A *cloud* is any name. `cld setup NAME` stores a [`CredentialSource`] for it, an extension's request names
//! a [`Signer`], and [`Credentials::sign`] brings the two together at the last moment before the request
//! leaves: credentials never enter the sandbox. Nothing here lists clouds: an invented one that signs with a
//! header, a password or an OAuth client works without a change. Only Signature Version 4 and the question
//! "whose keys are these?" are particular to a cloud (AWS); its code is in `sigv4`, `keys` and
//! `caller`.
//!
//! | source | signers |
//! | --- | --- |
//! | profile, environment, chain, key | `aws-sigv4` |
//! | value | `header` |
//! | basic | `basic` |
//! | client-credentials | `oauth2-client-credentials` |
//!
//! Whether a request may be signed at all, and for which origin, is decided before, by the grants. The
//! [`vault`] encrypts what is stored; [`wire`] is what the grants know of the clouds' protocols.
//!
//! Values are kept in memory that is overwritten, no `Debug` and no error shows them, and
//! [`Credentials::secret_values`] says what has to be scrubbed from everything that comes back.

mod caller;
mod error;
mod keys;
mod oauth;
mod secret;
mod seen;
mod sigv4;
mod source;
pub mod vault;
pub mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use error::CredentialError;
use keys::Keys;
use oauth::Tokens;
pub use secret::Secret;
pub use source::CredentialSource;
pub use wire::Signer;

use crate::egress::Egress;

/// Where STS is asked when nobody names a region: it answers there for all of AWS.
const USUAL_REGION: &str = "us-east-1";

/// What credentials need around them.
#[derive(Clone)]
pub struct Surroundings {
    /// For the questions that the host itself asks: whose keys are these, a token please.
    pub egress: Arc<Egress>,
    /// Keys the hash that stands for the account where a cloud does not tell: stable across restarts, secret.
    pub account_key: Zeroizing<Vec<u8>>,
}

/// A request that is about to be signed. Secrets are in it already: substitute first, then sign.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedParts {
    /// `GET` …
    pub method: String,
    /// Absolute. Signing writes it in its normal form, in which it is sent.
    pub url: String,
    /// The signature's own headers are added, or replaced when they are there already.
    pub headers: Vec<(String, String)>,
    /// As it is sent.
    pub body: Vec<u8>,
}

/// Whose credentials they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account that environments are bound to.
    pub account: String,
    /// Who in it: an ARN, a user, a client.
    pub principal: String,
    /// `aws`, `aws-cn` …, where a cloud has several of itself.
    pub partition: Option<String>,
    /// The region that was asked, where a cloud has regions.
    pub region: Option<String>,
}

impl Identity {
    /// The account as environments are bound to it: with the partition, where that is not the usual one.
    #[must_use]
    pub fn bound_account(&self) -> String {
        match self.partition.as_deref() {
            Some(partition) if partition != "aws" => format!("{partition}:{}", self.account),
            _ => self.account.clone(),
        }
    }
}

/// The credentials of one cloud.
pub struct Credentials {
    cloud: String,
    kind: Kind,
    source: String,
    surroundings: Surroundings,
}

enum Kind {
    Aws(Keys),
    Value { secret: Secret, account: Option<String> },
    Basic { username: String, password: Secret, account: Option<String> },
    Client { tokens: Tokens, account: Option<String> },
}

impl Credentials {
    /// The credentials of this cloud. Nothing is looked up yet; that happens when they are first needed.
    ///
    /// # Errors
    /// When what was stored can never work: an empty key, a line break in a header value, a colon in the name
    /// of a basic user, a token URL that cannot be sent to.
    pub fn from_source(
        cloud: &str,
        source: &CredentialSource,
        surroundings: Surroundings,
    ) -> Result<Self, CredentialError> {
        let unusable = |why: &str| CredentialError::Unusable { cloud: cloud.to_owned(), why: why.to_owned() };
        let kind = match source {
            CredentialSource::Value { secret, account } => {
                let value = http::HeaderValue::from_str(secret.expose());
                if secret.expose().is_empty() || value.is_err() {
                    return Err(unusable("the key is empty or holds a line break"));
                }
                Kind::Value { secret: secret.clone(), account: account.clone() }
            }
            CredentialSource::Basic { username, password, account } => {
                let control = |text: &str| text.chars().any(char::is_control);
                if username.contains(':') || control(username) || control(password.expose()) {
                    return Err(unusable("a user name must not hold a colon, nor either a control character"));
                }
                Kind::Basic { username: username.clone(), password: password.clone(), account: account.clone() }
            }
            CredentialSource::ClientCredentials { token_url, client_id, client_secret, account } => Kind::Client {
                tokens: Tokens::new(cloud, token_url, client_id, client_secret),
                account: account.clone(),
            },
            _ => Kind::Aws(Keys::new(cloud, source).map_err(unusable)?),
        };
        Ok(Self { cloud: cloud.to_owned(), kind, source: source.to_string(), surroundings })
    }

    /// Signs a request for this time. Signing again replaces what was there.
    ///
    /// # Errors
    /// When there are no credentials, they are of another type, or (for tokens) nobody answers.
    pub async fn sign(
        &self,
        signer: &Signer,
        request: &mut SignedParts,
        now: SystemTime,
    ) -> Result<(), CredentialError> {
        match (signer, &self.kind) {
            (Signer::AwsSigV4 { service, region }, Kind::Aws(keys)) => {
                let key = keys.current(region, now).await?;
                sigv4::sign(&key, service, region, request, now)
            }
            (Signer::Header { name, prefix }, Kind::Value { secret, .. }) => {
                set(request, name, &Zeroizing::new(format!("{prefix}{}", secret.expose())))
            }
            (Signer::Basic, Kind::Basic { username, password, .. }) => {
                set(request, "authorization", &basic(username, password))
            }
            (Signer::OAuth2ClientCredentials { scopes }, Kind::Client { tokens, .. }) => {
                let token = tokens.current(&self.surroundings.egress, scopes, now).await?;
                set(request, "authorization", &Zeroizing::new(format!("Bearer {}", token.expose())))
            }
            (Signer::GoogleOauth { .. }, _) => Err(CredentialError::NoSuchSigner { signer: signer.name() }),
            _ => Err(CredentialError::Mismatch {
                cloud: self.cloud.clone(),
                signer: signer.name(),
                needs: needs(signer),
                has: self.kind.what(),
            }),
        }
    }

    /// Whose credentials they are. Asks the cloud where it can tell (AWS: STS, in this region or at a
    /// simulator's `endpoint`; an empty region is the usual one); else the account is the one that the operator named, or a keyed hash of the
    /// credential, so that another key is another account.
    ///
    /// # Errors
    /// When there are no credentials, the cloud refuses them, or nobody answers.
    pub async fn identity(&self, region: &str, endpoint: Option<&str>) -> Result<Identity, CredentialError> {
        let (named, hashed, principal) = match &self.kind {
            Kind::Aws(keys) => {
                let now = SystemTime::now();
                let region = if region.is_empty() { USUAL_REGION } else { region };
                let key = keys.current(region, now).await?;
                return caller::identity(&self.cloud, &key, &self.surroundings.egress, region, endpoint, now).await;
            }
            Kind::Value { secret, account } => (account, self.hash(&[secret.expose()])?, None),
            Kind::Basic { username, password, account } => {
                (account, self.hash(&[username, password.expose()])?, Some(username.clone()))
            }
            Kind::Client { tokens, account } => {
                (account, self.hash(&[tokens.client_id(), tokens.url()])?, Some(tokens.client_id().to_owned()))
            }
        };
        Ok(Identity {
            account: named.clone().unwrap_or_else(|| hashed.clone()),
            principal: principal.unwrap_or_else(|| format!("key {hashed}")),
            partition: None,
            region: None,
        })
    }

    /// Every secret text that a response to a signed request could repeat, for scrubbing. Grows when tokens
    /// are renewed; the latest few are kept.
    #[must_use]
    pub fn secret_values(&self) -> Vec<Zeroizing<String>> {
        let texts = match &self.kind {
            Kind::Aws(keys) => keys.secrets(),
            Kind::Value { secret, .. } => vec![secret.clone()],
            Kind::Basic { username, password, .. } => {
                vec![password.clone(), Secret::from(format!("{username}:{}", password.expose()))]
            }
            Kind::Client { tokens, .. } => tokens.secrets(),
        };
        texts.iter().map(|secret| Zeroizing::new(secret.expose().to_owned())).collect()
    }

    /// For the operator: `profile default`, `stored key AKIA…`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Keyed, so that the account in the store or an answer is no means to try keys out.
    fn hash(&self, parts: &[&str]) -> Result<String, CredentialError> {
        let key = &self.surroundings.account_key;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| CredentialError::Unusable {
            cloud: self.cloud.clone(),
            why: "the server has no key to hash them with".to_owned(),
        })?;
        for part in std::iter::once(&self.cloud.as_str()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Ok(hex::encode(mac.finalize().into_bytes()).chars().take(16).collect())
    }
}

/// RFC 7617, section 2.
fn basic(username: &str, password: &Secret) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// Sets a header, once.
fn set(request: &mut SignedParts, name: &str, value: &str) -> Result<(), CredentialError> {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(CredentialError::Request(format!("`{}` is not a header name", name.escape_debug())));
    }
    if http::HeaderValue::from_str(value).is_err() {
        return Err(CredentialError::Request(format!("the value of `{name}` would hold a control character")));
    }
    request.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value.to_owned()));
    Ok(())
}

fn needs(signer: &Signer) -> &'static str {
    match signer {
        Signer::AwsSigV4 { .. } => "AWS keys",
        Signer::GoogleOauth { .. } => "a Google account",
        Signer::Header { .. } => "a key",
        Signer::Basic => "a user and a password",
        Signer::OAuth2ClientCredentials { .. } => "an OAuth client",
    }
}

impl Kind {
    fn what(&self) -> &'static str {
        match self {
            Self::Aws(_) => "AWS keys",
            Self::Value { .. } => "a key",
            Self::Basic { .. } => "a user and a password",
            Self::Client { .. } => "an OAuth client",
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}: {})", self.cloud, self.source)
    }
}

impl fmt::Debug for SignedParts {
    /// Without header values, query and body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("SignedParts").field("method", &self.method).field("headers", &names).finish_non_exhaustive()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
