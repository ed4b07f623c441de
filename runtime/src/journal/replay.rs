//! The rules of the journal, as pure functions: no store, no clock, no network.
//!
//! A [`Journal`] is the list of a task's entries and a cursor. During a run, each host call either finds its
//! entry at the cursor ([`Answer::Replayed`]), finds an intent whose result was never recorded
//! ([`Answer::Unfinished`]), or is past the end ([`Answer::Live`]). What was changed and not yet written is
//! kept apart ([`Journal::changes`]), so that a store can write exactly that.

use std::collections::BTreeSet;

use super::entry::{Attempt, Body, Call, Effect, Entry, Millis, Note, Proof, Slept, State};

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
    /// Bytes of all entries, about.
    weight: usize,
    /// How many entries could not be removed when the run began.
    lasting_at_load: usize,
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
    /// A read or an idempotent call without a result: the host sends the same request again.
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

/// One look of a wait, as the extension sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptAnswer {
    /// Look.
    Look {
        /// The mark: the attempt's position.
        id: u32,
        /// Which look this is.
        count: u32,
        /// When the first one began.
        first_start: Millis,
        /// When this one begins.
        now: Millis,
    },
    /// A look at or after the deadline has been had.
    Expired {
        /// The note of the last suspension.
        note: String,
    },
}

