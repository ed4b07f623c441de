//! A journal that another version of the extension is held to: what is recorded is answered, and the first call that is
//! not ends the replay. Nothing is added, nothing is sent.

use super::{Journal, JournalError, describe, position};
use crate::journal::entry::{Entry, Millis};

/// Where a replay leaves what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The position of the first entry that differs.
    pub position: u32,
    /// What is recorded there; none behind the end.
    pub recorded: Option<String>,
    /// What was asked instead; none if nothing was.
    pub asked: Option<String>,
}

impl Journal {
    /// The journal of a task that has ended, to be replayed and never gone on with.
    #[must_use]
    pub fn sealed(entries: Vec<Entry>, woken_at: Millis) -> Self {
        Self { sealed: true, ..Self::load(entries, woken_at) }
    }

    /// Where the replay left what is recorded: by asking something else, or nothing more. None if it asked the same to the
    /// end.
    #[must_use]
    pub fn departure(&self) -> Option<Departure> {
        let recorded = self.entries.get(self.cursor).map(|entry| describe(&entry.body));
        if self.asked.is_none() && recorded.is_none() {
            return None;
        }
        Some(Departure { position: position(self.cursor), recorded, asked: self.asked.clone() })
    }

    /// Refuses to go on behind the end of a sealed journal: there is nothing to answer with.
    pub(super) fn refuse_behind_end(&mut self, asked: impl FnOnce() -> String) -> Result<(), JournalError> {
        if !self.sealed || self.is_replaying() {
            return Ok(());
        }
        self.asked = Some(asked());
        Err(JournalError::Sealed { position: position(self.cursor) })
    }

    /// Refuses to go on with a call of a sealed journal that never had a result. As far as anybody knows, the same was
    /// asked.
    pub(super) fn refuse_unanswered(&mut self) -> Result<(), JournalError> {
        if !self.sealed {
            return Ok(());
        }
        self.cursor += 1;
        Err(JournalError::Sealed { position: position(self.cursor) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::entry::{Body, Call, Effect, Note, Proof, State};
    use crate::journal::replay::Answer;

    fn entry(request: &str, is_note: bool) -> Entry {
        let (function, request, result) = ("f".to_owned(), request.to_owned(), "{}".to_owned());
        let body = if is_note {
            Body::Note(Note { function, request, result })
        } else {
            Body::Call(Call {
                function,
                request,
                effect: Effect::Once,
                summary: String::new(),
                send_before: Millis(0),
                settles_at: Millis(0),
                sent_again: false,
                state: State::Done { result, proof: Proof::Performed, owned: Vec::new() },
            })
        };
        Entry::new(Millis(1), Millis(1), body)
    }

    /// A guest that asks these one after the other, until it gets no answer.
    fn replay(journal: &mut Journal, requests: &[String]) {
        for request in requests {
            match journal.ask("f", request) {
                Ok(Answer::Replayed { .. }) => {}
                Ok(other) => panic!("a sealed journal answered {other:?}"),
                Err(_) => return,
            }
        }
    }

    proptest! {
        #[test]
        fn the_first_call_that_differs_is_told_and_nothing_is_added(
            recorded in prop::collection::vec(("[abc]", any::<bool>()), 0..12),
            asked in prop::collection::vec("[abc]", 0..12),
        ) {
            let entries: Vec<Entry> = recorded.iter().map(|(request, is_note)| entry(request, *is_note)).collect();
            let mut journal = Journal::sealed(entries.clone(), Millis(9));
            replay(&mut journal, &asked);
            let same = recorded.iter().zip(&asked).take_while(|((one, _), other)| one == *other).count();
            let departure = journal.departure();
            if same == recorded.len() && same == asked.len() {
                prop_assert_eq!(departure, None);
            } else {
                let departure = departure.unwrap();
                prop_assert_eq!(departure.position as usize, same);
                prop_assert_eq!(departure.recorded, recorded.get(same).map(|(request, _)| format!("f {request}")));
                prop_assert_eq!(departure.asked, asked.get(same).map(|request| format!("f {request}")));
            }
            prop_assert_eq!(journal.entries(), entries);
        }
    }

    #[test]
    fn neither_a_note_nor_a_wait_goes_on_behind_the_end() {
        let mut journal = Journal::sealed(Vec::new(), Millis(0));
        assert!(matches!(journal.attempt(Millis(1), 60), Err(JournalError::Sealed { position: 0 })));
        assert_eq!(journal.departure().unwrap().asked.as_deref(), Some("operation.attempt 60"));
        let mut journal = Journal::sealed(vec![entry("a", true)], Millis(0));
        assert!(journal.ask("f", "a").is_ok());
        assert!(matches!(journal.suspend(Millis(1), 0, 5, "note"), Err(JournalError::Sealed { position: 1 })));
        assert!(journal.note(Millis(1), "f", String::new(), String::new()).is_err());
        assert_eq!(journal.entries().len(), 1);
    }

    #[test]
    fn a_call_that_never_had_a_result_ends_the_replay_and_is_no_difference() {
        let mut open = entry("a", false);
        if let Body::Call(call) = &mut open.body {
            call.state = State::Open;
        }
        let mut journal = Journal::sealed(vec![open.clone()], Millis(0));
        assert!(matches!(journal.ask("f", "a"), Err(JournalError::Sealed { .. })));
        assert_eq!(journal.departure(), None);
        let mut journal = Journal::sealed(vec![open], Millis(0));
        assert!(matches!(journal.ask("f", "b"), Err(JournalError::Mismatch { .. })));
        assert_eq!(journal.departure().unwrap().asked.as_deref(), Some("f b"));
    }
}
