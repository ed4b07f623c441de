//! Where a request may arrive: addresses, certificates, the proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::*;
use super::world::{self, Answers, Authority, Server, egress, get};

#[tokio::test]
async fn a_name_that_answers_with_a_private_address_is_refused() {
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:10.0.0.1"] {
        let error = Answers::always(&[address]).egress().send("ext", get("https://evil.example/")).await.unwrap_err();
        assert!(matches!(&error, SendError::Refused(why) if why.contains("evil.example")), "{address}: {error}");
    }
    let mut out = get("https://evil.example/");
    out.allowed_ranges = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    let error = Answers::always(&["169.254.169.254"]).egress().send("ext", out).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(why) if why.contains("no setting allows it")), "{error}");
}

#[tokio::test]
async fn localhost_must_be_local() {
    let error = Answers::always(&["93.184.216.34"]).egress().send("ext", get("http://localhost:1/")).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(why) if why.contains("not a loopback address")), "{error}");
}

#[tokio::test]
async fn only_the_allowed_ones_of_a_names_addresses_are_dialled() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let both = Answers::always(&["169.254.169.254", "127.0.0.1"]).egress();
    let started = Instant::now();
    both.send("ext", get(&format!("http://localhost:{}/", server.port))).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "the other address was not tried first");
}

#[tokio::test]
async fn a_learned_authority_is_the_only_one_trusted() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = ours.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let out = |ca: Option<String>| Outbound {
        ca,
        allowed_ranges: vec!["127.0.0.0/8".parse().unwrap()],
        ..get(&format!("https://127.0.0.1:{}/", server.port))
    };
    let egress = egress();
    assert_eq!(egress.send("ext", out(Some(ours.pem()))).await.unwrap().body, b"ok");
    for ca in [None, Some(other.pem())] {
        let error = egress.send("ext", out(ca)).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent(why) if why.contains("certificate")), "{error}");
    }
    let error = egress.send("ext", out(Some("not PEM".to_owned()))).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(why) if why.contains("no certificate")), "{error}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let authority = Authority::new();
    let server = authority.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let out = Outbound {
        ca: Some(authority.pem()),
        allowed_ranges: vec!["127.0.0.0/8".parse().unwrap()],
        ..get(&format!("https://other.example:{}/", server.port))
    };
    let error = Answers::always(&["127.0.0.1"]).egress().send("ext", out).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent(why) if why.contains("not valid for name")), "{error}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn the_systems_authorities_are_read_from_ssl_cert_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let test = "the_systems_authorities_are_read_from_ssl_cert_file";
    if world::in_own_process(module_path!(), test, &environment) {
        let authority = Authority::new();
        std::fs::write(std::env::var_os("SSL_CERT_FILE").unwrap(), authority.pem()).unwrap();
        let server = authority.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let mut out = get(&format!("https://127.0.0.1:{}/", server.port));
        out.allowed_ranges = vec!["127.0.0.0/8".parse().unwrap()];
        assert_eq!(egress().send("ext", out).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_machine_without_authorities_says_what_to_install() {
    let environment = [("SSL_CERT_FILE", "/dev/null")];
    let test = "a_machine_without_authorities_says_what_to_install";
    if world::in_own_process(module_path!(), test, &environment) {
        let server = Authority::new().server("").await;
        let mut out = get(&format!("https://127.0.0.1:{}/", server.port));
        out.allowed_ranges = vec!["127.0.0.0/8".parse().unwrap()];
        let error = egress().send("ext", out).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent(why) if why.contains("ca-certificates")), "{error}");
    }
}

#[tokio::test]
async fn https_goes_through_the_proxy_end_to_end() {
    let authority = Authority::new();
    let server = authority.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let port = world::tunnel(server.port).await;
    let egress = Egress::new(EgressConfig {
        names: Arc::new(Answers::none()),
        proxy: Some(Proxy::new(&format!("http://127.0.0.1:{port}"), "").unwrap()),
        ..EgressConfig::default()
    });
    let out = Outbound { ca: Some(authority.pem()), ..get("https://rds.example/") };
    assert_eq!(egress.send("ext", out).await.unwrap().body, b"ok");
    assert!(server.seen().contains("host: rds.example\r\n"), "{}", server.seen());
}

#[tokio::test]
async fn a_proxy_gets_https_by_name_and_a_refusing_one_proves_not_sent() {
    let proxy = Server::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let config = EgressConfig {
        names: Arc::new(Answers::none()),
        proxy: Some(Proxy::new(&format!("http://user:hunter22@127.0.0.1:{}", proxy.port), "direct.example").unwrap()),
        ..EgressConfig::default()
    };
    let egress = Egress::new(config);
    let error = egress.send("ext", get("https://rds.example/")).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent(_)), "{error}");
    assert!(!error.to_string().contains("hunter22"));
    assert!(proxy.seen().to_ascii_lowercase().contains("\r\nproxy-authorization: basic "));
    assert!(proxy.seen().starts_with("CONNECT rds.example:443 HTTP/1.1\r\n"), "{}", proxy.seen());
    for direct in ["https://direct.example/", "http://localhost:1/"] {
        let error = egress.send("ext", get(direct)).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSent(why) if why.contains("no such name")), "{direct}: {error}");
    }
    let error = egress.send("ext", get("https://169.254.169.254/")).await.unwrap_err();
    assert!(matches!(error, SendError::Refused(_)), "{error}");
    assert_eq!(proxy.requests(), 1);
}

#[tokio::test]
async fn an_extension_cannot_grow_the_server_by_naming_origins() {
    let egress = Answers::none().egress();
    for n in 0..600 {
        let error = egress.send("ext", get(&format!("https://n{n}.example/"))).await.unwrap_err();
        assert!(matches!(error, SendError::NotSent(_)), "{error}");
    }
    assert!(egress.clients.count() <= 512);
}
