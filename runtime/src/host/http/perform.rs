//! The real call: substitute, sign, send; then take secrets out, scrub, and see what the answer proves.

use std::time::{Duration, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::record::{Body, RecordedRequest, RecordedResult};
use crate::credentials::SignedParts;
use crate::credentials::wire::error_code;
use crate::egress::substitute::{Encoding as BodyEncoding, Substitution as BodySubstitution, substitute};
use crate::egress::{Inbound, Outbound, SendError};
use crate::extensions::grants::{self, Encoding, Permit, apply_captures, classify, shown};
use crate::host::{Host, identity::new_reference};
use crate::journal::{Effect, Millis, Proof};

/// How a call ended.
pub struct Performed {
    /// For the eye.
    pub summary: String,
    /// How.
    pub(crate) end: End,
    /// Bytes of the answer.
    pub bytes: u64,
}

/// How.
pub(crate) enum End {
    /// It can be sent again, without the extension noticing.
    Again {
        /// What happened.
        reason: String,
    },
    /// It has a result.
    Answered(Box<Answered>),
}

/// A result.
pub(crate) struct Answered {
    pub(crate) result: RecordedResult,
    pub(crate) proof: Proof,
    pub(crate) owned: Vec<String>,
    /// Values taken out of the answer, each with what stands for it in `result`.
    pub(crate) captured: Vec<(String, Zeroizing<String>)>,
    pub(crate) changes: bool,
    pub(crate) failed: bool,
    /// The service's own code of an error.
    pub(crate) code: Option<String>,
}

/// The times of a call's intent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Until when it may be handed to the network.
    pub(super) send_before: Millis,
    /// When it can no longer take effect, whatever became of it.
    pub(super) settles_at: Millis,
}

