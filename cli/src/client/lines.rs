//! NDJSON: one JSON document a line, as they come.

use std::collections::VecDeque;
use std::marker::PhantomData;

use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::exit::Failure;

/// The longest line, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// Documents of an answer, one after another.
#[derive(Debug)]
pub struct Lines<T> {
    response: Response,
    doing: String,
    unread: Vec<u8>,
    whole: VecDeque<Vec<u8>>,
    of: PhantomData<T>,
}

impl<T: DeserializeOwned> Lines<T> {
    /// Of this answer.
    #[must_use]
    pub fn new(doing: String, response: Response) -> Self {
        Self { response, doing, unread: Vec::new(), whole: VecDeque::new(), of: PhantomData }
    }

    /// The next one; none at the end.
    ///
    /// # Errors
    /// The connection broke, or a line is not what it should be.
    pub async fn next(&mut self) -> Result<Option<T>, Failure> {
        loop {
            if let Some(line) = self.whole.pop_front() {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return serde_json::from_slice(&line).map(Some).map_err(|cause| self.failure(cause.to_string()));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    self.unread.extend_from_slice(&bytes);
                    self.whole.extend(take_lines(&mut self.unread));
                    if self.unread.len() > LONGEST {
                        return Err(self.failure(format!("a line is longer than {LONGEST} bytes")));
                    }
                }
                Ok(None) if self.unread.is_empty() => return Ok(None),
                Ok(None) => self.whole.push_back(std::mem::take(&mut self.unread)),
                Err(cause) => return Err(self.failure(super::reasons(&cause))),
            }
        }
    }

    fn failure(&self, cause: String) -> Failure {
        Failure::Answer { doing: self.doing.clone(), cause }
    }
}

/// The whole lines of what came so far; what is left is the beginning of the next.
fn take_lines(unread: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
        let mut line: Vec<u8> = unread.drain(..=end).collect();
        line.pop();
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole() {
        let mut unread = b"{\"a\":1}\n{\"a\"".to_vec();
        assert_eq!(take_lines(&mut unread), [b"{\"a\":1}"]);
        unread.extend_from_slice(b":2}\n\n");
        assert_eq!(take_lines(&mut unread), [b"{\"a\":2}".to_vec(), Vec::new()]);
        assert!(unread.is_empty());
    }
}
