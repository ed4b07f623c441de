//! Reads of the API at 64 connections, against an axum handler that returns the same bytes.
//!
//! Both servers are processes of their own. The client writes requests and counts bytes, and does nothing else, so that
//! little of the time is its own.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::IntoResponse;
use cloudark_tests::world::{World, one_resource};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::row::{Aim, Row};

/// Connections, each with one request under way.
const CONNECTIONS: usize = 64;
/// How long each side is asked in each round.
const TURN: Duration = Duration::from_millis(1_500);
const ROUNDS: usize = 5;

pub async fn rows() -> Vec<Row> {
    let world = World::fixture().await;
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        let operation = world.client.create(name, &one_resource("fix", "noop", "{}")).await;
        world.client.succeeded(&operation).await;
    }
    vec![
        row(&world, "API reads at 64 connections: an environment", "/v1/environments/a").await,
        row(&world, "API reads at 64 connections: a list of 10 environments", "/v1/environments").await,
    ]
}

async fn row(world: &World, what: &'static str, path: &str) -> Row {
    let address = world.client.url.trim_start_matches("http://").to_owned();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n", world.client.token);
    let body = world.folder.path().join("body");
    std::fs::write(&body, once(&address, &request).await.1).expect("a file");
    let mut bare = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .arg("--serve")
        .arg(&body)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the baseline runs");
    let mut lines = BufReader::new(bare.stdout.take().expect("its output")).lines();
    let bare_address = lines.next_line().await.expect("a line").expect("its address");

    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        mine.push(rate(&address, &request).await);
        theirs.push(rate(&bare_address, &request).await);
    }
    let (mine, theirs) = (middle(mine), middle(theirs));
    Row {
        what,
        measured: format!("{mine:.0}/s"),
        baseline: format!("{theirs:.0}/s: an axum handler that returns the same bytes"),
        value: Some(mine / theirs),
        unit: "×",
        aim: Aim::AtLeast(0.6),
        below: Vec::new(),
    }
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Answers a second, over all connections.
async fn rate(address: &str, request: &str) -> f64 {
    let length = once(address, request).await.0;
    let start = Instant::now();
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(asked(address.to_owned(), request.to_owned(), length, start + TURN)))
        .collect();
    let mut answers = 0;
    for asked in asking {
        answers += asked.await.expect("the server answers");
    }
    answers as f64 / start.elapsed().as_secs_f64()
}

/// Asks over one connection until then: every answer has the same length.
async fn asked(address: String, request: String, length: usize, until: Instant) -> u64 {
    let mut stream = connect(&address).await;
    let mut answer = vec![0; length];
    let mut count = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await.expect("it reads");
        stream.read_exact(&mut answer).await.expect("it answers");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        count += 1;
    }
    count
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// One answer: how long it is with its head, and its body.
async fn once(address: &str, request: &str) -> (usize, Vec<u8>) {
    let mut stream = connect(address).await;
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    loop {
        assert!(stream.read_buf(&mut answer).await.expect("it answers") > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let whole = head + 4 + length.parse::<usize>().expect("a number");
        if answer.len() >= whole {
            return (whole, answer[head + 4..whole].to_vec());
        }
    }
}

/// The baseline: these bytes, whatever is asked.
pub async fn serve(file: &Path) {
    let body = axum::body::Bytes::from(std::fs::read(file).expect("the file is there"));
    let answer = move || async move { ([("content-type", "application/json")], body).into_response() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    axum::serve(listener, Router::new().fallback(answer)).await.expect("it serves");
}
