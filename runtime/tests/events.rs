//! The stream of an operation's events, over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use cloudark_api::ids::{EnvironmentId, OperationId};
use cloudark_api::operation::{Event, EventKind, OperationKind, OperationStatus};
use cloudark_runtime::engine::model::OperationRow;
use cloudark_runtime::journal::Millis;
use cloudark_runtime::store::{Key, Table, Txn};
use reqwest::{Method, Response};
use tokio::time::{Instant, timeout};
use world::World;

const ID: &str = "01op";

/// Writes an operation's status, and events with these numbers.
async fn write(world: &World, status: OperationStatus, numbers: &[u64]) {
    let row = OperationRow {
        id: OperationId(ID.to_owned()),
        kind: OperationKind::CreateEnvironment,
        environment: "a".parse().unwrap(),
        environment_id: EnvironmentId("e".to_owned()),
        application: None,
        status,
        tasks: 0,
        errors: Vec::new(),
        created: Millis(0),
        ended: None,
        cancel_requested: false,
        followed_by: None,
        follows: None,
        keep_on_failure: false,
        existed: BTreeSet::new(),
    };
    let txn = Txn::new().put_json(Table::Operation, Key::new().text(ID), &row).unwrap();
    let txn = numbers.iter().fold(txn, |txn, number| {
        let event = Event { sequence: *number, at_ms: 0, what: EventKind::Operation { status } };
        txn.put_json(Table::Event, Key::new().text(ID).u64(*number), &event).unwrap()
    });
    world.app.services.store.commit(txn).await.unwrap();
}

/// A client of the stream.
struct Stream {
    response: Response,
    unread: String,
}

impl Stream {
    async fn open(world: &World, after: Option<u64>) -> Self {
        let mut request = world.request(Method::GET, &format!("/v1/operations/{ID}/events"));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, unread: String::new() }
    }

    /// The number of the next event; none at the end.
    async fn next(&mut self) -> Option<u64> {
        loop {
            if let Some((message, rest)) = self.unread.clone().split_once("\n\n") {
                self.unread = rest.to_owned();
                let line = |field: &str| message.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
                if let (Some(id), Some(data)) = (line("id:"), line("data:")) {
                    let event: Event = serde_json::from_str(data).unwrap();
                    assert_eq!(event.sequence.to_string(), id);
                    return Some(event.sequence);
                }
                continue;
            }
            let chunk =
                timeout(Duration::from_secs(5), self.response.chunk()).await.expect("an event in time").unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn rest(mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some(number) = self.next().await {
            numbers.push(number);
        }
        numbers
    }
}

#[tokio::test]
async fn events_come_as_they_happen_and_end_with_the_operation() {
    let world = World::new().await;
    write(&world, OperationStatus::Running, &[1, 2]).await;
    let mut stream = Stream::open(&world, None).await;
    assert_eq!((stream.next().await, stream.next().await), (Some(1), Some(2)));
    write(&world, OperationStatus::Running, &[3]).await;
    assert_eq!(stream.next().await, Some(3));
    write(&world, OperationStatus::Succeeded, &[4]).await;
    assert_eq!(stream.rest().await, [4]);
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_broke() {
    let world = World::new().await;
    write(&world, OperationStatus::Failed, &[1, 2, 3, 4]).await;
    assert_eq!(Stream::open(&world, None).await.rest().await, [1, 2, 3, 4]);
    assert_eq!(Stream::open(&world, Some(2)).await.rest().await, [3, 4]);
    assert_eq!(Stream::open(&world, Some(4)).await.rest().await, [0; 0]);
}

#[tokio::test]
async fn a_failed_operation_that_is_retried_goes_on() {
    let world = World::new().await;
    write(&world, OperationStatus::Failed, &[1]).await;
    write(&world, OperationStatus::Running, &[2]).await;
    let mut stream = Stream::open(&world, None).await;
    assert_eq!((stream.next().await, stream.next().await), (Some(1), Some(2)));
    write(&world, OperationStatus::Succeeded, &[3]).await;
    assert_eq!(stream.rest().await, [3]);
}

#[tokio::test]
async fn events_that_overtake_each_other_come_in_order() {
    let world = World::new().await;
    write(&world, OperationStatus::Running, &[1, 3]).await;
    let mut stream = Stream::open(&world, None).await;
    assert_eq!(stream.next().await, Some(1));
    write(&world, OperationStatus::Running, &[2]).await;
    assert_eq!((stream.next().await, stream.next().await), (Some(2), Some(3)));
}

#[tokio::test]
async fn an_event_that_was_never_written_does_not_hold_up_the_rest() {
    let world = World::new().await;
    write(&world, OperationStatus::Succeeded, &[1, 3]).await;
    let began = Instant::now();
    assert_eq!(Stream::open(&world, None).await.rest().await, [1, 3]);
    assert!(began.elapsed() >= Duration::from_millis(250), "a gap may still fill");
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let world = World::new().await;
    write(&world, OperationStatus::Running, &[1]).await;
    let mut stream = Stream::open(&world, None).await;
    assert_eq!(stream.next().await, Some(1));
    let began = Instant::now();
    world.stop().await;
    assert_eq!(stream.next().await, None);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_cancel_that_is_sent_again_gets_its_first_answer() {
    let world = World::new().await;
    write(&world, OperationStatus::Running, &[1]).await;
    let cancel = || async {
        let request =
            world.request(Method::POST, &format!("/v1/operations/{ID}/cancel")).header("idempotency-key", "k");
        let response = request.send().await.unwrap();
        let head =
            (response.status(), response.headers()["location"].clone(), response.headers()["content-type"].clone());
        (head, response.text().await.unwrap())
    };
    let first = cancel().await;
    assert_eq!(first.0.0, 202, "{}", first.1);
    assert_eq!(cancel().await, first, "the operation may have ended by now: performed again it would fail");
}
