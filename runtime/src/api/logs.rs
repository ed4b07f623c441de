//! The logs of an application as a stream of lines; following asks again, with the cursor of the page before.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use cloudark_api::application::{LogLine, LogQuery, LogStream};
use cloudark_api::ids::Name;
use futures::StreamExt as _;
use futures::stream;

use super::App;
use super::refusal::Refusal;
use crate::engine::EngineError;
use crate::sandbox::bindings::types;

/// Lines of a first page when nothing is said.
const TAIL: u32 = 100;
/// Logical milliseconds between two pages.
const PAUSE_MS: u64 = 1_000;
/// The shortest real pause, whatever the timing.
const SHORTEST: Duration = Duration::from_millis(20);
/// Following ends when so many pages in a row could not be had.
const TRIES: u32 = 10;

/// The first page, and those that follow.
pub(super) async fn read(app: App, name: Name, query: LogQuery) -> Result<Response, Refusal> {
    let follow = query.follow;
    let mut place = Place::new(query);
    let first = app.engine.logs(&name, place.query()).await?;
    let first = place.pass(first);
    let head = stream::iter([lines(&first)]);
    let body = if follow {
        let following = Following { app, name, place, failures: 0 };
        let rest = stream::unfold(following, |mut following| async move {
            let page = following.next().await?;
            Some((lines(&page), following))
        });
        Body::from_stream(head.chain(rest).map(Ok::<_, std::convert::Infallible>))
    } else {
        Body::from_stream(head.map(Ok::<_, std::convert::Infallible>))
    };
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn lines(page: &[LogLine]) -> Bytes {
    let mut text = Vec::new();
    for line in page {
        if let Ok(json) = serde_json::to_vec(line) {
            text.extend(json);
            text.push(b'\n');
        }
    }
    text.into()
}

/// How far a log was read.
struct Place {
    stream: types::LogStream,
    since_ms: Option<u64>,
    tail: Option<u32>,
    cursor: Option<String>,
}

impl Place {
    fn new(query: LogQuery) -> Self {
        let stream = match query.stream {
            LogStream::Deployment => types::LogStream::Deployment,
            LogStream::Runtime => types::LogStream::Runtime,
        };
        Self { stream, since_ms: query.since_ms, tail: Some(query.tail.unwrap_or(TAIL)), cursor: None }
    }

    fn query(&self) -> types::LogQuery {
        types::LogQuery { stream: self.stream, since_ms: self.since_ms, tail: self.tail, cursor: self.cursor.clone() }
    }

    /// Goes past a page, whose lines these are. A log without cursors goes on after its last line's time.
    fn pass(&mut self, page: types::LogPage) -> Vec<LogLine> {
        let newest = page.lines.iter().map(|line| line.at_ms).max();
        match page.cursor {
            Some(cursor) => self.cursor = Some(cursor),
            None if self.cursor.is_none() => self.since_ms = newest.map(|at| at.saturating_add(1)).or(self.since_ms),
            None => {}
        }
        if newest.is_some() || self.cursor.is_some() {
            self.tail = None;
        }
        page.lines
            .into_iter()
            .map(|line| LogLine { at_ms: line.at_ms, source: line.source, message: line.message })
            .collect()
    }
}

struct Following {
    app: App,
    name: Name,
    place: Place,
    failures: u32,
}

impl Following {
    /// The next page that is not empty; none when there will be no more.
    async fn next(&mut self) -> Option<Vec<LogLine>> {
        loop {
            let pause = Duration::from_millis(self.app.services.timing.real_ms(PAUSE_MS)).max(SHORTEST);
            tokio::select! {
                () = self.app.stopping.cancelled() => return None,
                () = tokio::time::sleep(pause) => {}
            }
            match self.app.engine.logs(&self.name, self.place.query()).await {
                Ok(page) => {
                    self.failures = 0;
                    let lines = self.place.pass(page);
                    if !lines.is_empty() {
                        return Some(lines);
                    }
                }
                // Deleted, or not allowed any more.
                Err(EngineError::NotFound { .. } | EngineError::Conflict { .. } | EngineError::Denied(_)) => {
                    return None;
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::warn!(application = %self.name, %error, "logs cannot be followed at the moment");
                    if self.failures >= TRIES {
                        return None;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn page(times: &[u64], cursor: Option<&str>) -> types::LogPage {
        let line = |at: &u64| types::LogLine { at_ms: *at, source: "web".to_owned(), message: "m".to_owned() };
        types::LogPage { lines: times.iter().map(line).collect(), cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn the_tail_is_of_the_first_page_only() {
        let mut place = Place::new(LogQuery::default());
        assert_eq!(place.query().tail, Some(100));
        place.pass(page(&[1, 2], Some("c")));
        assert_eq!((place.query().tail, place.query().cursor), (None, Some("c".to_owned())));
        place.pass(page(&[], None));
        assert_eq!(place.query().cursor, Some("c".to_owned()), "an empty page does not lose the place");
    }

    #[test]
    fn a_log_without_cursors_goes_on_after_its_last_line() {
        let mut place = Place::new(LogQuery::default());
        place.pass(page(&[5, 9, 7], None));
        assert_eq!(place.query().since_ms, Some(10));
    }

    #[test]
    fn lines_are_one_document_each() {
        let lines = lines(&[LogLine { at_ms: 1, source: "a".to_owned(), message: "two\nlines".to_owned() }]);
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
