//! The events of an operation, for as long as it takes: a stream that broke is opened again where it stopped.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use cloudark_api::ids::OperationId;
use cloudark_api::operation::Event;
use reqwest::{Method, Response};

use super::sse::Decoder;
use super::{Call, Client};
use crate::exit::{Exit, Failure};

/// How long a server may be away before watching it ends.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A stream without a byte for so long is opened again: a dead connection looks just like a quiet one.
const SILENCE: Duration = Duration::from_secs(45);

/// Between two tries to reach a server that is away.
pub const PAUSE: Duration = Duration::from_millis(500);

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// An event.
    Event(Box<Event>),
    /// The server went away; asking again goes on trying.
    Lost(String),
    /// It answers again.
    Found,
    /// The stream ended in good order; asking again opens it again.
    End,
}

/// The stream.
#[derive(Debug)]
pub struct Events<'a> {
    client: &'a Client,
    id: OperationId,
    last: Option<u64>,
    open: Option<(Response, Decoder)>,
    unread: VecDeque<Event>,
    lost: Option<Instant>,
    pause_until: Option<tokio::time::Instant>,
    patience: Duration,
}

impl<'a> Events<'a> {
    /// From the first one.
    #[must_use]
    pub fn new(client: &'a Client, id: OperationId) -> Self {
        let (open, unread) = (None, VecDeque::new());
        Self { client, id, last: None, open, unread, lost: None, pause_until: None, patience: PATIENCE }
    }

    /// The next one.
    ///
    /// # Errors
    /// The server refuses, says what is no event, or is away for longer than [`PATIENCE`].
    pub async fn next(&mut self) -> Result<Next, Failure> {
        loop {
            if let Some(event) = self.unread.pop_front() {
                self.last = Some(event.sequence);
                tracing::debug!(sequence = event.sequence, "event");
                return Ok(Next::Event(Box::new(event)));
            }
            if let Some(moment) = self.pause_until {
                tokio::time::sleep_until(moment).await;
                self.pause_until = None;
            }
            let Some((response, decoder)) = &mut self.open else {
                if let Some(news) = self.connect().await? {
                    return Ok(news);
                }
                continue;
            };
            match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(bytes))) => match decoder.feed(&bytes) {
                    Ok(messages) => {
                        for message in messages {
                            let event = serde_json::from_str(&message.data).map_err(|cause| self.unreadable(&cause))?;
                            self.unread.push_back(event);
                        }
                    }
                    Err(cause) => return Err(self.unreadable(&cause)),
                },
                Ok(Ok(None)) => {
                    self.open = None;
                    self.pause();
                    return Ok(Next::End);
                }
                Ok(Err(cause)) => {
                    self.open = None;
                    return Ok(self.lose(super::reasons(&cause)));
                }
                Err(_) => self.open = None,
            }
        }
    }

    async fn connect(&mut self) -> Result<Option<Next>, Failure> {
        let doing = format!("watching operation {}", self.id);
        let call = Call::new(doing, Method::GET, &["operations", &self.id.0, "events"]);
        match self.client.open(call, "text/event-stream", self.last).await {
            Ok(response) => {
                self.open = Some((response, Decoder::default()));
                Ok(self.lost.take().map(|_| Next::Found))
            }
            Err(failure) if failure.exit() == Exit::Unreachable => {
                if self.lost.is_some_and(|since| since.elapsed() > self.patience) {
                    return Err(failure);
                }
                let first = self.lost.is_none();
                let lost = self.lose(failure.to_string());
                Ok(first.then_some(lost))
            }
            Err(failure) => Err(failure),
        }
    }

    fn lose(&mut self, cause: String) -> Next {
        self.lost.get_or_insert_with(Instant::now);
        self.pause();
        Next::Lost(cause)
    }

    fn pause(&mut self) {
        self.pause_until = Some(tokio::time::Instant::now() + PAUSE);
    }

    fn unreadable(&self, cause: &dyn std::error::Error) -> Failure {
        Failure::Answer { doing: format!("watching operation {}", self.id), cause: cause.to_string() }
    }
}