/// The call, as a future that needs nothing of its run.
pub(super) fn perform(
    host: &Host,
    permit: &Permit,
    request: &RecordedRequest,
    window: Window,
    response_bytes: u64,
) -> impl Future<Output = Performed> + Send + 'static {
    let (permit, request) = (permit.clone(), request.clone());
    let (services, scope) = (host.services.clone(), host.scope.clone());
    let scrubber = host.identity.scrubber();
    let secrets: Result<Vec<BodySubstitution>, String> = request.with_call(|call| {
        let value = |one: &grants::Substitution| match host.identity.value(&one.secret) {
            Some(value) => Ok(BodySubstitution {
                placeholder: one.placeholder.clone(),
                field: one.field.clone(),
                encoding: encoding(one.encoding),
                value: value.clone(),
            }),
            None => Err(format!("`{}` is not a secret of this environment", one.secret)),
        };
        call.substitutions.iter().map(value).collect()
    });
    async move {
        let summary = permit.summary.clone();
        let effect = Effect::from(permit.effect);
        let refused = |message: String| Performed {
            summary: summary.clone(),
            end: End::Answered(Box::new(Answered {
                result: RecordedResult::Denied { message },
                proof: Proof::NotPerformed,
                owned: Vec::new(),
                captured: Vec::new(),
                changes: effect.changes_the_world(),
                failed: true,
                code: None,
            })),
            bytes: 0,
        };
        let secrets = match secrets {
            Ok(secrets) => secrets,
            Err(message) => return refused(message),
        };
        let parts = request.with_call(|call| {
            let content_type = call.header("content-type");
            substitute(call.body, content_type, &secrets).map(|body| SignedParts {
                method: call.method.to_owned(),
                url: call.url.to_owned(),
                headers: call.headers.to_vec(),
                body,
            })
        });
        let mut parts = match parts {
            Ok(parts) => parts,
            Err(error) => return refused(error.to_string()),
        };
        let mut credential_scrubber = None;
        if let Some(signer) = &permit.signer {
            let cloud = match services.clouds.access(&scope.cloud).await {
                Ok(cloud) => cloud,
                Err(error) => return refused(error.to_string()),
            };
            // Set up anew under a running task: what is another account's is not asked, not even to look.
            match cloud.binding(None).await {
                Ok(now) if scope.account.as_ref().is_none_or(|bound| *bound == now.account) => {}
                Ok(now) => {
                    let bound = scope.account.as_deref().unwrap_or_default();
                    let reason = format!("the credentials are of account {}, not of {bound}", now.account);
                    return Performed { summary: summary.clone(), end: End::Again { reason }, bytes: 0 };
                }
                Err(error) if error.is_transient() => {
                    let end = End::Again { reason: format!("{}: {error}", permit.summary) };
                    return Performed { summary: summary.clone(), end, bytes: 0 };
                }
                Err(error) => return refused(error.to_string()),
            }
            if let Err(error) = cloud.sign(signer, &mut parts).await {
                // Nobody answers who hands out tokens: a passing fault, and nothing was sent.
                if error.is_transient() {
                    let end = End::Again { reason: format!("{}: {error}", permit.summary) };
                    return Performed { summary: summary.clone(), end, bytes: 0 };
                }
                return refused(error.to_string());
            }
            credential_scrubber = match cloud.scrubber() {
                Ok(scrubber) => Some(scrubber),
                Err(error) => return refused(error.to_string()),
            };
        }
        let outbound = Outbound {
            method: parts.method,
            url: parts.url,
            headers: parts.headers,
            body: parts.body,
            timeout: Duration::from_millis(u64::from(permit.timeout_ms)),
            max_response: permit.max_response_bytes.min(response_bytes),
            allow_loopback_http: permit.origin.is_loopback(),
            allowed_ranges: services.ranges(&permit.origin),
            ca: None,
            // The intent's, however long signing took: what is sent later could outlast its settling.
            send_before: UNIX_EPOCH + Duration::from_millis(window.send_before.0),
        };
        let pool = format!("{} {}", scope.extension, scope.digest);
        let scrub = |text: &str| {
            let text = scrubber.text(text).into_owned();
            match &credential_scrubber {
                Some(credentials) => credentials.text(&text).into_owned(),
                None => text,
            }
        };
        match services.egress.send(&pool, outbound).await {
            Ok(inbound) => {
                let bytes = inbound.body.len() as u64;
                let proof = classify(&permit, inbound.status, &inbound.headers, &inbound.body);
                // Whether it was performed nobody knows, and it may be performed twice: it is sent again. Kept as a
                // result, every run after it would meet the same answer.
                if effect == Effect::Idempotent && matches!(proof, grants::Proof::Unknown) {
                    let reason = format!("{summary} answered {}", inbound.status);
                    return Performed { summary, end: End::Again { reason }, bytes };
                }
                let answered = answered(&permit, &request, inbound, &scope.mark, window.settles_at, scrub);
                Performed { summary, end: End::Answered(Box::new(answered)), bytes }
            }
            Err(error) => Performed { end: failed(&permit, &error, window.settles_at, scrub), summary, bytes: 0 },
        }
    }
}

