//! AWS keys: given, or found by AWS's own providers, and renewed before they expire.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::sync::Mutex;

use super::secret::Secret;
use super::seen::Seen;
use super::{CredentialError, CredentialSource};
use crate::egress::chain;

/// Keys that expire are renewed so long before.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);
/// Keys that do not say when they expire are looked up again after this: files and profiles change.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(5 * 60);
/// How soon keys that are about to expire are looked up again.
const AT_LEAST: Duration = Duration::from_secs(10);

/// A key that signs. It is of the type that the signing crate takes, which hides its values in `Debug` and
/// overwrites them when dropped.
#[derive(Clone, Debug)]
pub(super) struct Key(aws_credential_types::Credentials);

impl Key {
    pub(super) fn new(id: &str, secret: &str, session_token: Option<&str>) -> Self {
        let token = session_token.map(str::to_owned);
        Self(aws_credential_types::Credentials::new(id, secret, token, None, "stored"))
    }

    pub(super) fn credentials(&self) -> aws_credential_types::Credentials {
        self.0.clone()
    }
}

/// Where keys come from.
pub(super) struct Keys {
    cloud: String,
    origin: Origin,
    found: Mutex<Found>,
    seen: Seen,
}

enum Origin {
    Stored(Key),
    Profile(String),
    Environment,
    Chain,
}

/// What the provider answered last.
#[derive(Default)]
struct Found {
    provider: Option<SharedCredentialsProvider>,
    key: Option<Key>,
    renew_at: Option<SystemTime>,
}

impl Keys {
    /// The error is what is wrong with the source.
    pub(super) fn new(cloud: &str, source: &CredentialSource) -> Result<Self, &'static str> {
        let seen = Seen::default();
        let origin = match source {
            CredentialSource::Key { id, secret, session_token } => {
                let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
                let token = session_token.as_ref().map(Secret::expose);
                if !visible(id) || !visible(secret.expose()) || !token.is_none_or(visible) {
                    return Err("a part of the key is empty or holds a blank or a line break");
                }
                seen.add(secret);
                session_token.iter().for_each(|token| seen.add(token));
                Origin::Stored(Key::new(id, secret.expose(), token))
            }
            CredentialSource::Profile { name } => Origin::Profile(name.clone()),
            CredentialSource::Environment => Origin::Environment,
            CredentialSource::Chain => Origin::Chain,
            _ => return Err("they are no AWS keys"),
        };
        Ok(Self { cloud: cloud.to_owned(), origin, found: Mutex::default(), seen })
    }

    /// The key to sign with now.
    pub(super) async fn current(&self, region: &str, now: SystemTime) -> Result<Key, CredentialError> {
        if let Origin::Stored(key) = &self.origin {
            return Ok(key.clone());
        }
        // Held while looking up: many requests at once ask the provider once.
        let mut found = self.found.lock().await;
        if let (Some(key), Some(renew_at)) = (&found.key, found.renew_at)
            && now < renew_at
        {
            return Ok(key.clone());
        }
        let provider = match &found.provider {
            Some(provider) => provider.clone(),
            None => found.provider.insert(self.provider(region).await).clone(),
        };
        match provider.provide_credentials().await {
            Ok(credentials) => {
                found.renew_at = Some(renew_at(now, credentials.expiry()));
                let key = Key(credentials);
                self.remember(&key);
                found.key = Some(key.clone());
                Ok(key)
            }
            // The ones at hand are still good: a hiccup of the provider must not stop the work.
            Err(error) => match found.key.as_ref().filter(|key| key.0.expiry().is_some_and(|at| now < at)) {
                Some(key) => {
                    tracing::warn!(cloud = self.cloud, error = chain(&error), "credentials could not be renewed yet");
                    Ok(key.clone())
                }
                None => Err(self.not_found(&error)),
            },
        }
    }

    fn remember(&self, key: &Key) {
        self.seen.add(&Secret::from(key.0.secret_access_key()));
        if let Some(token) = key.0.session_token() {
            self.seen.add(&Secret::from(token));
        }
    }

    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.seen.all()
    }

    async fn provider(&self, region: &str) -> SharedCredentialsProvider {
        let client = aws_smithy_http_client::Builder::new();
        // Without any certificate authority on the machine the https client cannot be made; metadata services
        // and key files need none.
        let client = if rustls_native_certs::load_native_certs().certs.is_empty() {
            client.build_http()
        } else {
            client.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        };
        let region = Region::new(region.to_owned());
        let config = ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(client);
        match &self.origin {
            Origin::Profile(name) => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build(),
            ),
            Origin::Environment => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
            // The region is given so that the chain does not go and ask the instance metadata for one.
            Origin::Chain => SharedCredentialsProvider::new(
                DefaultCredentialsChain::builder().configure(config).region(region).build().await,
            ),
            Origin::Stored(key) => SharedCredentialsProvider::new(key.credentials()),
        }
    }

    fn not_found(&self, error: &CredentialsError) -> CredentialError {
        let (cloud, why) = (self.cloud.clone(), chain(error));
        let looked_in = match &self.origin {
            Origin::Profile(name) => format!("profile `{name}` of the server's user"),
            Origin::Environment => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the server's environment".to_owned(),
            Origin::Chain | Origin::Stored(_) => "the default chain of the server's machine".to_owned(),
        };
        match error {
            CredentialsError::ProviderTimedOut(_) => CredentialError::Unreachable { cloud, what: looked_in, why },
            CredentialsError::ProviderError(_) => CredentialError::Unreachable { cloud, what: looked_in, why },
            _ => CredentialError::Missing { cloud, why: format!("{looked_in}: {why}") },
        }
    }
}

/// When keys got now are to be looked up again.
fn renew_at(now: SystemTime, expiry: Option<SystemTime>) -> SystemTime {
    let Some(expiry) = expiry else {
        return now + WITHOUT_EXPIRY;
    };
    let early = expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(now);
    early.max(now + AT_LEAST).min(expiry.max(now))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.cloud)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn keys_are_renewed_shortly_before_they_expire() {
        assert_eq!(renew_at(at(1000), Some(at(4600))), at(4300));
        assert_eq!(renew_at(at(1000), Some(at(1200))), at(1010), "soon, and not at every request");
        assert_eq!(renew_at(at(1000), Some(at(1005))), at(1005));
        assert_eq!(renew_at(at(1000), Some(at(900))), at(1000));
        assert_eq!(renew_at(at(1000), None), at(1300));
    }

    #[test]
    fn debug_does_not_show_a_key() {
        let key = Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI", Some("session-token"));
        let shown = format!("{key:?}");
        assert!(!shown.contains("wJalr") && !shown.contains("session-token"), "{shown}");
    }
}
