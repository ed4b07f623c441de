//! Tokens of the client credentials grant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[tokio::test]
async fn a_token_is_fetched_once_and_renewed_before_it_expires() {
    let issuer = Server::answering(&token_answer("token-one", 3600)).await;
    let acme = credentials("acme", client(&issuer.url("/token")));
    for (seconds, requests) in [(0, 1), (3000, 1), (3541, 2), (6000, 2)] {
        assert_eq!(signed(&acme, &scopes(&["read", "write"]), at(seconds)).await.unwrap(), "Bearer token-one");
        assert_eq!(issuer.requests(), requests, "after {seconds} s");
    }
    signed(&acme, &scopes(&["admin"]), at(6000)).await.unwrap();
    assert_eq!(issuer.requests(), 3, "other scopes are another token");
    let seen = issuer.seen();
    assert!(seen.starts_with("POST /token HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("\r\n\r\ngrant_type=client_credentials&scope=read+write"), "{seen}");
    // `client+id:client%3Asecret%261`
    assert!(seen.contains("authorization: Basic Y2xpZW50K2lkOmNsaWVudCUzQXNlY3JldCUyNjE=\r\n"), "{seen}");
    let secrets: Vec<String> = acme.secret_values().iter().map(|secret| secret.to_string()).collect();
    assert_eq!(secrets, ["token-one", "client:secret&1"]);
}

#[tokio::test]
async fn many_requests_at_once_get_one_token() {
    let issuer = Server::answering(&token_answer("token-one", 3600)).await;
    let acme = credentials("acme", client(&issuer.url("/token")));
    let signer = scopes(&["read"]);
    let all = futures::future::join_all((0..20).map(|_| signed(&acme, &signer, at(0)))).await;
    assert!(all.into_iter().all(|header| header.unwrap() == "Bearer token-one"));
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test]
async fn an_issuers_refusal_names_the_command_and_not_the_secret() {
    let body = r#"{"error":"invalid_client","error_description":"bad secret client:secret&1\u001b[0m"}"#;
    let issuer = Server::answering(&format!("HTTP/1.1 401 X\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let error = signed(&credentials("acme", client(&issuer.url("/"))), &scopes(&[]), at(0)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme refuses the credentials: invalid_client bad secret [secret][0m. Set up others with `cld setup acme`"
    );
}

#[tokio::test]
async fn an_issuer_that_is_away_or_odd_is_a_passing_fault() {
    let port = world::closed_port().await;
    let away = credentials("acme", client(&format!("http://127.0.0.1:{port}/")));
    assert!(signed(&away, &scopes(&[]), at(0)).await.unwrap_err().is_transient());
    for answer in [
        "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        token_answer(r"a\r\nHost: b", 60),
        token_answer("", 60),
    ] {
        let issuer = Server::answering(&answer).await;
        let error = signed(&credentials("acme", client(&issuer.url("/"))), &scopes(&[]), at(0)).await.unwrap_err();
        assert!(error.is_transient(), "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_token_url_that_cannot_be_sent_to_is_unusable() {
    for url in ["http://issuer.example/token", "https://user:pw@issuer.example/", "https://169.254.169.254/", "token"] {
        let error = signed(&credentials("acme", client(url)), &scopes(&[]), at(0)).await.unwrap_err();
        assert!(matches!(error, CredentialError::Unusable { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_issuer_says_in_any_spelling() {
    for (said, good, over) in [
        (r#""expires_in":"100","#, 49, 51),
        (r#""expires_in":100,"#, 49, 51),
        ("", 239, 241),
        (r#""expires_in":99999999999,"#, 86_339, 86_341),
    ] {
        let body = format!(r#"{{{said}"access_token":"token-one","token_type":"Bearer"}}"#);
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let issuer = Server::answering(&answer).await;
        let acme = credentials("acme", client(&issuer.url("/")));
        for (seconds, requests) in [(0, 1), (good, 1), (over, 2)] {
            signed(&acme, &scopes(&[]), at(seconds)).await.unwrap();
            assert_eq!(issuer.requests(), requests, "{said} after {seconds} s");
        }
    }
}