fn answered(
    permit: &Permit,
    request: &RecordedRequest,
    inbound: Inbound,
    mark: &[(String, String)],
    settles_at: Millis,
    scrub: impl Fn(&str) -> String,
) -> Answered {
    let Inbound { status, headers, body } = inbound;
    let effect = Effect::from(permit.effect);
    let proof = match classify(permit, status, &headers, &body) {
        grants::Proof::Performed if (200..300).contains(&status) => Proof::Performed,
        grants::Proof::Performed => Proof::Answered,
        grants::Proof::NotPerformed { .. } => Proof::NotPerformed,
        grants::Proof::Unknown if effect == Effect::Once => Proof::Lost,
        grants::Proof::Unknown => Proof::Answered,
    };
    let code = error_code(permit.protocol, &headers, &body, permit.error_code.as_deref());
    let owned = request.with_call(|call| shown(permit, call, status, &body, mark));
    let mut captured = Vec::new();
    let taken = apply_captures(permit, &body, |value| {
        let stands_for_it = new_reference();
        captured.push((stands_for_it.clone(), Zeroizing::new(value.to_owned())));
        stands_for_it
    });
    let hide = |text: &str| {
        let mut text = scrub(text);
        for raw in taken.taken.iter().filter(|raw| raw.len() >= crate::egress::scrub::SHORTEST) {
            text = text.replace(raw.as_str(), "[captured]");
        }
        text
    };
    let body = match String::from_utf8(taken.body) {
        Ok(text) => Body::new(hide(&text).into_bytes()),
        // Bytes that are no text can hide a secret in any coding: they are looked through as Latin-1.
        Err(error) => {
            let bytes = error.into_bytes();
            let latin: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            if hide(&latin) == latin { Body::new(bytes) } else { Body::Text("[scrubbed]".to_owned()) }
        }
    };
    let is_absent = effect == Effect::Read && says_absent(status, code.as_deref());
    let failed = !(200..300).contains(&status) && !is_absent;
    let result = if proof == Proof::Lost {
        RecordedResult::lost(&hide(&format!("{} answered {status}", permit.origin)), settles_at)
    } else {
        let headers = headers.into_iter().map(|(name, value)| (name, hide(&value))).collect();
        RecordedResult::Response { status, headers, body }
    };
    Answered { result, proof, owned, captured, changes: effect.changes_the_world(), failed, code }
}

/// Whether an answer says that there is no such thing: of a look, that is an answer like any other. A status or the
/// service's own code (`DBInstanceNotFound`, `NoSuchEntity`, `RESOURCE_NOT_FOUND`) says so.
fn says_absent(status: u16, code: Option<&str>) -> bool {
    let code: String = code.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    let code = code.to_ascii_lowercase();
    status == 404
        || (400..500).contains(&status) && ["notfound", "nosuch", "doesnotexist"].iter().any(|word| code.contains(word))
}

fn failed(permit: &Permit, error: &SendError, settles_at: Millis, scrub: impl Fn(&str) -> String) -> End {
    let effect = Effect::from(permit.effect);
    let message = scrub(&format!("{}: {error}", permit.summary));
    let (result, proof) = match (error, effect) {
        (SendError::Refused(_), _) => (RecordedResult::Denied { message }, Proof::NotPerformed),
        (SendError::TooLarge(limit), _) => (RecordedResult::TooLarge { limit: *limit }, Proof::Performed),
        (SendError::MaybeSent(_), Effect::Once) => (RecordedResult::lost(&message, settles_at), Proof::Lost),
        (SendError::NotSent(_) | SendError::Expired, Effect::Once) => {
            (RecordedResult::Transport { message }, Proof::NotPerformed)
        }
        (SendError::NotSent(_) | SendError::MaybeSent(_) | SendError::Expired, _) => {
            return End::Again { reason: message };
        }
    };
    End::Answered(Box::new(Answered {
        result,
        proof,
        owned: Vec::new(),
        captured: Vec::new(),
        changes: effect.changes_the_world(),
        failed: true,
        code: None,
    }))
}

fn encoding(encoding: Encoding) -> BodyEncoding {
    match encoding {
        Encoding::Raw => BodyEncoding::Raw,
        Encoding::Form => BodyEncoding::Form,
        Encoding::Json => BodyEncoding::Json,
        Encoding::Xml => BodyEncoding::Xml,
        Encoding::Base64 => BodyEncoding::Base64,
    }
}

#[cfg(test)]
mod tests {
    use super::says_absent;

    #[test]
    fn that_there_is_no_such_thing_is_no_failure_of_a_look() {
        let absent = [
            (404, None),
            (404, Some("DBInstanceNotFound")),
            (400, Some("InvalidGroup.NotFound")),
            (404, Some("NoSuchEntity")),
            (400, Some("ResourceNotFoundException")),
        ];
        assert!(absent.into_iter().all(|(status, code)| says_absent(status, code)));
        let failed = [(403, Some("AccessDenied")), (400, None), (400, Some("Throttling")), (500, Some("NotFound"))];
        assert!(!failed.into_iter().any(|(status, code)| says_absent(status, code)));
    }
}
