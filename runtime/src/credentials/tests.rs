//! What credentials do, over real sockets and with real profile files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod logs;
mod providers;
mod tokens;

use std::time::Duration;

use super::*;
use crate::egress::tests::world::{self, Server};

fn surroundings() -> Surroundings {
    Surroundings { egress: Arc::new(world::egress()), account_key: Zeroizing::new(b"0123456789abcdef".to_vec()) }
}

fn credentials(cloud: &str, source: CredentialSource) -> Credentials {
    Credentials::from_source(cloud, &source, surroundings()).unwrap()
}

fn value(secret: &str) -> CredentialSource {
    CredentialSource::Value { secret: secret.into(), account: None }
}

fn basic_user(username: &str, password: &str) -> CredentialSource {
    CredentialSource::Basic { username: username.to_owned(), password: password.into(), account: None }
}

fn client(token_url: &str) -> CredentialSource {
    CredentialSource::ClientCredentials {
        token_url: token_url.to_owned(),
        client_id: "client id".to_owned(),
        client_secret: "client:secret&1".into(),
        account: None,
    }
}

fn access_key() -> CredentialSource {
    CredentialSource::Key {
        id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG".into(),
        session_token: Some("session/token==".into()),
    }
}

fn request() -> SignedParts {
    SignedParts {
        method: "GET".to_owned(),
        url: "https://api.example/v1?q=1".to_owned(),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: Vec::new(),
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

async fn signed(credentials: &Credentials, signer: &Signer, now: SystemTime) -> Result<String, CredentialError> {
    let mut request = request();
    credentials.sign(signer, &mut request, now).await?;
    assert_eq!(request.headers[0].0, "accept", "other headers stay");
    Ok(request.headers.last().unwrap().1.clone())
}

fn scopes(scopes: &[&str]) -> Signer {
    Signer::OAuth2ClientCredentials { scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() }
}

fn token_answer(token: &str, seconds: u32) -> String {
    let body = format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{seconds}}}"#);
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_invented_cloud_signs_with_its_header() {
    let acme = credentials("acme", value("key-of-acme"));
    let signer = Signer::Header { name: "X-Acme-Key".to_owned(), prefix: "Key ".to_owned() };
    let mut request = request();
    request.headers.push(("x-acme-key".to_owned(), "of the guest".to_owned()));
    acme.sign(&signer, &mut request, at(0)).await.unwrap();
    assert_eq!(request.headers[1..], [("X-Acme-Key".to_owned(), "Key key-of-acme".to_owned())]);
    for name in ["X-A\r\nHost", "", "x y"] {
        let signer = Signer::Header { name: name.to_owned(), prefix: String::new() };
        assert!(matches!(acme.sign(&signer, &mut request, at(0)).await, Err(CredentialError::Request(_))));
    }
    let signer = Signer::Header { name: "x-a".to_owned(), prefix: "a\r\nHost: b".to_owned() };
    let error = acme.sign(&signer, &mut request, at(0)).await.unwrap_err();
    assert!(!error.to_string().contains("key-of-acme"));
}

#[tokio::test]
async fn basic_authentication_is_that_of_the_rfc() {
    let header = signed(&credentials("acme", basic_user("Aladdin", "open sesame")), &Signer::Basic, at(0)).await;
    assert_eq!(header.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[tokio::test]
async fn credentials_of_another_type_are_refused_with_what_is_needed() {
    let error = signed(&credentials("acme", value("key-of-acme")), &Signer::Basic, at(0)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`basic` needs a user and a password, but the credentials of acme are a key. Change them with `cld setup acme`"
    );
    let google = Signer::GoogleOauth { scopes: Vec::new() };
    let error = signed(&credentials("gcloud", value("key-of-gcloud")), &google, at(0)).await.unwrap_err();
    assert!(error.to_string().starts_with("this server cannot sign with `google-oauth`"), "{error}");
}

#[test]
fn what_can_never_work_is_refused_at_setup() {
    for source in [
        value(""),
        value("key\r\nX-Admin: 1"),
        basic_user("a:b", "x"),
        basic_user("a", "x\n"),
        CredentialSource::Key { id: "AKIA".to_owned(), secret: "with blank ".into(), session_token: None },
        CredentialSource::Key { id: String::new(), secret: "x".into(), session_token: None },
    ] {
        let error = Credentials::from_source("acme", &source, surroundings()).unwrap_err();
        assert!(error.to_string().contains("`cld setup acme`"), "{error}");
        assert!(!error.to_string().contains("Admin") && !error.to_string().contains("with blank"), "{error}");
    }
}

#[tokio::test]
async fn stored_keys_sign_with_signature_version_4() {
    let aws = credentials("aws", access_key());
    let signer = Signer::AwsSigV4 { service: "rds".to_owned(), region: "eu-west-1".to_owned() };
    let mut request = request();
    aws.sign(&signer, &mut request, at(0)).await.unwrap();
    let header = |name: &str| request.headers.iter().find(|(other, _)| other == name).unwrap().1.as_str();
    assert!(header("authorization").contains("/eu-west-1/rds/aws4_request"));
    assert_eq!(header("x-amz-security-token"), "session/token==");
    let secrets: Vec<String> = aws.secret_values().iter().map(|secret| secret.to_string()).collect();
    assert_eq!(secrets, ["wJalrXUtnFEMI/K7MDENG", "session/token=="]);
}

#[tokio::test]
async fn the_identity_of_keys_is_what_a_simulator_or_sts_says() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn>\
                <UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let sts = Server::answering(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let identity = credentials("aws", access_key()).identity("eu-west-1", Some(&sts.url(""))).await.unwrap();
    assert_eq!(
        identity,
        Identity {
            account: "123456789012".to_owned(),
            principal: "arn:aws:iam::123456789012:user/a".to_owned(),
            partition: Some("aws".to_owned()),
            region: Some("eu-west-1".to_owned()),
        }
    );
    let seen = sts.seen();
    assert!(seen.contains("/eu-west-1/sts/aws4_request"), "{seen}");
    assert!(seen.ends_with("Action=GetCallerIdentity&Version=2011-06-15"), "{seen}");
    let elsewhere = credentials("aws", access_key()).identity("eu-west-1", Some("http://10.0.0.1/")).await;
    assert!(matches!(elsewhere, Err(CredentialError::Unusable { .. })), "a simulator is on loopback");
}

#[tokio::test]
async fn a_cloud_without_accounts_is_bound_to_its_key() {
    let account = async |cloud: &str, source| credentials(cloud, source).identity("", None).await.unwrap().account;
    let ours = account("acme", value("key-of-acme")).await;
    assert_eq!(ours, account("acme", value("key-of-acme")).await);
    assert_ne!(ours, account("acme", value("other-key")).await);
    assert_ne!(ours, account("zeta", value("key-of-acme")).await);
    assert!(ours.len() == 16 && ours.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let named = CredentialSource::Value { secret: "key-of-acme".into(), account: Some("team-a".to_owned()) };
    assert_eq!(account("acme", named).await, "team-a");
    assert_ne!(account("acme", basic_user("ab", "c")).await, account("acme", basic_user("a", "bc")).await);
    let identity = credentials("acme", basic_user("operator", "pw")).identity("", None).await.unwrap();
    assert_eq!(identity.principal, "operator");
}

#[test]
fn no_debug_shows_a_value() {
    let sources = [
        value("hunter22"),
        basic_user("user", "hunter22"),
        CredentialSource::Key {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "hunter22".into(),
            session_token: Some("hunter22".into()),
        },
    ];
    for source in sources {
        let shown = format!("{source:?} {source} {:?}", credentials("acme", source.clone()));
        assert!(!shown.contains("hunter22") && !shown.contains("AKIDEXAMPLE"), "{shown}");
    }
    let mut parts = request();
    parts.url = "https://a.example/?key=hunter22".to_owned();
    parts.headers = vec![("authorization".to_owned(), "hunter22".to_owned())];
    parts.body = b"hunter22".to_vec();
    let shown = format!("{parts:?} {:?} {:?}", surroundings(), Secret::from("hunter22"));
    assert!(!shown.contains("hunter22") && !shown.contains("104, 117"), "{shown}");
}

#[test]
fn a_source_is_stored_as_the_api_takes_it() {
    let json = r#"{"source":"key","id":"AKIDEXAMPLE","secret":"s","session_token":null}"#;
    let source: CredentialSource = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&source).unwrap(), r#"{"source":"key","id":"AKIDEXAMPLE","secret":"s"}"#);
    for json in [
        r#"{"source":"profile","name":"default"}"#,
        r#"{"source":"environment"}"#,
        r#"{"source":"chain"}"#,
        r#"{"source":"value","secret":"s"}"#,
        r#"{"source":"basic","username":"u","password":"p"}"#,
        r#"{"source":"client-credentials","token_url":"u","client_id":"i","client_secret":"s"}"#,
    ] {
        let source: CredentialSource = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&source).unwrap(), json);
    }
}
