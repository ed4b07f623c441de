//! What the double knows.

use std::collections::BTreeMap;
use std::fmt;

use super::answer::{Answer, Kind, Sent};
use super::{Host, failure};
use crate::bindings::types::{Failure, FailureKind};
use crate::bindings::{http, log, operation, secrets};

type Rule = Box<dyn FnMut(&Sent) -> Answer>;

/// The double's state.
pub(crate) struct World {
    pub(super) piece: String,
    pub(super) now_ms: u64,
    pub(super) cancelled: bool,
    pub(super) sent: Vec<Sent>,
    pub(super) notes: Vec<String>,
    pub(super) lines: Vec<String>,
    rules: Vec<(String, String, Rule)>,
    waits: BTreeMap<u32, Wait>,
    /// The mark that the next attempt belongs to, where it follows a suspension.
    resumed: Option<u32>,
}

/// A wait: begun at its first attempt.
struct Wait {
    first_start_ms: u64,
    count: u32,
    /// Whether a look at or after the deadline was had.
    last_look_had: bool,
    note: String,
}

impl Default for World {
    fn default() -> Self {
        Self {
            piece: "piece".to_owned(),
            now_ms: Host::START_MS,
            cancelled: false,
            sent: Vec::new(),
            notes: Vec::new(),
            lines: Vec::new(),
            rules: Vec::new(),
            waits: BTreeMap::new(),
            resumed: None,
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("piece", &self.piece).field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn on(&mut self, method: &str, path: &str, rule: Rule) {
        self.rules.push((method.to_owned(), path.to_owned(), rule));
    }

    pub(crate) fn send(&mut self, request: &http::Request) -> Result<http::Response, http::Error> {
        if self.cancelled {
            return Err(http::Error::Cancelled);
        }
        let sent = Sent::new(request, self.now_ms);
        let body = String::from_utf8_lossy(&request.body);
        if let Some(one) = request.substitute.iter().find(|one| !body.contains(&one.placeholder)) {
            let message = format!("the placeholder of `{}` does not stand in the body", one.field);
            return Err(http::Error::Denied(http::Denial { message }));
        }
        let rule =
            self.rules.iter_mut().rev().find(|(method, path, _)| method == sent.method() && fits(path, &sent.path));
        let answer = match rule {
            Some((_, _, answer)) => answer(&sent),
            None => Answer::denied(&format!("the test has no rule for {}", sent.summary())),
        };
        self.sent.push(sent);
        let call = self.sent.len() as u64;
        match answer.0 {
            Kind::Response { status, headers, body } => {
                let headers = headers.into_iter().map(|(name, value)| http::Header { name, value }).collect();
                Ok(http::Response { call, status, headers, body })
            }
            Kind::Denied(message) => Err(http::Error::Denied(http::Denial { message })),
            Kind::Lost { settles_after_ms } => Err(http::Error::OutcomeUnknown(http::Unknown {
                message: "the connection broke after the request was sent".to_owned(),
                settles_at_ms: self.now_ms.saturating_add(settles_after_ms),
            })),
            Kind::Transport(message) => Err(http::Error::Transport(message)),
        }
    }

    pub(crate) fn trust(&self, call: u64) -> Result<http::Origin, Failure> {
        Err(failure(FailureKind::Denied, format!("the test trusts nothing that call {call} shows")))
    }

    pub(crate) fn generate(&self, label: &str, recipe: secrets::Recipe) -> Result<String, Failure> {
        if (8..=128).contains(&recipe.length) {
            Ok(format!("ref-{}-{label}", self.piece))
        } else {
            Err(failure(FailureKind::Invalid, "secrets have 8 to 128 characters"))
        }
    }

    /// Deterministic: prefix, environment, piece and label, cut to the rules.
    pub(crate) fn name(&self, label: &str, rules: &operation::NameRules) -> Result<String, Failure> {
        if rules.max < 12 {
            return Err(failure(FailureKind::Invalid, "a minted name has at least 12 characters"));
        }
        let joint = rules.punctuation.get(..1).unwrap_or("");
        let name = format!("{}{}", rules.prefix, ["test", &self.piece, label].join(joint));
        let name: String = name
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || rules.punctuation.contains(*letter))
            .filter(|letter| rules.digits || !letter.is_ascii_digit())
            .take(usize::try_from(rules.max).unwrap_or(usize::MAX))
            .collect();
        Ok(if rules.letters == operation::Letters::UpperCase { name.to_uppercase() } else { name })
    }

    pub(crate) fn token(&self, label: &str, max: u32) -> String {
        if max == 36 {
            return format!("00000000-0000-4000-8000-{:012x}", label.len());
        }
        let token = format!("token0{}0{label}00000000000", self.piece);
        token
            .chars()
            .filter(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            .take(usize::try_from(max).unwrap_or(usize::MAX))
            .collect()
    }

    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        vec![
            ("cloudark:environment".to_owned(), "e-test".to_owned()),
            ("cloudark:piece".to_owned(), self.piece.clone()),
        ]
    }

    pub(crate) fn attempt(&mut self, give_up_after_ms: u64) -> Result<operation::AttemptInfo, Failure> {
        if self.cancelled {
            return Err(failure(FailureKind::Cancelled, "the operation was cancelled"));
        }
        let next = u32::try_from(self.waits.len()).unwrap_or(u32::MAX);
        let id = self.resumed.take().unwrap_or(next);
        let now_ms = self.now_ms;
        let wait = self.waits.entry(id).or_insert_with(|| Wait {
            first_start_ms: now_ms,
            count: 0,
            last_look_had: false,
            note: String::new(),
        });
        if wait.last_look_had {
            return Err(failure(FailureKind::Expired, format!("gave up waiting: {}", wait.note)));
        }
        wait.count = wait.count.saturating_add(1);
        wait.last_look_had = now_ms >= wait.first_start_ms.saturating_add(give_up_after_ms);
        Ok(operation::AttemptInfo { id, count: wait.count, first_start_ms: wait.first_start_ms, now_ms })
    }

    pub(crate) fn suspend(&mut self, attempt: u32, after_ms: u64, note: &str) {
        self.now_ms = self.now_ms.saturating_add(after_ms.max(1));
        self.notes.push(note.to_owned());
        self.resumed = Some(attempt);
        if let Some(wait) = self.waits.get_mut(&attempt) {
            note.clone_into(&mut wait.note);
        }
    }

    pub(crate) fn progress(&mut self, note: &str) {
        self.lines.push(note.to_owned());
    }

    pub(crate) fn log(&mut self, level: log::Level, message: &str) {
        self.lines.push(format!("{level:?}: {message}").to_lowercase());
    }
}

/// Whether a path fits a pattern; `*` stands for one segment.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
            _ => return false,
        }
    }
}
