//! The logs of an application: what ECS says of it, and what its containers write.

use cloudark_sdk::aws::{self, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use std::time::{SystemTime, UNIX_EPOCH};

use super::service::Service;
use super::task_definition::CONTAINER;
use super::{diagnosis, service};

/// Lines on a page.
const PAGE: u32 = 1_000;
/// Pages that one answer is made of at most.
const MOST_PAGES: usize = 20;
/// How far back the last lines are looked for, in milliseconds: an hour, a day, for ever.
const WINDOWS: [Option<u64>; 3] = [Some(3_600_000), Some(86_400_000), None];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Events {
    events: Vec<LogEvent>,
    next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogEvent {
    log_stream_name: String,
    timestamp: u64,
    message: String,
    event_id: String,
}

/// Where a page of the runtime log ended: the time of its last line, and the lines of that very millisecond, which
/// the next page must not show again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cursor {
    at_ms: u64,
    seen: Vec<String>,
}

impl Cursor {
    fn parse(text: &str) -> Self {
        let mut parts = text.split('|');
        let at_ms = parts.next().and_then(|at| at.parse().ok()).unwrap_or(0);
        Self { at_ms, seen: parts.map(str::to_owned).collect() }
    }

    fn render(&self) -> String {
        let mut parts = vec![self.at_ms.to_string()];
        parts.extend(self.seen.iter().cloned());
        parts.join("|")
    }

    /// Leave out what was shown, and move on behind what is left.
    fn advance(&mut self, mut lines: Vec<LogEvent>) -> Vec<LogEvent> {
        lines.retain(|line| {
            line.timestamp > self.at_ms || (line.timestamp == self.at_ms && !self.seen.contains(&line.event_id))
        });
        if let Some(last) = lines.iter().map(|line| line.timestamp).max() {
            if last > self.at_ms {
                self.seen.clear();
                self.at_ms = last;
            }
            self.seen.extend(lines.iter().filter(|line| line.timestamp == last).map(|line| line.event_id.clone()));
        }
        lines
    }
}

fn filter(logs: &Json, group: &str, stream: Option<&str>, from_ms: u64, token: Option<&str>) -> Result<Events> {
    let mut body = json!({ "logGroupName": group, "startTime": from_ms, "limit": PAGE, "interleaved": true });
    if let Value::Object(fields) = &mut body {
        fields.extend(token.map(|token| ("nextToken".to_owned(), token.into())));
        fields.extend(stream.map(|stream| ("logStreamNames".to_owned(), json!([stream]))));
    }
    // Before the first task has started there may be no group yet.
    let events: Option<Events> = logs.call("FilterLogEvents", &body).or_absent()?;
    Ok(events.unwrap_or_default())
}

/// All lines from a time on, at most `MOST_PAGES` pages of them.
fn all(logs: &Json, group: &str, stream: Option<&str>, from_ms: u64) -> Result<Vec<LogEvent>> {
    let mut lines = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = filter(logs, group, stream, from_ms, token.as_deref())?;
        lines.extend(page.events);
        match page.next_token {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    Ok(lines)
}

/// A page of what the containers write.
pub fn runtime(ctx: &Context, group: &str, query: &LogQuery) -> Result<LogPage> {
    let logs = Json::new(ctx, &aws::LOGS)?;
    let mut cursor = query.cursor.as_deref().map(Cursor::parse).unwrap_or_default();
    let lines = match (&query.cursor, query.since_ms, query.tail) {
        (None, None, Some(tail)) => newest(&logs, group, None, tail)?,
        (_, since_ms, _) => all(&logs, group, None, cursor.at_ms.max(since_ms.unwrap_or(0)))?,
    };
    Ok(page(lines, &mut cursor, query))
}

/// The lines that were not shown yet, in the order of time, and where to go on.
fn page(mut lines: Vec<LogEvent>, cursor: &mut Cursor, query: &LogQuery) -> LogPage {
    lines.sort_by_key(|line| line.timestamp);
    let mut lines = cursor.advance(lines);
    if let (None, Some(tail)) = (&query.cursor, query.tail) {
        keep_last(&mut lines, tail);
    }
    LogPage { lines: lines.into_iter().map(line).collect(), cursor: Some(cursor.render()) }
}

/// At least so many of the last lines, where there are: a log is read from its beginning only, so what is read
/// begins later and later back.
fn newest(logs: &Json, group: &str, stream: Option<&str>, count: u32) -> Result<Vec<LogEvent>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut lines = Vec::new();
    for window in WINDOWS {
        lines = all(logs, group, stream, window.map_or(0, |back| now_ms.saturating_sub(back)))?;
        if lines.len() >= usize::try_from(count).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(lines)
}

fn keep_last<T>(lines: &mut Vec<T>, tail: u32) {
    let surplus = lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
    lines.drain(..surplus);
}

/// A line as CloudARK shows it. The stream is `app/app/TASK`: the task is what tells lines apart.
fn line(event: LogEvent) -> LogLine {
    let source = event.log_stream_name.rsplit('/').next().unwrap_or_default().to_owned();
    LogLine { at_ms: event.timestamp, source, message: event.message }
}

/// The last lines that a task wrote.
pub fn last(ctx: &Context, group: &str, task: &str, count: u32) -> Result<Vec<String>> {
    let logs = Json::new(ctx, &aws::LOGS)?;
    let stream = format!("{CONTAINER}/{CONTAINER}/{task}");
    let mut lines = newest(&logs, group, Some(&stream), count)?;
    lines.sort_by_key(|line| line.timestamp);
    keep_last(&mut lines, count);
    Ok(lines.into_iter().map(|line| line.message).collect())
}

/// A page of what ECS says: the service's events and the tasks that stopped.
pub fn deployment(ctx: &Context, cluster: &str, name: &str, query: &LogQuery) -> Result<LogPage> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    let service = service::find(&ecs, cluster, name)?.unwrap_or_default();
    let stopped = diagnosis::stopped_tasks(&ecs, cluster, name)?;
    let mut cursor = query.cursor.as_deref().map(Cursor::parse).unwrap_or_default();
    let mut lines = said(&service, &stopped);
    lines.retain(|line| line.timestamp >= query.since_ms.unwrap_or(0));
    Ok(page(lines, &mut cursor, query))
}

/// Events and stopped tasks.
fn said(service: &Service, stopped: &[diagnosis::Task]) -> Vec<LogEvent> {
    let events = service.events.iter().map(|event| LogEvent {
        log_stream_name: "service".to_owned(),
        timestamp: milliseconds(event.created_at),
        message: event.message.clone(),
        event_id: event.id.clone(),
    });
    let tasks = stopped.iter().map(|task| LogEvent {
        log_stream_name: task.arn.clone(),
        timestamp: milliseconds(task.stopped_at.unwrap_or(0.0)),
        message: format!("stopped: {}", task.words()),
        event_id: task.arn.rsplit('/').next().unwrap_or_default().to_owned(),
    });
    events.chain(tasks).collect()
}

/// ECS counts seconds, with a fraction.
fn milliseconds(seconds: f64) -> u64 {
    // Times before 1970 or after the year 584 million are none that ECS answers; `as` clamps them.
    (seconds * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: u64, id: &str) -> LogEvent {
        LogEvent { timestamp, event_id: id.into(), ..LogEvent::default() }
    }

    #[test]
    fn following_a_log_shows_each_line_once() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.advance(vec![event(1, "a"), event(2, "b")]).len(), 2);
        let mut cursor = Cursor::parse(&cursor.render());
        let shown: Vec<String> = cursor
            .advance(vec![event(2, "b"), event(2, "c"), event(3, "d")])
            .into_iter()
            .map(|line| line.event_id)
            .collect();
        assert_eq!(shown, ["c", "d"]);
        let mut cursor = Cursor::parse(&cursor.render());
        assert!(cursor.advance(vec![event(3, "d")]).is_empty());
        assert_eq!(cursor, Cursor { at_ms: 3, seen: vec!["d".into()] });
    }
}
