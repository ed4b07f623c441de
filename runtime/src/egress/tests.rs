//! What becomes of a request, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod destinations;
pub(crate) mod world;

use std::time::{Duration, SystemTime};

use super::*;
use world::{Answers, Server, egress, get, post};

#[tokio::test]
async fn a_request_arrives_as_it_is_and_its_answer_comes_back() {
    let server = Server::answering("HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 2\r\n\r\nok").await;
    let mut out = post(&server.url("/a%20b?c=d"), b"body");
    out.headers = vec![("X-Amz-Target".to_owned(), "T.Op".to_owned())];
    let answer = egress().send("ext", out).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, b"ok".as_slice()));
    assert!(answer.headers.contains(&("x-id".to_owned(), "7".to_owned())));
    let seen = server.seen();
    assert!(seen.starts_with("POST /a%20b?c=d HTTP/1.1\r\n"), "{seen}");
    for line in ["x-amz-target: T.Op\r\n", "accept-encoding: identity\r\n", "content-length: 4\r\n", "\r\n\r\nbody"] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(seen.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)), "{seen}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server =
        Server::answering("HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    let answer = egress().send("ext", get(&server.url("/"))).await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn no_cookie_and_no_referer_is_sent_back() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n").await;
    let egress = egress();
    for _ in 0..2 {
        egress.send("ext", get(&server.url("/"))).await.unwrap();
    }
    let seen = server.seen().to_ascii_lowercase();
    assert!(!seen.contains("cookie") && !seen.contains("referer"), "{seen}");
}

#[tokio::test]
async fn extensions_do_not_share_connections() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let egress = egress();
    for pool in ["one", "one", "two"] {
        egress.send(pool, get(&server.url("/"))).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests()), (2, 3));
}

#[tokio::test]
async fn a_refused_connection_is_proven_not_sent() {
    let port = world::closed_port().await;
    let error =
        egress().send("ext", post(&format!("http://127.0.0.1:{port}/?token=hunter22"), b"x")).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent(why) if why.contains(&port.to_string())), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter22"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_proven_not_sent() {
    let error = Answers::none().egress().send("ext", get("https://nowhere.example/")).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent(why) if why.contains("no such name")), "{error}");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_may_have_sent() {
    let server = Server::answering("").await;
    let error = egress().send("ext", post(&server.url("/"), b"x")).await.unwrap_err();
    assert!(matches!(error, SendError::MaybeSent(_)), "{error}");
    assert_eq!(server.requests(), 1, "nothing is sent twice");
}

#[tokio::test]
async fn a_reused_connection_that_closes_may_have_sent_and_is_not_tried_again() {
    let server = Server::answering_once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let egress = egress();
    egress.send("ext", get(&server.url("/"))).await.unwrap();
    let error = egress.send("ext", post(&server.url("/"), b"x")).await.unwrap_err();
    assert!(matches!(error, SendError::MaybeSent(_)), "{error}");
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

#[tokio::test]
async fn silence_may_have_sent() {
    let server = Server::silent().await;
    let out = Outbound { timeout: Duration::from_millis(200), ..post(&server.url("/"), b"x") };
    let error = egress().send("ext", out).await.unwrap_err();
    assert!(matches!(&error, SendError::MaybeSent(why) if why.contains("0.2 s")), "{error}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_proven_not_sent() {
    let server = Server::silent().await;
    let mut out = post(&server.url("/").replace("http:", "https:"), b"x");
    out.timeout = Duration::from_millis(400);
    out.allowed_ranges = vec!["127.0.0.0/8".parse().unwrap()];
    let error = egress().send("ext", out).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent(why) if why.contains("in time")), "{error}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let long = "x".repeat(100);
    let lying = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned();
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{long}\r\n0\r\n\r\n");
    let until_close = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{long}");
    for answer in [lying, chunked, until_close] {
        let server = Server::answering(&answer).await;
        let out = Outbound { max_response: 99, ..get(&server.url("/")) };
        assert_eq!(egress().send("ext", out).await.unwrap_err(), SendError::TooLarge(99), "{answer}");
    }
    let exact = Server::answering(&format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{long}")).await;
    let out = Outbound { max_response: 100, ..get(&exact.url("/")) };
    assert_eq!(egress().send("ext", out).await.unwrap().body.len(), 100);
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_sent() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let error = egress().send("ext", get(&server.url("/"))).await.unwrap_err();
    assert!(matches!(&error, SendError::MaybeSent(why) if why.contains("answered 200, then broke off")), "{error}");
}

#[tokio::test]
async fn a_compressed_answer_is_refused_because_it_cannot_be_scrubbed() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx").await;
    let error = egress().send("ext", get(&server.url("/"))).await.unwrap_err();
    assert!(matches!(&error, SendError::MaybeSent(why) if why.contains("`gzip`")), "{error}");
}

#[tokio::test]
async fn a_request_past_its_time_is_not_sent() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let out = Outbound { send_before: SystemTime::now(), ..post(&server.url("/"), b"x") };
    assert_eq!(egress().send("ext", out).await.unwrap_err(), SendError::Expired);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_request_whose_time_passes_while_it_connects_is_not_sent() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let slow = Answers::after(Duration::from_millis(300), &["127.0.0.1"]).egress();
    let mut out = post(&format!("http://localhost:{}/", server.port), b"x");
    out.send_before = SystemTime::now() + Duration::from_millis(100);
    assert_eq!(slow.send("ext", out).await.unwrap_err(), SendError::Expired);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn methods_that_open_tunnels_or_echo_headers_are_refused() {
    for method in ["CONNECT", "TRACE", "GET / HTTP/1.1\r\nX:", ""] {
        let out = Outbound { method: method.to_owned(), ..get("https://a.example/") };
        assert!(matches!(egress().send("ext", out).await, Err(SendError::Refused(_))), "{method:?}");
    }
}

#[tokio::test]
async fn a_time_limit_without_end_is_no_panic() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let out = Outbound { timeout: Duration::MAX, ..get(&server.url("/")) };
    egress().send("ext", out).await.unwrap();
}

#[test]
fn debug_shows_neither_header_values_nor_query_nor_body() {
    let mut out = post("https://u.example/p?token=hunter22", b"hunter22");
    out.headers = vec![("authorization".to_owned(), "hunter22".to_owned())];
    let shown = format!("{out:?}");
    assert!(shown.contains("https://u.example:443") && !shown.contains("hunter22"), "{shown}");
    let inbound = Inbound { status: 200, headers: out.headers, body: out.body };
    assert!(!format!("{inbound:?}").contains("hunter22"));
}
