//! What a journal is made of.

use serde::{Deserialize, Serialize};

/// A point in logical time: milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// This much later; at the end of time it stays there.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How long from `earlier` until here, in milliseconds; 0 if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What a call can do to the world. The host decides it from the protocol and the grant, never the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes something, and sending it again changes nothing more.
    Idempotent,
    /// Changes something each time it is sent.
    Once,
}

impl Effect {
    /// Whether the call's intent must be durable before it is sent.
    #[must_use]
    pub fn changes_the_world(self) -> bool {
        self != Self::Read
    }
}

/// One entry of a task's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The layout of this entry: [`Entry::FORMAT`] when it was written.
    pub format: u8,
    /// The time that the extension saw before this call. A replay shows it the same, or a request with a time
    /// in it would differ from its entry.
    pub seen: Millis,
    /// When it was made, in logical time.
    pub at: Millis,
    /// What it records.
    pub body: Body,
}

impl Entry {
    /// The layout that this server writes; it reads this and all before it.
    pub const FORMAT: u8 = 1;

    /// An entry of the present layout.
    #[must_use]
    pub fn new(seen: Millis, at: Millis, body: Body) -> Self {
        Self { format: Self::FORMAT, seen, at, body }
    }

    /// The time after it: what the extension sees once it has passed this entry, unless it was woken up since.
    #[must_use]
    pub fn passed_at(&self) -> Millis {
        match &self.body {
            Body::Slept(slept) => slept.until.max(self.at),
            Body::Attempt(attempt) => attempt.now.max(self.at),
            Body::Call(_) | Body::Note(_) => self.at,
        }
    }

    /// Whether it may be removed from the end of a journal: it changed nothing.
    ///
    /// A mutation without a result is *not* removable: it may have been performed. Nor is one that was sent
    /// again: that the last sending did nothing proves nothing of the ones before.
    #[must_use]
    pub fn is_removable(&self) -> bool {
        match &self.body {
            Body::Note(_) | Body::Attempt(_) | Body::Slept(_) => true,
            Body::Call(call) => call.effect == Effect::Read || (call.was_refused() && !call.sent_again),
        }
    }

    /// Whether it is a call without a result.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(&self.body, Body::Call(Call { state: State::Open, .. }))
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        64 + match &self.body {
            Body::Note(note) => note.function.len() + note.request.len() + note.result.len(),
            Body::Attempt(attempt) => attempt.note.len(),
            Body::Slept(slept) => slept.note.len(),
            Body::Call(call) => {
                let result = match &call.state {
                    State::Open => 0,
                    State::Done { result, owned, .. } => result.len() + owned.iter().map(String::len).sum::<usize>(),
                };
                call.function.len() + call.request.len() + call.summary.len() + result
            }
        }
    }
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A call to the world outside.
    Call(Call),
    /// An answer of the host alone: a minted name, a denial, a cancellation.
    Note(Note),
    /// The mark that a wait comes back to.
    Attempt(Attempt),
    /// A suspension that a replay passes over, since what came before it had to stay.
    Slept(Slept),
}

/// A call to the world outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The host function: `http.send`.
    pub function: String,
    /// The request as the extension gave it, as JSON text: before substitution and signing.
    pub request: String,
    /// What it can do.
    pub effect: Effect,
    /// For the eye: `POST https://rds… CreateDBInstance`.
    pub summary: String,
    /// Until when it may be handed to the network; a takeover waits it out.
    pub send_before: Millis,
    /// When a call that was sent, and whose result was lost, has taken effect or never will.
    pub settles_at: Millis,
    /// Whether it was sent again after a crash or a broken connection. What an answer proves, it proves of one
    /// sending.
    #[serde(default)]
    pub sent_again: bool,
    /// Whether its result is known.
    pub state: State,
}

impl Call {
    /// Whether its last sending is known to have done nothing.
    pub(super) fn was_refused(&self) -> bool {
        matches!(self.state, State::Done { proof: Proof::NotPerformed, .. })
    }
}

/// Whether a call's result is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The intent: it may have been sent.
    Open,
    /// It has ended.
    Done {
        /// What the extension sees, as JSON text.
        result: String,
        /// What the result proves.
        proof: Proof,
        /// Ids that the response showed with our mark.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        owned: Vec<String>,
    },
}

/// What a result proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The service did what was asked.
    Performed,
    /// The service answered with an error that the grant does not list as "nothing happened".
    Answered,
    /// The answer proves that nothing happened.
    NotPerformed,
    /// It was sent, and its result was lost.
    Lost,
}

/// An answer of the host alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The host function: `operation.name`, or `http.send` that was denied.
    pub function: String,
    /// The request, as JSON text.
    pub request: String,
    /// The answer, as JSON text.
    pub result: String,
}

/// The mark that a wait comes back to. It survives the cuts of its own wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// How long the wait may last, in milliseconds.
    pub give_up_after_ms: u64,
    /// When its first look began.
    pub first_start: Millis,
    /// Which look this is, from 1.
    pub count: u32,
    /// When this look began.
    pub now: Millis,
    /// When the next one begins: set while the task is suspended here.
    pub wake_at: Option<Millis>,
    /// How many looks at or after the deadline have ended in a passing fault.
    #[serde(default)]
    pub late_faults: u32,
    /// Whether the wait has run past its deadline: this look is refused.
    #[serde(default)]
    pub expired: bool,
    /// Why it waits: the note of the last suspension.
    pub note: String,
}

impl Attempt {
    /// When the wait gives up.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        self.first_start.plus(self.give_up_after_ms)
    }

    /// Whether this look began at or after the deadline: there is no other after it.
    #[must_use]
    pub fn is_last_look(&self) -> bool {
        self.now >= self.deadline()
    }
}

/// A suspension that a replay passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slept {
    /// The position of its attempt.
    pub attempt: u32,
    /// Until when.
    pub until: Millis,
    /// Why.
    pub note: String,
}
