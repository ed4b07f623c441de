//! The rules of the journal, as pure functions: no store, no clock, no network.
//!
//! A [`Journal`] is the list of a task's entries and a cursor. During a run, each host call either finds its
//! entry at the cursor ([`Answer::Replayed`]), finds an intent whose result was never recorded
//! ([`Answer::Unfinished`]), or is past the end ([`Answer::Live`]). What was changed and not yet written is
//! kept apart ([`Journal::changes`]), so that a store can write exactly that.
//!
//! Waits, retries and what they cut are in `wait`; what keeps a call from being sent twice is in
//! `once`.

mod once;
mod rehearsal;
mod wait;

use std::collections::BTreeSet;

use super::entry::{Body, Call, Effect, Entry, Millis, Note, Proof, State};

pub use rehearsal::Departure;
pub use wait::{AttemptAnswer, Suspension};

/// A task's journal in memory, during one run of the task.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    entries: Vec<Entry>,
    /// The position that the next call takes.
    cursor: usize,
    /// How many entries the store has.
    stored: usize,
    /// Stored entries that have changed since.
    changed: BTreeSet<usize>,
    /// When the task woke up last.
    woken_at: Millis,
    /// How many entries could not be removed when the run began.
    lasting_at_load: usize,
    /// Whether nothing goes on behind its end: a [rehearsal](Journal::sealed).
    sealed: bool,
    /// What was asked in the place of an entry, or behind the end of a sealed journal.
    asked: Option<String>,
}

/// What a call finds in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The recorded result, as JSON text.
    Replayed {
        /// Its position.
        position: u32,
        /// What the extension saw then and sees now.
        result: String,
    },
    /// A read or an idempotent call without a result: the host sends the same request again. One that changes
    /// the world is [intended again](Journal::intend_again) before.
    Unfinished {
        /// Its position.
        position: u32,
    },
    /// The intent of a call that may be sent once only, without a result: it may have been sent. The host
    /// [finishes](Journal::finish) it as [`Proof::Lost`].
    Lost {
        /// Its position.
        position: u32,
        /// When it will have settled.
        settles_at: Millis,
    },
    /// The journal ends here: ask the world.
    Live {
        /// The position that the call will take.
        position: u32,
    },
}

/// What the rules forbid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The extension is not deterministic.
    #[error(
        "the extension is not deterministic: entry {position} of its journal is\n  {recorded}\nand this run asks\n  {asked}\nNothing more was sent. Report this to the extension's authors."
    )]
    Mismatch {
        /// Where.
        position: u32,
        /// What the journal has.
        recorded: String,
        /// What this run asked.
        asked: String,
    },
    /// The run is over, or the position is not that of an open call.
    #[error("entry {position} is not an open call")]
    NotOpen {
        /// Where.
        position: u32,
    },
    /// The mark of a suspension is not one, or its look is over.
    #[error("{attempt} is not the id of a look that this run is at")]
    NoSuchAttempt {
        /// What was given.
        attempt: u32,
    },
    /// A second call that may be sent once only, alike to one before.
    #[error("this call may be sent once only, and entry {position} of the journal is the same call: {reason}")]
    Repeated {
        /// The earlier one.
        position: u32,
        /// Why it cannot be sent again now.
        reason: String,
    },
    /// A replay that may not go on: there is no answer in the journal.
    #[error("the recorded journal has no answer at {position}: nothing was sent")]
    Sealed {
        /// Where.
        position: u32,
    },
    /// The journal has reached its cap.
    #[error("the task's journal is full ({entries} entries, {bytes} bytes): the extension makes too many calls")]
    Full {
        /// How many entries it has.
        entries: usize,
        /// How large they are.
        bytes: usize,
    },
}

/// What a store has to write to have the journal as it is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Entries to put: position and entry. Those from `stored` on are new.
    pub put: Vec<(u32, &'a Entry)>,
    /// Positions to delete: what was cut.
    pub delete: std::ops::Range<u32>,
    /// How many entries the store had before.
    pub stored: u32,
}

impl Changes<'_> {
    /// About how many bytes there are to put.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.put.iter().map(|(_, entry)| entry.weight()).sum()
    }
}

impl Journal {
    /// At most so many entries in one task's journal.
    pub const MAX_ENTRIES: usize = 10_000;
    /// No entry is added beyond so many bytes. The results of calls that are already in it always have room.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// The journal of a run that begins now, with what the store has.
    #[must_use]
    pub fn load(entries: Vec<Entry>, woken_at: Millis) -> Self {
        let lasting_at_load = entries.iter().filter(|entry| !entry.is_removable()).count();
        Self {
            stored: entries.len(),
            entries,
            cursor: 0,
            changed: BTreeSet::new(),
            woken_at,
            lasting_at_load,
            ..Self::default()
        }
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Logical time, as the extension sees it: during a replay what it saw then; where the journal ends, the
    /// greatest of the last entry's time and the last wake-up.
    #[must_use]
    pub fn now(&self) -> Millis {
        match self.entries.get(self.cursor) {
            Some(next) => next.seen,
            None => self.end_of_journal(),
        }
    }

    /// Logical time of what happens in the world at this moment, also while the extension is shown the past.
    #[must_use]
    pub fn live_now(&self, wall: Millis) -> Millis {
        self.end_of_journal().max(wall)
    }

    /// Whether the next call still finds an entry.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.cursor < self.entries.len()
    }

