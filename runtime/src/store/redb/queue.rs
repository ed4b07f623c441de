//! What passes between those who come to the store and its writer.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::store::{StoreError, Txn, Version};

/// A transaction on its way to the disk.
#[derive(Debug)]
pub(super) struct Job {
    pub txn: Txn,
    pub bytes: usize,
    pub reply: oneshot::Sender<Result<Version, StoreError>>,
    /// Its share of the memory that waiting transactions may take.
    pub _room: OwnedSemaphorePermit,
}

impl Job {
    /// Tells who waits for it.
    pub(super) fn answer(self, result: Result<Version, StoreError>) {
        // Who does not wait for the answer any more has no use for it.
        let _ = self.reply.send(result);
    }
}

/// What the writer has to say to those who come to the store.
#[derive(Debug)]
pub(super) struct Notices {
    /// The newest durable version.
    pub changes: watch::Sender<Version>,
    /// Why nothing is written at the moment.
    trouble: Mutex<Option<StoreError>>,
}

impl Notices {
    /// Nothing is wrong yet.
    pub(super) fn new(revision: Version) -> Self {
        Self { changes: watch::Sender::new(revision), trouble: Mutex::new(None) }
    }

    /// Why nothing is written at the moment.
    pub(super) fn trouble(&self) -> Option<StoreError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_trouble(&self, trouble: Option<StoreError>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
