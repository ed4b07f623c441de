//! What keeps a call that may be sent once only from being sent twice.

use super::{Journal, JournalError, position};
use crate::journal::entry::{Body, Call, Effect, Millis, Proof, State};

impl Journal {
    /// A call like an earlier one is sent only if that one did nothing, or if it was lost, has settled, and
    /// something was looked at since.
    pub(super) fn refuse_repetition(&self, call: &Call, now: Millis) -> Result<(), JournalError> {
        for (at, entry) in self.entries.iter().enumerate() {
            if let Body::Call(earlier) = &entry.body
                && earlier.function == call.function
                && earlier.request == call.request
                && let Some(reason) = self.why_not_again(at, earlier, now)
            {
                return Err(JournalError::Repeated { position: position(at), reason });
            }
        }
        Ok(())
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
            State::Open | State::Done { proof: Proof::Lost, .. } => (!self.has_looked(at, earlier.settles_at))
                .then(|| "its result was lost; look whether it took effect first".to_owned()),
        }
    }

    /// Whether a read behind this position began after `settled_at`, and has an answer.
    fn has_looked(&self, behind: usize, settled_at: Millis) -> bool {
        self.entries.iter().skip(behind).any(|entry| {
            let Body::Call(call) = &entry.body else { return false };
            call.effect == Effect::Read && call.state != State::Open && entry.at >= settled_at
        })
    }
}