    /// How many calls of this run have been answered.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// What a call to the world finds. It takes the next position, unless it is [`Answer::Live`]: then it
    /// takes one by [`Self::note`] or [`Self::intend`].
    ///
    /// # Errors
    /// [`JournalError::Mismatch`] if the entry at this position is another call.
    pub fn ask(&mut self, function: &str, request: &str) -> Result<Answer, JournalError> {
        self.refuse_behind_end(|| shorten(&format!("{function} {request}")))?;
        let at = self.cursor;
        let position = position(at);
        let Some(entry) = self.entries.get_mut(at) else {
            return Ok(Answer::Live { position });
        };
        let answer = match &mut entry.body {
            Body::Note(note) if note.function == function && note.request == request => {
                Answer::Replayed { position, result: note.result.clone() }
            }
            Body::Call(call) if call.function == function && call.request == request => {
                match (&call.state, call.effect) {
                    (State::Done { result, .. }, _) => Answer::Replayed { position, result: result.clone() },
                    (State::Open, Effect::Once) => Answer::Lost { position, settles_at: call.settles_at },
                    (State::Open, Effect::Read) => Answer::Unfinished { position },
                    (State::Open, Effect::Idempotent) => {
                        call.sent_again = true;
                        Answer::Unfinished { position }
                    }
                }
            }
            _ => return Err(self.mismatch(shorten(&format!("{function} {request}")))),
        };
        if matches!(answer, Answer::Unfinished { .. } | Answer::Lost { .. }) {
            self.refuse_unanswered()?;
        }
        if matches!(answer, Answer::Unfinished { .. }) {
            self.touch(at);
        }
        self.cursor += 1;
        Ok(answer)
    }

    /// Records an answer of the host alone.
    ///
    /// # Errors
    /// [`JournalError::Full`].
    pub fn note(&mut self, wall: Millis, function: &str, request: String, result: String) -> Result<u32, JournalError> {
        self.append(wall, Body::Note(Note { function: function.to_owned(), request, result }))
    }

    /// Records the intent of a call. If the call [changes the world](Effect::changes_the_world), the caller
    /// makes it durable before it sends anything.
    ///
    /// # Errors
    /// [`JournalError::Full`], and [`JournalError::Repeated`] for a second call alike that may be sent once only.
    pub fn intend(&mut self, wall: Millis, call: Call) -> Result<u32, JournalError> {
        if call.effect == Effect::Once {
            self.refuse_repetition(&call, self.live_now(wall))?;
        }
        self.append(wall, Body::Call(Call { state: State::Open, sent_again: false, ..call }))
    }

    /// Records that an [unfinished](Answer::Unfinished) call is sent again: until when it may be handed to the
    /// network this time, and when it will have settled. Durable before it is sent, as the intent was: whoever
    /// finds the call open waits for the last of its sendings, not for the first.
    ///
    /// # Errors
    /// [`JournalError::NotOpen`] if it has a result, or may be sent once only.
    pub fn intend_again(&mut self, at: u32, send_before: Millis, settles_at: Millis) -> Result<(), JournalError> {
        let call = self.open_call(at)?;
        if call.effect == Effect::Once {
            return Err(JournalError::NotOpen { position: at });
        }
        call.send_before = call.send_before.max(send_before);
        call.settles_at = call.settles_at.max(settles_at);
        self.touch(at as usize);
        Ok(())
    }

    /// Records the result of an open call.
    ///
    /// # Errors
    /// [`JournalError::NotOpen`] if that call has a result already: two runs cannot both record one.
    pub fn finish(&mut self, at: u32, result: String, proof: Proof, owned: Vec<String>) -> Result<(), JournalError> {
        let call = self.open_call(at)?;
        call.state = State::Done { result, proof, owned };
        self.touch(at as usize);
        Ok(())
    }

    /// Whether the entry at this position is a call that changes the world.
    #[must_use]
    pub fn changes_the_world(&self, at: u32) -> bool {
        matches!(self.entries.get(at as usize), Some(Entry { body: Body::Call(call), .. }) if call.effect.changes_the_world())
    }

    /// The calls that were sent, or may have been, and whose result was lost.
    pub fn unsettled(&self) -> impl Iterator<Item = &Call> {
        self.calls().filter(|call| match &call.state {
            State::Open => call.effect.changes_the_world(),
            State::Done { proof, .. } => *proof == Proof::Lost || (call.sent_again && call.was_refused()),
        })
    }

    /// The calls that made something, and whose settling is not over: until then a cloud may not show what they made.
    pub fn fresh(&self, now: Millis) -> impl Iterator<Item = &Call> {
        let is_made = |call: &Call| matches!(call.state, State::Done { proof: Proof::Performed, .. });
        self.calls().filter(move |call| call.effect == Effect::Once && is_made(call) && call.settles_at > now)
    }

