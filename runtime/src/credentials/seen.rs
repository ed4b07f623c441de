//! The latest secrets of a credential that renews itself, so that an answer to a request signed with the one
//! before is scrubbed too.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::secret::Secret;

/// Requests live minutes, tokens an hour: a few generations are plenty.
const KEPT: usize = 16;

#[derive(Default)]
pub(super) struct Seen(Mutex<VecDeque<Secret>>);

impl Seen {
    pub(super) fn add(&self, secret: &Secret) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(secret) {
            return;
        }
        if seen.len() >= KEPT {
            seen.pop_front();
        }
        seen.push_back(secret.clone());
    }

    pub(super) fn all(&self) -> Vec<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
