//! How a wait comes back to its mark, what a retry cuts, and when a deadline fires.

use super::{Journal, JournalError, position};
use crate::journal::entry::{Attempt, Body, Entry, Millis, Slept};

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

impl AttemptAnswer {
    fn of(id: u32, attempt: &Attempt) -> Self {
        if attempt.expired {
            return Self::Expired { note: attempt.note.clone() };
        }
        Self::Look { id, count: attempt.count, first_start: attempt.first_start, now: attempt.now }
    }
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

impl Journal {
    /// So many looks at or after the deadline may end in a passing fault; then the wait expires all the same.
    /// More than the engine's own limit of retries: it is a bound, not a plan.
    pub const MAX_LATE_FAULTS: u32 = 50;

    /// Marks the place that a wait comes back to, or comes back to it.
    ///
    /// A wait expires once a look that began at or after its deadline has ended in a suspension: what became
    /// ready in the last moment counts. A look that ended in a passing fault does not count (up to
    /// [`Self::MAX_LATE_FAULTS`]): perhaps the thing was ready, and the fault came behind the wait.
    ///
    /// # Errors
    /// [`JournalError::Mismatch`], [`JournalError::Full`].
    pub fn attempt(&mut self, wall: Millis, give_up_after_ms: u64) -> Result<AttemptAnswer, JournalError> {
        self.refuse_behind_end(|| format!("operation.attempt {give_up_after_ms}"))?;
        let now = self.live_now(wall);
        let at = self.cursor;
        let is_last = at + 1 == self.entries.len();
        match self.entries.get_mut(at).map(|entry| &mut entry.body) {
            None => self.begin_look(wall, give_up_after_ms),
            Some(Body::Attempt(attempt)) if attempt.give_up_after_ms == give_up_after_ms => {
                // Suspended here and woken up: the next look begins. Entries behind the mark would mean that it
                // has begun already.
                let woken = attempt.wake_at.filter(|_| is_last);
                if let Some(wake_at) = woken {
                    attempt.wake_at = None;
                    if !attempt.expired {
                        attempt.count = attempt.count.saturating_add(1);
                        attempt.now = now.max(wake_at);
                    }
                }
                let answer = AttemptAnswer::of(position(at), attempt);
                if woken.is_some() {
                    self.touch(at);
                }
                self.cursor += 1;
                Ok(answer)
            }
            Some(_) => Err(self.mismatch(format!("operation.attempt {give_up_after_ms}"))),
        }
    }

    /// Ends the run until a later look, or passes over a suspension that ended a run before.
    ///
    /// What is behind the mark is removed if all of it is removable; otherwise it stays, and a
    /// [`Slept`] entry follows. After it the extension asks for its next [look](Self::attempt) at once.
    ///
    /// # Errors
    /// [`JournalError::NoSuchAttempt`], [`JournalError::Mismatch`], [`JournalError::Full`].
    pub fn suspend(
        &mut self,
        wall: Millis,
        attempt: u32,
        after_ms: u64,
        note: &str,
    ) -> Result<Suspension, JournalError> {
        self.refuse_behind_end(|| format!("operation.suspend {attempt}: {note}"))?;
        match self.entries.get(self.cursor).map(|entry| &entry.body) {
            None => self.end_look(wall, attempt, after_ms, note),
            Some(Body::Slept(slept)) if slept.attempt == attempt => {
                self.cursor += 1;
                Ok(Suspension::PassedOver)
            }
            Some(_) => Err(self.mismatch(format!("operation.suspend {attempt}"))),
        }
    }

    /// Prepares the run that follows a passing fault: removes the removable tail, but for the mark of a wait
    /// in it, whose deadline goes on. Returns what was removed, for the events.
    ///
    /// A passing fault that is recorded *before* something that lasts stays, and the run after this one meets it
    /// again: an extension fails for it at once, or not at all.
    pub fn retry(&mut self, wake_at: Millis) -> usize {
        let before = self.entries.len();
        let from = self.removable_from();
        let is_mark = |entry: &Entry| matches!(entry.body, Body::Attempt(_));
        let mark = self.entries.iter().rposition(is_mark).filter(|mark| *mark >= from);
        self.cut(mark.map_or(0, |mark| mark + 1));
        self.reopen_refused();
        if let Some(mark) = mark {
            if let Some(attempt) = self.attempt_at(mark) {
                attempt.wake_at = Some(wake_at.max(attempt.now));
                if attempt.is_last_look() {
                    attempt.late_faults = attempt.late_faults.saturating_add(1);
                    attempt.expired |= attempt.late_faults >= Self::MAX_LATE_FAULTS;
                }
            }
            self.touch(mark);
        }
        before - self.entries.len()
    }

    /// The first look of a wait, or the next one of a wait whose entries had to stay.
    fn begin_look(&mut self, wall: Millis, give_up_after_ms: u64) -> Result<AttemptAnswer, JournalError> {
        let now = self.live_now(wall);
        let attempt = match self.look_before(give_up_after_ms) {
            Some((before, note)) if before.is_last_look() => Attempt { expired: true, note, ..before },
            Some((before, note)) => Attempt { count: before.count.saturating_add(1), now, note, ..before },
            None => Attempt {
                give_up_after_ms,
                first_start: now,
                count: 1,
                now,
                wake_at: None,
                late_faults: 0,
                expired: false,
                note: String::new(),
            },
        };
        let position = self.append(wall, Body::Attempt(attempt.clone()))?;
        Ok(AttemptAnswer::of(position, &attempt))
    }

    /// The look that a suspension passed over just now has ended, and its note.
    fn look_before(&self, give_up_after_ms: u64) -> Option<(Attempt, String)> {
        let Body::Slept(slept) = &self.entries.last()?.body else { return None };
        let Body::Attempt(before) = &self.entries.get(slept.attempt as usize)?.body else { return None };
        (before.give_up_after_ms == give_up_after_ms).then(|| (before.clone(), slept.note.clone()))
    }

    fn end_look(&mut self, wall: Millis, id: u32, after_ms: u64, note: &str) -> Result<Suspension, JournalError> {
        let now = self.live_now(wall);
        let mark = id as usize;
        // A look ends once: the clock of the wait goes on with the attempt that follows.
        let has_ended = |entry: &Entry| matches!(&entry.body, Body::Slept(slept) if slept.attempt == id);
        let has_ended = self.entries.iter().skip(mark).any(has_ended);
        let look = self.attempt_at(mark).filter(|attempt| !attempt.expired && !has_ended);
        let Some(look) = look else { return Err(JournalError::NoSuchAttempt { attempt: id }) };
        // A moment passes at least, so that a deadline comes nearer also where the clock stands still.
        let wake_at = now.plus(after_ms.max(1)).min(look.deadline()).max(now);
        if self.removable_from() <= mark + 1 {
            self.cut(mark + 1);
            if let Some(look) = self.attempt_at(mark) {
                note.clone_into(&mut look.note);
                look.wake_at = Some(wake_at);
                look.expired = look.is_last_look();
            }
            self.touch(mark);
        } else {
            self.append(wall, Body::Slept(Slept { attempt: id, until: wake_at, note: note.to_owned() }))?;
        }
        Ok(Suspension::Until { wake_at, after_ms: wake_at.since(now) })
    }

    fn attempt_at(&mut self, at: usize) -> Option<&mut Attempt> {
        match self.entries.get_mut(at) {
            Some(Entry { body: Body::Attempt(attempt), .. }) => Some(attempt),
            _ => None,
        }
    }
}