    /// Ids that recorded responses showed with our mark.
    pub fn owned(&self) -> impl Iterator<Item = &str> {
        let owned = self.calls().flat_map(|call| match &call.state {
            State::Done { owned, .. } => owned.as_slice(),
            State::Open => &[],
        });
        owned.map(String::as_str)
    }

    /// How many entries can never be removed: what the task has done so far.
    #[must_use]
    pub fn lasting(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.is_removable()).count()
    }

    /// Whether this run has done something that lasts.
    #[must_use]
    pub fn has_progressed(&self) -> bool {
        self.lasting() > self.lasting_at_load
    }

    /// What has changed since it was stored.
    #[must_use]
    pub fn changes(&self) -> Changes<'_> {
        let kept = self.stored.min(self.entries.len());
        let changed = self.changed.iter().copied().filter(|at| *at < kept);
        let put = changed.chain(kept..self.entries.len());
        let put = put.filter_map(|at| Some((position(at), self.entries.get(at)?))).collect();
        let delete = position(self.entries.len())..position(self.stored.max(self.entries.len()));
        Changes { put, delete, stored: position(self.stored) }
    }

    /// The store has all of it.
    pub fn stored(&mut self) {
        self.stored = self.entries.len();
        self.changed.clear();
    }

    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.entries.iter().filter_map(|entry| match &entry.body {
            Body::Call(call) => Some(call),
            _ => None,
        })
    }

    fn open_call(&mut self, at: u32) -> Result<&mut Call, JournalError> {
        match self.entries.get_mut(at as usize) {
            Some(Entry { body: Body::Call(call), .. }) if call.state == State::Open => Ok(call),
            _ => Err(JournalError::NotOpen { position: at }),
        }
    }

    /// The time after all entries.
    fn end_of_journal(&self) -> Millis {
        self.entries.last().map(Entry::passed_at).unwrap_or_default().max(self.woken_at)
    }

    /// Adds an entry at the end; this run has passed it. Nothing is added while there are entries that this run
    /// has not come to: that would be a call in the place of another.
    fn append(&mut self, wall: Millis, body: Body) -> Result<u32, JournalError> {
        if self.is_replaying() {
            return Err(self.mismatch(describe(&body)));
        }
        self.refuse_behind_end(|| describe(&body))?;
        let entry = Entry::new(self.now(), self.live_now(wall), body);
        let bytes = self.entries.iter().map(Entry::weight).sum();
        if self.entries.len() >= Self::MAX_ENTRIES || entry.weight().saturating_add(bytes) > Self::MAX_BYTES {
            return Err(JournalError::Full { entries: self.entries.len(), bytes });
        }
        let at = position(self.entries.len());
        self.entries.push(entry);
        self.cursor = self.entries.len();
        Ok(at)
    }

    /// The position after the last entry that is not removable.
    fn removable_from(&self) -> usize {
        self.entries.iter().rposition(|entry| !entry.is_removable()).map_or(0, |last| last + 1)
    }

    /// Removes the tail from `to` on, and of it only what is removable: nothing else may ever be removed, whoever
    /// asks for it.
    fn cut(&mut self, to: usize) {
        let to = to.max(self.removable_from()).min(self.entries.len());
        self.entries.truncate(to);
        self.cursor = self.cursor.min(to);
        // What was cut from the store and made anew at the same position counts as changed.
        self.changed.retain(|at| *at < to);
        self.changed.extend(to..self.stored);
    }

    /// The last entry that stays, if it was sent more than once and was refused the last time, is to be sent once
    /// more: a refusal that stays would be met by every run from now on. Of an earlier one the extension may have
    /// made up its mind already.
    fn reopen_refused(&mut self) {
        if let Some(Entry { body: Body::Call(call), .. }) = self.entries.last_mut()
            && call.was_refused()
        {
            call.state = State::Open;
            self.touch(self.entries.len() - 1);
        }
    }

    /// An entry is not as it was.
    fn touch(&mut self, at: usize) {
        if at < self.stored {
            self.changed.insert(at);
        }
    }

    fn mismatch(&mut self, asked: String) -> JournalError {
        let recorded = self.entries.get(self.cursor).map(|entry| describe(&entry.body)).unwrap_or_default();
        self.asked = Some(asked.clone());
        JournalError::Mismatch { position: position(self.cursor), recorded, asked }
    }
}

/// Positions are below [`Journal::MAX_ENTRIES`].
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn describe(body: &Body) -> String {
    match body {
        Body::Call(call) => shorten(&format!("{} {}", call.function, call.request)),
        Body::Note(note) => shorten(&format!("{} {}", note.function, note.request)),
        Body::Attempt(attempt) => format!("operation.attempt {}", attempt.give_up_after_ms),
        Body::Slept(slept) => format!("operation.suspend {}", slept.attempt),
    }
}

/// At most 2,000 characters of a request: it ends up in an error message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(2_000) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
