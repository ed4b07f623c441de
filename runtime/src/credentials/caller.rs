//! Whose AWS keys they are: STS `GetCallerIdentity`, which needs no permission and cannot be denied by a
//! policy.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::keys::Key;
use super::{CredentialError, Identity, SignedParts, sigv4};
use crate::egress::{Egress, Inbound, Outbound};

const QUESTION: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// Asks STS of this region, or a simulator's endpoint.
pub(super) async fn identity(
    cloud: &str,
    key: &Key,
    egress: &Egress,
    region: &str,
    endpoint: Option<&str>,
    now: SystemTime,
) -> Result<Identity, CredentialError> {
    let url = endpoint.map_or_else(|| regional(region), |url| format!("{}/", url.trim_end_matches('/')));
    let mut request = SignedParts {
        method: "POST".to_owned(),
        url,
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
        body: QUESTION.to_vec(),
    };
    sigv4::sign(key, "sts", region, &mut request, now)?;
    let outbound = Outbound {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout: Duration::from_secs(15),
        max_response: 64 * 1024,
        allow_loopback_http: endpoint.is_some(),
        allowed_ranges: Vec::new(),
        ca: None,
        send_before: SystemTime::now() + Duration::from_secs(15),
    };
    let answer = egress.send("credentials", outbound).await;
    let answer = answer.map_err(|error| CredentialError::unanswered(cloud, "STS", &error))?;
    read(cloud, region, &answer)
}

/// The regional endpoint: the global one does not accept keys of newer regions.
fn regional(region: &str) -> String {
    // The partitions' domains, from botocore's `partitions.json`.
    let domain = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ => "amazonaws.com",
    };
    format!("https://sts.{region}.{domain}/")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    get_caller_identity_result: Caller,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Caller {
    arn: String,
    account: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorAnswer {
    error: Problem,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Problem {
    code: String,
    #[serde(default)]
    message: String,
}

fn read(cloud: &str, region: &str, answer: &Inbound) -> Result<Identity, CredentialError> {
    let text = String::from_utf8_lossy(&answer.body);
    let cloud = cloud.to_owned();
    if answer.status == 200 {
        return match quick_xml::de::from_str::<Answer>(&text) {
            Ok(Answer { get_caller_identity_result: caller }) => Ok(Identity {
                partition: caller.arn.split(':').nth(1).map(str::to_owned),
                account: caller.account,
                principal: caller.arn,
                region: Some(region.to_owned()),
            }),
            Err(_) => {
                let why = "the answer is not one of STS; is the endpoint right?".to_owned();
                Err(CredentialError::Unreachable { cloud, what: "STS".to_owned(), why })
            }
        };
    }
    let why = match quick_xml::de::from_str::<ErrorAnswer>(&text) {
        Ok(ErrorAnswer { error }) => format!("{} ({})", error.code, printable(&error.message)),
        Err(_) => format!("status {}", answer.status),
    };
    match answer.status {
        400..=428 | 430..=499 => Err(CredentialError::Refused { cloud, why }),
        _ => Err(CredentialError::Unreachable { cloud, what: "STS".to_owned(), why }),
    }
}

/// A message of somebody else's, fit for a terminal.
pub(super) fn printable(message: &str) -> String {
    message.trim().chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Identity, CredentialError> {
        read("aws", "eu-west-1", &Inbound { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }

    #[test]
    fn the_caller_is_read_from_the_answer_of_sts() {
        let identity = answer(
            200,
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
               <Arn>arn:aws-us-gov:iam::123456789012:user/Alice</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
               </GetCallerIdentityResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#,
        );
        let identity = identity.unwrap();
        assert_eq!((identity.account.as_str(), identity.partition.as_deref()), ("123456789012", Some("aws-us-gov")));
        assert_eq!(identity.principal, "arn:aws-us-gov:iam::123456789012:user/Alice");
    }

    #[test]
    fn a_refusal_keeps_the_words_of_sts_and_names_the_command() {
        let error = answer(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>",
        );
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "aws refuses the credentials: InvalidClientTokenId (The security token included in the request is \
             invalid.). Set up others with `cld setup aws`"
        );
        assert!(!error.is_transient());
    }

    #[test]
    fn throttling_and_outages_are_no_refusal() {
        for (status, body) in [(503, ""), (429, ""), (500, "<x/>"), (200, "<html>hello</html>")] {
            assert!(answer(status, body).unwrap_err().is_transient(), "{status}");
        }
    }

    #[test]
    fn each_partition_has_its_own_domain() {
        assert_eq!(regional("eu-west-1"), "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(regional("us-gov-west-1"), "https://sts.us-gov-west-1.amazonaws.com/");
        assert_eq!(regional("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
