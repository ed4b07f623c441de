//! Servers that behave, and misbehave, to the letter; and a resolver that answers what it is told.

use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::egress::{Egress, EgressConfig, Names, Outbound};

pub(crate) fn egress() -> Egress {
    Egress::new(EgressConfig::default())
}

pub(crate) fn get(url: &str) -> Outbound {
    Outbound {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_secs(20),
        max_response: 1 << 20,
        allow_loopback_http: true,
        allowed_ranges: Vec::new(),
        ca: None,
        send_before: SystemTime::now() + Duration::from_secs(60),
    }
}

pub(crate) fn post(url: &str, body: &[u8]) -> Outbound {
    Outbound { method: "POST".to_owned(), body: body.to_vec(), ..get(url) }
}

pub(crate) async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A resolver that says what it is told.
#[derive(Clone)]
pub(crate) struct Answers {
    addresses: Vec<IpAddr>,
    delay: Duration,
}

impl Answers {
    pub(crate) fn after(delay: Duration, addresses: &[&str]) -> Self {
        Self { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), delay }
    }

    pub(crate) fn always(addresses: &[&str]) -> Self {
        Self::after(Duration::ZERO, addresses)
    }

    pub(crate) fn none() -> Self {
        Self::always(&[])
    }

    pub(crate) fn egress(self) -> Egress {
        Egress::new(EgressConfig { names: Arc::new(self), ..EgressConfig::default() })
    }
}

#[async_trait]
impl Names for Answers {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        tokio::time::sleep(self.delay).await;
        if self.addresses.is_empty() {
            return Err(io::Error::other("no such name"));
        }
        Ok(self.addresses.clone())
    }
}

/// What a server does with each request.
#[derive(Clone)]
enum Behaviour {
    /// Answers this, and closes unless the answer has a length and was sent whole.
    Answer(String),
    /// Answers the first request of a connection and closes at the second, having read it.
    AnswerOnce(String),
    Silent,
}

#[derive(Default)]
struct Seen {
    bytes: Mutex<Vec<u8>>,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A server on loopback that writes down what it gets.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

impl Server {
    pub(crate) async fn answering(answer: &str) -> Self {
        Self::start(Behaviour::Answer(answer.to_owned()), None).await
    }

    pub(crate) async fn answering_once(answer: &str) -> Self {
        Self::start(Behaviour::AnswerOnce(answer.to_owned()), None).await
    }

    pub(crate) async fn silent() -> Self {
        Self::start(Behaviour::Silent, None).await
    }

    async fn start(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        let server = Self { port, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let (behaviour, seen, tls) = (behaviour.clone(), Arc::clone(&seen), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, behaviour, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, behaviour, &seen).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.bytes.lock().unwrap()).into_owned()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, behaviour: Behaviour, seen: &Seen) -> Option<()> {
    for nth in 0.. {
        let request = read_request(&mut stream).await?;
        seen.bytes.lock().unwrap().extend_from_slice(&request);
        seen.requests.fetch_add(1, Ordering::SeqCst);
        match &behaviour {
            Behaviour::Silent => std::future::pending().await,
            Behaviour::AnswerOnce(_) if nth > 0 => return None,
            Behaviour::Answer(answer) | Behaviour::AnswerOnce(answer) => {
                stream.write_all(answer.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                let (head, body) = answer.split_once("\r\n\r\n")?;
                if !head.ends_with(&format!("Content-Length: {}", body.len())) {
                    stream.shutdown().await.ok()?;
                    return None;
                }
            }
        }
    }
    None
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(request);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
}

/// A certificate authority of a test's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// A TLS server at 127.0.0.1, also in the name of rds.example.
    pub(crate) async fn server(&self, answer: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned(), "rds.example".to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        Server::start(Behaviour::Answer(answer.to_owned()), Some(TlsAcceptor::from(Arc::new(config)))).await
    }
}

/// A proxy that opens every tunnel it is asked for, to this port on loopback.
pub(crate) async fn tunnel(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut near).await?;
                near.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.ok()?;
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await.ok()
            });
        }
    });
    port
}

/// For tests that need environment variables, which a test must not change under the others: such a test
/// runs itself again in a process of its own. There, true. In the parent: runs the child with this
/// environment, checks that it passed, and false.
pub(crate) fn in_own_process(module: &str, test: &str, environment: &[(&str, &str)]) -> bool {
    const CHILD: &str = "CLOUDARK_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let (_, module) = module.split_once("::").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{module}::{test}"), "--exact", "--nocapture"])
        .env_clear()
        .env(CHILD, "1")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}{errors}");
    false
}
