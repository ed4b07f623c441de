//! A host that has nothing but a journal: it answers what is in it, and says what comes next.

use super::guest::{Guest, Host, Look, Reply, Step, Stop};
use crate::journal::entry::{Body, Effect, Entry, Millis};
use crate::journal::replay::{Answer, AttemptAnswer, Journal, JournalError, Suspension};

/// Where a replay ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The guest asks this, and the journal has no answer.
    Asks(Ask),
    Rules(JournalError),
}

/// What a guest asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Name(String),
    Send(String),
    Attempt(u64),
    Suspend(u32),
}

impl Ask {
    /// What was asked to make this entry.
    pub fn of(entry: &Entry) -> Self {
        match &entry.body {
            Body::Call(call) => Self::Send(call.request.clone()),
            Body::Note(note) => Self::Name(note.request.clone()),
            Body::Attempt(attempt) => Self::Attempt(attempt.give_up_after_ms),
            Body::Slept(slept) => Self::Suspend(slept.attempt),
        }
    }
}

/// Replays a guest, and what it asks in the place of one entry can be replaced.
pub struct Replay {
    pub journal: Journal,
    /// At this position, ask something else.
    pub instead_at: Option<usize>,
}

impl Replay {
    /// What the guest asks where these entries end; none if it ends before.
    pub fn next(program: &[Step], entries: &[Entry], woken_at: Millis) -> Option<End> {
        let mut replay = Self { journal: Journal::load(entries.to_vec(), woken_at), instead_at: None };
        replay.run(program)
    }

    pub fn run(&mut self, program: &[Step]) -> Option<End> {
        match Guest::run(self, program) {
            Err(Stop::Ended(end)) => Some(end),
            _ => None,
        }
    }

    fn differs(&self) -> bool {
        self.instead_at == Some(self.journal.cursor())
    }

    fn wall(&self) -> Millis {
        self.journal.now()
    }
}

impl Host for Replay {
    type End = End;

    fn now(&self) -> Millis {
        self.journal.now()
    }

    fn name(&mut self, request: &str) -> Result<String, End> {
        let asked = if self.differs() { format!("{request}, please") } else { request.to_owned() };
        match self.journal.ask("name", &asked).map_err(End::Rules)? {
            Answer::Replayed { result, .. } => Ok(result),
            _ => Err(End::Asks(Ask::Name(asked))),
        }
    }

    fn send(&mut self, calls: Vec<(Effect, String)>) -> Result<Vec<Reply>, End> {
        let mut first_unanswered = None;
        let mut replies = Vec::new();
        for (_, request) in calls {
            let asked = if self.differs() { format!("{request}, please") } else { request };
            match self.journal.ask("send", &asked).map_err(End::Rules)? {
                Answer::Replayed { result, .. } => replies.push(Reply::from_text(&result)),
                Answer::Lost { settles_at, .. } => replies.push(Reply::Lost(settles_at)),
                // It is sent again, beside those that follow it in its batch.
                Answer::Unfinished { .. } => first_unanswered = first_unanswered.or(Some(End::Asks(Ask::Send(asked)))),
                Answer::Live { .. } => return Err(End::Asks(Ask::Send(asked))),
            }
        }
        first_unanswered.map_or(Ok(replies), Err)
    }

    fn attempt(&mut self, at_most: u64) -> Result<Option<Look>, End> {
        if !self.journal.is_replaying() {
            return Err(End::Asks(Ask::Attempt(at_most)));
        }
        let asked = if self.differs() { at_most + 1 } else { at_most };
        match self.journal.attempt(self.wall(), asked).map_err(End::Rules)? {
            AttemptAnswer::Expired { .. } => Ok(None),
            AttemptAnswer::Look { id, count, now, .. } => Ok(Some(Look { id, count, now })),
        }
    }

    fn suspend(&mut self, look: u32, every: u64) -> Result<(), End> {
        if !self.journal.is_replaying() {
            return Err(End::Asks(Ask::Suspend(look)));
        }
        let asked = if self.differs() { look + 1 } else { look };
        match self.journal.suspend(self.wall(), asked, every, "").map_err(End::Rules)? {
            Suspension::PassedOver => Ok(()),
            end => panic!("a replay does not suspend: {end:?}"),
        }
    }
}
