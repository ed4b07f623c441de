//! What the way of a request through signing and sending leaves in the log, at the finest level.

use std::io;
use std::sync::Mutex;

use super::*;
use crate::egress::Outbound;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_shows_a_secret_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let issuer = Server::answering(&token_answer("token-of-issuer", 3600)).await;
    let clouds = [
        (access_key(), Signer::AwsSigV4 { service: "rds".to_owned(), region: "eu-west-1".to_owned() }),
        (value("key-of-acme"), Signer::Header { name: "x-key".to_owned(), prefix: String::new() }),
        (basic_user("user", "password-of-acme"), Signer::Basic),
        (client(&issuer.url("/")), scopes(&["read"])),
    ];
    let surroundings = surroundings();
    for (source, signer) in clouds {
        let credentials = Credentials::from_source("acme", &source, surroundings.clone()).unwrap();
        let mut request = request();
        request.method = "POST".to_owned();
        request.url = server.url("/?q=1");
        request.body = b"MasterUserPassword=secret-in-body".to_vec();
        credentials.sign(&signer, &mut request, at(0)).await.unwrap();
        let SignedParts { method, url, headers, body } = request;
        let out = Outbound { method, headers, body, ..world::get(&url) };
        tracing::info!(?out, ?credentials, "sending");
        surroundings.egress.send("ext", out).await.unwrap();
    }
    assert_eq!(server.requests(), 4);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("sending"));
    for secret in [
        "wJalrXUtnFEMI",
        "session/token",
        "key-of-acme",
        "password-of-acme",
        "client:secret",
        "token-of-issuer",
        "secret-in-body",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {line:?}");
    }
}
