//! Server-sent events (the WHATWG HTML standard, section 9.2), from chunks of bytes as they come.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its `id`, for `Last-Event-ID`.
    pub id: Option<String>,
    /// Its `data` lines.
    pub data: String,
}

/// The longest unfinished event, in bytes: a server that never ends one is not to fill the memory.
const LONGEST: usize = 8 * 1024 * 1024;

/// The stream is not one of events.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {LONGEST} bytes")]
pub struct TooLong;

/// Puts events together; the same events come out however the bytes were cut.
#[derive(Debug, Default)]
pub struct Decoder {
    unread: Vec<u8>,
    id: Option<String>,
    data: Vec<String>,
    size: usize,
}

impl Decoder {
    /// Takes the next bytes and returns the events that they complete.
    ///
    /// # Errors
    /// The unfinished event is too long.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        self.unread.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(line) = self.next_line() {
            messages.extend(self.take(&line));
        }
        if self.unread.len() + self.size > LONGEST { Err(TooLong) } else { Ok(messages) }
    }

    /// A line without its end (`\n` or `\r\n`).
    fn next_line(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.unread.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    fn take(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            self.size = 0;
            let data = std::mem::take(&mut self.data);
            return (!data.is_empty()).then(|| Message { id: self.id.clone(), data: data.join("\n") });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                self.size += value.len();
                self.data.push(value.to_owned());
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments (an empty field) keep the connection alive; `event` and `retry` do not matter here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nid: 1\ndata: {\"a\":\ndata: 1}\n\nevent: x\r\nid:2\r\ndata:two ü\r\n\r\nid: 3\ndata: unfinished";

    fn expected() -> Vec<Message> {
        vec![
            Message { id: Some("1".into()), data: "{\"a\":\n1}".into() },
            Message { id: Some("2".into()), data: "two ü".into() },
        ]
    }

    #[test]
    fn the_same_events_come_out_however_the_bytes_are_cut() {
        for size in 1..STREAM.len() {
            let mut decoder = Decoder::default();
            let messages: Vec<Message> =
                STREAM.as_bytes().chunks(size).flat_map(|chunk| decoder.feed(chunk).unwrap()).collect();
            assert_eq!(messages, expected(), "chunks of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(&vec![b'x'; LONGEST + 1]), Err(TooLong));
        let mut decoder = Decoder::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1024], b"\n"].concat();
        assert!((0..20_000).any(|_| decoder.feed(&line).is_err()));
    }
}