/// What a suspension comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspension {
    /// A replay passes over it.
    PassedOver,
    /// The run ends here; the task runs again after this many milliseconds of logical time.
    Until {
        /// When, in logical time.
        wake_at: Millis,
        /// How long from now.
        after_ms: u64,
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
    /// The mark of a suspension is not one.
    #[error("{attempt} is not the id of an attempt of this run")]
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

impl Journal {
    /// At most so many entries in one task's journal.
    pub const MAX_ENTRIES: usize = 10_000;
    /// At most so many bytes.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// The journal of a run that begins now, with what the store has.
    #[must_use]
    pub fn load(entries: Vec<Entry>, woken_at: Millis) -> Self {
        let weight = entries.iter().map(Entry::weight).sum();
        let lasting_at_load = entries.iter().filter(|entry| !entry.is_removable()).count();
        Self { stored: entries.len(), entries, cursor: 0, changed: BTreeSet::new(), woken_at, weight, lasting_at_load }
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Logical time: the greatest of the last entry that this run has passed and the last wake-up. During a
    /// replay it is what it was then.
    #[must_use]
    pub fn now(&self) -> Millis {
        let passed = self.cursor.checked_sub(1).and_then(|last| self.entries.get(last)).map(|entry| match &entry.body {
            Body::Slept(slept) => slept.until.max(entry.at),
            Body::Attempt(attempt) => attempt.now.max(entry.at),
            Body::Call(_) | Body::Note(_) => entry.at,
        });
        match passed {
            Some(passed) if self.is_replaying() => passed,
            Some(passed) => passed.max(self.woken_at),
            None if self.is_replaying() => self.entries.first().map_or(self.woken_at, |first| first.at),
            None => self.woken_at,
        }
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
    /// takes one by [`Self::note`], [`Self::finished_read`] or [`Self::intend`].
    ///
    /// # Errors
    /// [`JournalError::Mismatch`] if the entry at this position is another call.
    pub fn ask(&mut self, function: &str, request: &str) -> Result<Answer, JournalError> {
        let position = self.position();
        let Some(entry) = self.entries.get_mut(self.cursor) else {
            return Ok(Answer::Live { position });
        };
        let answer = match &mut entry.body {
            Body::Note(note) if note.function == function && note.request == request => {
                Answer::Replayed { position, result: note.result.clone() }
            }
            Body::Call(call) if call.function == function && call.request == request => match (&call.state, call.effect) {
                (State::Open, Effect::Once) => Answer::Lost { position, settles_at: call.settles_at },
                (State::Done { result, .. }, _) => Answer::Replayed { position, result: result.clone() },
                (State::Open, Effect::Read | Effect::Idempotent) => Answer::Unfinished { position },
            },
            recorded => {
                return Err(JournalError::Mismatch {
                    position,
                    recorded: describe(recorded),
                    asked: shorten(&format!("{function} {request}")),
                });
            }
        };
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
            self.refuse_repetition(&call, self.now().max(wall))?;
        }
        self.append(wall, Body::Call(Call { state: State::Open, ..call }))
    }

    /// Records the result of an open call.
    ///
    /// # Errors
    /// [`JournalError::NotOpen`] if that call has a result already: two runs cannot both record one.
    pub fn finish(&mut self, position: u32, result: String, proof: Proof, owned: Vec<String>) -> Result<(), JournalError> {
        let at = position as usize;
        let Some(Entry { body: Body::Call(call), .. }) = self.entries.get_mut(at) else {
            return Err(JournalError::NotOpen { position });
        };
        if call.state != State::Open {
            return Err(JournalError::NotOpen { position });
        }
        self.weight += result.len();
        call.state = State::Done { result, proof, owned };
        self.touch(at);
        Ok(())
    }

    /// Marks the place that a wait comes back to, or comes back to it.
    ///
    /// A look is had at or after the deadline before the wait expires, so that what became ready in the last
    /// moment counts.
    ///
    /// # Errors
    /// [`JournalError::Mismatch`], [`JournalError::Full`].
    pub fn attempt(&mut self, wall: Millis, give_up_after_ms: u64) -> Result<AttemptAnswer, JournalError> {
        let position = self.position();
        let live_now = self.now().max(wall);
        let is_last = self.cursor + 1 == self.entries.len();
        let Some(entry) = self.entries.get_mut(self.cursor) else {
            return self.first_or_next_attempt(wall, give_up_after_ms);
        };
        let Body::Attempt(attempt) = &mut entry.body else {
            return Err(JournalError::Mismatch {
                position,
                recorded: describe(&entry.body),
                asked: format!("operation.attempt {give_up_after_ms}"),
            });
        };
        if attempt.give_up_after_ms != give_up_after_ms {
            return Err(JournalError::Mismatch {
                position,
                recorded: format!("operation.attempt {}", attempt.give_up_after_ms),
                asked: format!("operation.attempt {give_up_after_ms}"),
            });
        }
        // Suspended here and woken up: the next look begins. Entries behind the mark mean that this look has
        // begun already.
        if let (Some(wake_at), true) = (attempt.wake_at, is_last) {
            if attempt.now >= attempt.deadline() {
                attempt.expired = true;
            } else {
                attempt.count = attempt.count.saturating_add(1);
                attempt.now = live_now.max(wake_at).max(attempt.now);
            }
            attempt.wake_at = None;
            self.touch(self.cursor);
        }
        self.look(position)
    }

    /// Ends the run until a later look, or passes over a suspension that ended a run before.
    ///
    /// What is behind the mark is removed if all of it is removable; otherwise it stays, and a
    /// [`Slept`] entry follows.
    ///
    /// # Errors
    /// [`JournalError::NoSuchAttempt`], [`JournalError::Mismatch`], [`JournalError::Full`].
    pub fn suspend(&mut self, wall: Millis, attempt: u32, after_ms: u64, note: &str) -> Result<Suspension, JournalError> {
        if let Some(entry) = self.entries.get(self.cursor) {
            return match &entry.body {
                Body::Slept(slept) if slept.attempt == attempt => {
                    self.cursor += 1;
                    Ok(Suspension::PassedOver)
                }
                recorded => Err(JournalError::Mismatch {
                    position: self.position(),
                    recorded: describe(recorded),
                    asked: format!("operation.suspend {attempt}"),
                }),
            };
        }
        let now = self.now().max(wall);
        let mark = attempt as usize;
        let Some(Entry { body: Body::Attempt(marked), .. }) = self.entries.get(mark) else {
            return Err(JournalError::NoSuchAttempt { attempt });
        };
        let wake_at = now.plus(after_ms).min(marked.deadline().max(now));
        if self.removable_from() <= mark + 1 {
            self.cut(mark + 1);
            if let Some(Entry { body: Body::Attempt(marked), .. }) = self.entries.get_mut(mark) {
                note.clone_into(&mut marked.note);
                marked.wake_at = Some(wake_at);
            }
            self.touch(mark);
        } else {
            self.append(wall, Body::Slept(Slept { attempt, until: wake_at, note: note.to_owned() }))?;
        }
        Ok(Suspension::Until { wake_at, after_ms: wake_at.since(now) })
    }

    /// Prepares the run that follows a passing fault: removes the removable tail, but for the mark of a wait
    /// in it, whose deadline goes on. Returns what was removed, for the events.
    pub fn retry(&mut self, wake_at: Millis) -> usize {
        let from = self.removable_from();
        let mark = (from..self.entries.len())
            .rev()
            .find(|at| matches!(self.entries.get(*at), Some(Entry { body: Body::Attempt(_), .. })));
        let keep = mark.map_or(from, |mark| mark + 1);
        let removed = self.entries.len() - keep;
        self.cut(keep);
        if let Some(mark) = mark {
            if let Some(Entry { body: Body::Attempt(attempt), .. }) = self.entries.get_mut(mark) {
                attempt.wake_at = Some(wake_at.max(attempt.now));
            }
            self.touch(mark);
        }
        removed
    }

    /// Removes the whole removable tail, marks of waits too: for a task that a user lets go on. Returns how many
    /// entries were removed.
    pub fn retry_all(&mut self) -> usize {
        let before = self.entries.len();
        self.cut(0);
        before - self.entries.len()
    }

    /// The calls that were sent, or may have been, and whose result was lost.
    pub fn unsettled(&self) -> impl Iterator<Item = &Call> {
        self.entries.iter().filter_map(|entry| match &entry.body {
            Body::Call(call) => match (&call.state, call.effect) {
                (State::Done { proof: Proof::Lost, .. }, _) | (State::Open, Effect::Once | Effect::Idempotent) => Some(call),
                _ => None,
            },
            _ => None,
        })
    }

    /// Ids that recorded responses showed with our mark.
    pub fn owned(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| match &entry.body {
            Body::Call(Call { state: State::Done { owned, .. }, .. }) => owned.as_slice(),
            _ => &[],
        })
        .map(String::as_str)
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
        let put = self
            .changed
            .iter()
            .copied()
            .filter(|at| *at < kept)
            .chain(kept..self.entries.len())
            .filter_map(|at| Some((u32::try_from(at).ok()?, self.entries.get(at)?)))
            .collect();
        let end = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Changes { put, delete: end(self.entries.len())..end(self.stored.max(self.entries.len())), stored: end(self.stored) }
    }

    /// The store has all of it.
    pub fn stored(&mut self) {
        self.stored = self.entries.len();
        self.changed.clear();
    }

    fn position(&self) -> u32 {
        u32::try_from(self.cursor).unwrap_or(u32::MAX)
    }

    fn append(&mut self, wall: Millis, body: Body) -> Result<u32, JournalError> {
        let at = self.now().max(wall);
        let entry = Entry::new(at, body);
        let weight = self.weight.saturating_add(entry.weight());
        if self.entries.len() >= Self::MAX_ENTRIES || weight > Self::MAX_BYTES {
            return Err(JournalError::Full { entries: self.entries.len(), bytes: self.weight });
        }
        let position = self.position();
        self.weight = weight;
        self.entries.push(entry);
        self.cursor = self.entries.len();
        Ok(position)
    }

    fn first_or_next_attempt(&mut self, wall: Millis, give_up_after_ms: u64) -> Result<AttemptAnswer, JournalError> {
        let now = self.now().max(wall);
        // The next turn of a wait whose entries had to stay: the attempt before the sleep hands its clock on.
        let before = self.entries.last().and_then(|last| match &last.body {
            Body::Slept(slept) => self.entries.get(slept.attempt as usize),
            _ => None,
        });
        let attempt = match before {
            Some(Entry { body: Body::Attempt(before), .. }) if before.give_up_after_ms == give_up_after_ms => {
                let note = match self.entries.last().map(|last| &last.body) {
                    Some(Body::Slept(slept)) => slept.note.clone(),
                    _ => before.note.clone(),
                };
                if before.now >= before.deadline() {
                    Attempt { expired: true, wake_at: None, note, ..before.clone() }
                } else {
                    Attempt { count: before.count.saturating_add(1), now, wake_at: None, note, ..before.clone() }
                }
            }
            _ => Attempt {
                give_up_after_ms,
                first_start: now,
                count: 1,
                now,
                wake_at: None,
                expired: false,
                note: String::new(),
            },
        };
        let position = self.append(wall, Body::Attempt(attempt))?;
        self.cursor = position as usize;
        self.look(position)
    }

    fn look(&mut self, position: u32) -> Result<AttemptAnswer, JournalError> {
        match self.entries.get(self.cursor).map(|entry| &entry.body) {
            Some(Body::Attempt(attempt)) => {
                let answer = if attempt.expired {
                    AttemptAnswer::Expired { note: attempt.note.clone() }
                } else {
                    AttemptAnswer::Look {
                        id: position,
                        count: attempt.count,
                        first_start: attempt.first_start,
                        now: attempt.now,
                    }
                };
                self.cursor += 1;
                Ok(answer)
            }
            _ => Err(JournalError::NoSuchAttempt { attempt: position }),
        }
    }

    /// The position after the last entry that is not removable.
    fn removable_from(&self) -> usize {
        self.entries.iter().rposition(|entry| !entry.is_removable()).map_or(0, |last| last + 1)
    }

    /// Removes the tail from `to` on. All callers stay behind [`Self::removable_from`]; that is checked once
    /// more here, since nothing else may ever be removed.
    fn cut(&mut self, to: usize) {
        let to = to.max(self.removable_from());
        let removed: usize = self.entries.iter().skip(to).map(Entry::weight).sum();
        self.weight = self.weight.saturating_sub(removed);
        self.entries.truncate(to);
        self.changed.retain(|at| *at < to);
        self.cursor = self.cursor.min(to);
        // What was cut from the store and made anew at the same position counts as changed.
        if self.stored > to {
            self.changed.extend(to..self.stored);
        }
    }

    fn touch(&mut self, at: usize) {
        if at < self.stored {
            self.changed.insert(at);
        }
    }

    fn refuse_repetition(&self, call: &Call, now: Millis) -> Result<(), JournalError> {
        self.entries.iter().enumerate().try_for_each(|(at, entry)| {
            let reason = match &entry.body {
                Body::Call(earlier) if earlier.function == call.function && earlier.request == call.request => {
                    self.why_not_again(at, earlier, now)
                }
                _ => None,
            };
            match reason {
                Some(reason) => {
                    Err(JournalError::Repeated { position: u32::try_from(at).unwrap_or(u32::MAX), reason })
                }
                None => Ok(()),
            }
        })
    }

    /// Why a call like `earlier` cannot be sent again now.
    fn why_not_again(&self, at: usize, earlier: &Call, now: Millis) -> Option<String> {
        match &earlier.state {
            State::Done { proof: Proof::NotPerformed | Proof::Answered, .. } => None,
            State::Done { proof: Proof::Performed, .. } => Some("it was performed".to_owned()),
            State::Open | State::Done { proof: Proof::Lost, .. } if now < earlier.settles_at => {
                let ms = earlier.settles_at.since(now);
                Some(format!("its result was lost, and it can take effect for another {ms} ms"))
            }
            State::Open | State::Done { proof: Proof::Lost, .. } => {
                let has_looked = self.entries.iter().skip(at).any(|entry| {
                    let read = matches!(&entry.body, Body::Call(Call { effect: Effect::Read, state: State::Done { .. }, .. }));
                    read && entry.at >= earlier.settles_at
                });
                (!has_looked).then(|| "its result was lost; look whether it took effect first".to_owned())
            }
        }
    }
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
