//! The journal on a store.
//!
//! The order is the guarantee: an intent is recorded in memory ([`Journal::intend`]), and
//! [`DurableJournal::flush`] returns when it is durable, with every unwritten entry before it; only then may a
//! call that changes the world be sent. [`DurableJournal::finish`] returns when the results are durable; only then does the extension see them.
//! Every write carries the check of the task's lease, and that no other run has written these positions.

use std::sync::Arc;

use super::entry::{Entry, Millis, Proof};
use super::replay::{Journal, JournalError};
use crate::store::{Key, Lease, Store, StoreError, Table, Txn};

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// The rules forbid it.
    #[error(transparent)]
    Rules(#[from] JournalError),
    /// The store failed; what was to be sent was not.
    #[error("the journal could not be written: {0}")]
    Store(#[from] StoreError),
    /// An entry could not be made into a row.
    #[error("entry {position} has a format that this server cannot read: {reason}")]
    Format {
        /// Where.
        position: u32,
        /// Why.
        reason: String,
    },
}

/// The result of a call, ready to be recorded.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The call's position.
    pub position: u32,
    /// What the extension sees, as JSON text.
    pub result: String,
    /// What it proves.
    pub proof: Proof,
    /// Ids that the response showed with our mark.
    pub owned: Vec<String>,
}

/// A task's journal during one run, and where it is written.
pub struct DurableJournal {
    journal: Journal,
    home: Option<Home>,
    /// Rows that belong to entries that are not yet written: a minted name, an id that is ours.
    staged: Txn,
}

struct Home {
    store: Arc<dyn Store>,
    task: Key,
    lease: Lease,
}

impl DurableJournal {
    /// The journal of `task` for the run that holds `lease`.
    ///
    /// # Errors
    /// [`DurableError::Store`], and [`DurableError::Format`] for entries of a newer server.
    pub async fn open(store: Arc<dyn Store>, task: Key, lease: Lease, woken_at: Millis) -> Result<Self, DurableError> {
        let rows = store.scan(Table::Journal, &task, None, usize::MAX, false).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for (position, row) in rows.into_iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let format = |reason: String| DurableError::Format { position, reason };
            let entry: Entry = serde_json::from_slice(&row.value).map_err(|error| format(error.to_string()))?;
            if entry.format > Entry::FORMAT {
                return Err(format(format!("format {}, this server reads up to {}", entry.format, Entry::FORMAT)));
            }
            entries.push(entry);
        }
        Ok(Self { journal: Journal::load(entries, woken_at), home: Some(Home { store, task, lease }), staged: Txn::new() })
    }

    /// A journal that is forgotten with its run: for queries, which may only read.
    #[must_use]
    pub fn in_memory(now: Millis) -> Self {
        Self { journal: Journal::load(Vec::new(), now), home: None, staged: Txn::new() }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, for what needs no write: replays, notes, marks.
    pub fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Rows to be written with the entries that are not yet written, never before them.
    pub fn stage(&mut self, rows: Txn) {
        self.staged = std::mem::take(&mut self.staged).and(rows);
    }

    /// Records results; durable, if any of these calls changed the world. What has happened must land: with a
    /// full disk this waits until there is space.
    ///
    /// # Errors
    /// [`JournalError::NotOpen`] if one of them has a result; [`DurableError::Store`] if the lease was lost.
    pub async fn finish(&mut self, results: Vec<Finished>) -> Result<(), DurableError> {
        let mut must_be_durable = false;
        for Finished { position, result, proof, owned } in results {
            let effect = self.journal.entries().get(position as usize).and_then(|entry| match &entry.body {
                super::Body::Call(call) => Some(call.effect),
                _ => None,
            });
            must_be_durable |= effect.is_some_and(super::Effect::changes_the_world);
            self.journal.finish(position, result, proof, owned)?;
        }
        if must_be_durable { self.flush(Txn::new().must_land()).await } else { Ok(()) }
    }

    /// Writes everything that is not yet written, together with `with`: the end of a run, a suspension, a
    /// parked call.
    ///
    /// # Errors
    /// [`DurableError::Store`].
    pub async fn flush(&mut self, with: Txn) -> Result<(), DurableError> {
        let Some(home) = &self.home else { return Ok(()) };
        let txn = self.unwritten(home)?.and(self.staged.clone()).and(with);
        if txn.writes().is_empty() {
            return Ok(());
        }
        home.store.commit(txn.check(home.lease.check())).await?;
        self.staged = Txn::new();
        self.journal.stored();
        Ok(())
    }

    /// Ends the run: [`Self::flush`], and the lease is free.
    ///
    /// # Errors
    /// [`DurableError::Store`].
    pub async fn close(self, with: Txn) -> Result<Journal, DurableError> {
        let Some(home) = &self.home else { return Ok(self.journal) };
        let txn = self.unwritten(home)?.and(self.staged).and(with);
        home.store.commit(home.lease.clone().release(txn)).await?;
        Ok(self.journal)
    }

    fn unwritten(&self, home: &Home) -> Result<Txn, DurableError> {
        let changes = self.journal.changes();
        let mut txn = Txn::new();
        for (position, entry) in changes.put {
            let key = home.task.clone().u32(position);
            if position >= changes.stored {
                txn = txn.check_absent(Table::Journal, &key);
            }
            txn = txn.put_json(Table::Journal, key, entry)?;
        }
        for position in changes.delete {
            txn = txn.delete(Table::Journal, home.task.clone().u32(position));
        }
        Ok(txn)
    }
}
