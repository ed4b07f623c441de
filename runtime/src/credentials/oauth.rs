//! Access tokens by the OAuth 2 client credentials grant (RFC 6749, section 4.4), kept until shortly before
//! they expire.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::CredentialError;
use super::caller::printable;
use super::secret::Secret;
use super::seen::Seen;
use crate::egress::address::AddressRange;
use crate::egress::scrub::Scrubber;
use crate::egress::{Egress, Inbound, Outbound};

/// The life of a token whose issuer does not say (section 5.1 only recommends that it does).
const UNSAID: Duration = Duration::from_secs(5 * 60);
/// A token is renewed so long before its end, or at half of a shorter life.
const BEFORE_EXPIRY: Duration = Duration::from_secs(60);
/// No token is kept longer, whatever its issuer says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The tokens of one client.
pub(super) struct Tokens {
    cloud: String,
    url: String,
    client_id: String,
    client_secret: Secret,
    /// By their scopes.
    kept: Mutex<HashMap<String, (Secret, SystemTime)>>,
    seen: Seen,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: String,
    /// Seconds; some issuers write the number as a text.
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct NotGranted {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Granted {
    fn life(&self) -> Duration {
        let said = self.expires_in.as_ref();
        let seconds = said.and_then(|said| said.as_u64().or_else(|| said.as_str()?.parse().ok()));
        seconds.map_or(UNSAID, Duration::from_secs)
    }
}

impl Tokens {
    pub(super) fn new(cloud: &str, url: &str, client_id: &str, client_secret: &Secret) -> Self {
        let seen = Seen::default();
        Self {
            cloud: cloud.to_owned(),
            url: url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.clone(),
            kept: Mutex::default(),
            seen,
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.seen.all();
        secrets.push(self.client_secret.clone());
        secrets
    }

    /// A token for these scopes that is good now.
    pub(super) async fn current(
        &self,
        egress: &Egress,
        scopes: &[String],
        now: SystemTime,
    ) -> Result<Secret, CredentialError> {
        let scope = scopes.join(" ");
        // Held while asking: many requests at once get one token.
        let mut kept = self.kept.lock().await;
        if let Some((token, renew_at)) = kept.get(&scope)
            && now < *renew_at
        {
            return Ok(token.clone());
        }
        let answer = egress.send("credentials", self.question(&scope)).await;
        let answer = answer.map_err(|error| CredentialError::unanswered(&self.cloud, "the token endpoint", &error))?;
        let (token, life) = self.read(&answer)?;
        self.seen.add(&token);
        kept.retain(|_, (_, renew_at)| now < *renew_at);
        kept.insert(scope, (token.clone(), now + life));
        Ok(token)
    }

    fn question(&self, scope: &str) -> Outbound {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !scope.is_empty() {
            form.append_pair("scope", scope);
        }
        // Section 2.3.1: both parts are form-encoded before they become user and password.
        let encoded = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
        let (id, secret) = (encoded(&self.client_id), encoded(self.client_secret.expose()));
        let pair = Zeroizing::new(format!("{}:{}", *id, *secret));
        Outbound {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers: vec![
                ("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair.as_bytes()))),
                ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
                ("accept".to_owned(), "application/json".to_owned()),
            ],
            body: form.finish().into_bytes(),
            timeout: Duration::from_secs(15),
            max_response: 64 * 1024,
            // The operator gave this URL, no extension did: it may be on a private network.
            allow_loopback_http: true,
            allowed_ranges: AddressRange::everywhere(),
            ca: None,
            send_before: SystemTime::now() + Duration::from_secs(15),
        }
    }

    /// The token and how long to keep it.
    fn read(&self, answer: &Inbound) -> Result<(Secret, Duration), CredentialError> {
        let (cloud, what) = (self.cloud.clone(), "the token endpoint".to_owned());
        if answer.status == 200 {
            let granted = serde_json::from_slice::<Granted>(&answer.body).ok();
            let granted = granted.filter(|granted| {
                let header_value = http::HeaderValue::from_str(granted.access_token.expose());
                !granted.access_token.expose().is_empty() && header_value.is_ok()
            });
            return match granted {
                Some(granted) if granted.token_type.eq_ignore_ascii_case("bearer") => {
                    let life = granted.life().min(LONGEST);
                    Ok((granted.access_token, life - BEFORE_EXPIRY.min(life / 2)))
                }
                Some(_) => Err(CredentialError::Unusable {
                    cloud,
                    why: "the token endpoint gives tokens of a type other than Bearer".to_owned(),
                }),
                None => Err(CredentialError::Unreachable { cloud, what, why: "its answer holds no token".to_owned() }),
            };
        }
        let why = match serde_json::from_slice::<NotGranted>(&answer.body) {
            Ok(problem) => self.clean(&format!("{} {}", problem.error, problem.error_description)),
            Err(_) => format!("status {}", answer.status),
        };
        match answer.status {
            400..=428 | 430..=499 => Err(CredentialError::Refused { cloud, why }),
            _ => Err(CredentialError::Unreachable { cloud, what, why }),
        }
    }

    /// The issuer's words; it knows the secret and might repeat it.
    fn clean(&self, message: &str) -> String {
        match Scrubber::new([("[secret]", self.client_secret.expose())]) {
            Ok(scrubber) => printable(&scrubber.text(message)),
            Err(_) => "it gives a reason that cannot be shown".to_owned(),
        }
    }
}
