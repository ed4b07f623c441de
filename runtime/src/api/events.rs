//! The events of an operation as a stream: read from the store, woken by its changes.
//!
//! Numbers rise, but transactions that were begun at one moment can become durable in another order. So a gap is
//! given a moment to fill before the stream goes on beyond it: a write that failed leaves one for ever.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event as Message, KeepAlive, Sse};
use cloudark_api::ids::OperationId;
use cloudark_api::operation::Event;
use futures::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::App;
use super::refusal::Refusal;
use crate::engine::EngineError;
use crate::engine::model::OperationRow;
use crate::store::{Key, StoreError, Table, Typed, Version};

/// How long a gap may take to fill.
const GAP: Duration = Duration::from_millis(250);
/// Events that are read at once.
const BATCH: usize = 256;
/// A comment is sent so often, so that a quiet connection can be told from a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The stream of an operation's events after this one.
pub(super) async fn watch(
    app: App,
    id: OperationId,
    after: u64,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Refusal> {
    let changes = app.services.store.changes();
    let watched = Watched { app, id, changes, last: after, unsent: VecDeque::new(), gap: None };
    if watched.has_ended().await?.is_none() {
        return Err(EngineError::NotFound { what: "operation", name: watched.id.to_string() }.into());
    }
    let stream = futures::stream::unfold(watched, |mut watched| async move {
        let event = match watched.next().await {
            Ok(event) => event?,
            Err(error) => {
                // The client opens the stream again where it broke.
                tracing::warn!(operation = %watched.id, %error, "the events of an operation cannot be read");
                return None;
            }
        };
        let message = Message::default().id(event.sequence.to_string()).json_data(&event);
        message.ok().map(|message| (Ok(message), watched))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Watched {
    app: App,
    id: OperationId,
    changes: watch::Receiver<Version>,
    /// The last event that was taken from the store.
    last: u64,
    unsent: VecDeque<Event>,
    /// Since when there is a gap after `last`.
    gap: Option<Instant>,
}

impl Watched {
    /// The next event; none once the operation has ended.
    async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            if let Some(event) = self.unsent.pop_front() {
                return Ok(Some(event));
            }
            self.changes.borrow_and_update();
            // Asked before the events are read: what is read after the end is everything.
            let has_ended = self.has_ended().await?.unwrap_or(true);
            let batch = crate::engine::events::read(&*self.app.services.store, &self.id, self.last, BATCH).await?;
            if batch.is_empty() {
                if has_ended {
                    return Ok(None);
                }
                self.gap = None;
                if !self.changed(None).await {
                    return Ok(None);
                }
                continue;
            }
            let waited = self.gap.is_some_and(|since| since.elapsed() >= GAP);
            let ready = ready(self.last, batch, waited);
            match ready.last() {
                Some(event) => {
                    self.last = event.sequence;
                    self.gap = None;
                    self.unsent = ready.into();
                }
                None => {
                    let since = *self.gap.get_or_insert_with(Instant::now);
                    if !self.changed(Some(since + GAP)).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Waits for a change of the store, or until then; false when the server stops.
    async fn changed(&mut self, until: Option<Instant>) -> bool {
        let moment = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.stopping.cancelled() => false,
            () = moment => true,
            changed = self.changes.changed() => changed.is_ok(),
        }
    }

    /// Whether nothing of it will happen any more; none if there is no such operation.
    async fn has_ended(&self) -> Result<Option<bool>, StoreError> {
        let key = Key::new().text(&self.id.0);
        let row = self.app.services.store.get_json::<OperationRow>(Table::Operation, &key).await?;
        Ok(row.map(|row| row.value.status.is_final()))
    }
}

/// The events that can be sent: those without a gap before them, or, once one was waited for, those up to the next.
fn ready(last: u64, batch: Vec<Event>, waited: bool) -> Vec<Event> {
    let mut expected = match batch.first() {
        Some(first) if waited => first.sequence,
        _ => last.saturating_add(1),
    };
    batch
        .into_iter()
        .take_while(|event| {
            let follows = event.sequence == expected;
            expected = expected.saturating_add(1);
            follows
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use cloudark_api::operation::{EventKind, OperationStatus};

    fn sent(last: u64, numbers: &[u64], waited: bool) -> Vec<u64> {
        let event = |sequence: &u64| Event {
            sequence: *sequence,
            at_ms: 0,
            what: EventKind::Operation { status: OperationStatus::Running },
        };
        ready(last, numbers.iter().map(event).collect(), waited).into_iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn a_gap_is_waited_for_and_then_passed() {
        assert_eq!(sent(0, &[1, 2, 3], false), [1, 2, 3]);
        assert_eq!(sent(0, &[1, 3, 4], false), [1]);
        assert_eq!(sent(1, &[3, 4, 6], false), [0; 0]);
        assert_eq!(sent(1, &[3, 4, 6], true), [3, 4]);
        assert_eq!(sent(1, &[2, 3], true), [2, 3]);
        assert_eq!(sent(1, &[], true), [0; 0]);
    }
}
