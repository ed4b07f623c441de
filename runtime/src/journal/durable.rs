//! The journal on a store.
//!
//! The order is the guarantee: an intent is recorded in memory ([`Journal::intend`]), and
//! [`DurableJournal::flush`] returns when it is durable, with every unwritten entry before it; only then may a
//! call that changes the world be sent. [`DurableJournal::finish`] returns when the results are durable; only
//! then does the extension see them.
//!
//! Every write carries two checks: the task's lease, and that the rows it builds on are those that this run has
//! read or written. So of two runs that hold one lease by mistake, at most one writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::{Entry, Millis, Proof};
use super::replay::{Changes, Journal, JournalError};
use crate::store::{Key, Lease, Store, StoreError, Table, Txn, Version};

/// Reads are written with the next intent, or the end of the run, or when there are so many bytes of them: a
/// store's transaction has a limit.
const MOST_UNWRITTEN: usize = 4 * 1024 * 1024;

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// The rules forbid it.
    #[error(transparent)]
    Rules(#[from] JournalError),
    /// The store failed; what was to be sent was not.
    #[error("the journal could not be written: {0}")]
    Store(#[from] StoreError),
    /// A row is no entry that this server can read.
    #[error("entry {position} of the journal cannot be read: {reason}")]
    Format {
        /// Where.
        position: u32,
        /// Why.
        reason: String,
    },
    /// The task has ended, and its journal is packed: no run can go on with it.
    #[error("the task has ended and its journal is packed: nothing goes on with it")]
    Packed,
    /// A packed journal cannot be read.
    #[error(transparent)]
    Archive(#[from] super::archive::ArchiveError),
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
    /// The version of each row, by position, as this run has read or written it.
    versions: Vec<Version>,
}

impl DurableJournal {
    /// The journal of `task` for the run that holds `lease`.
    ///
    /// # Errors
    /// [`DurableError::Store`], and [`DurableError::Format`] for entries of a newer server, or one that is missing.
    pub async fn open(store: Arc<dyn Store>, task: Key, lease: Lease, woken_at: Millis) -> Result<Self, DurableError> {
        let rows = store.scan(Table::Journal, &task, None, usize::MAX, false).await?;
        let mut entries = Vec::with_capacity(rows.len());
        let mut versions = Vec::with_capacity(rows.len());
        for (position, row) in (0..).zip(rows) {
            if row.key != *task.clone().u32(position) {
                let reason = "it is not there, and later ones are".to_owned();
                return Err(DurableError::Format { position, reason });
            }
            entries.push(parse(position, &row.value)?);
            versions.push(row.version);
        }
        // Nobody goes on with a packed journal. A run that took it for an empty one would repeat every call.
        if entries.is_empty() && store.get(Table::Archive, &task).await?.is_some() {
            return Err(DurableError::Packed);
        }
        let home = Home { store, task, lease, versions };
        Ok(Self { journal: Journal::load(entries, woken_at), home: Some(home), staged: Txn::new() })
    }

    /// A journal that is forgotten with its run: for queries, which may only read.
    #[must_use]
    pub fn in_memory(now: Millis) -> Self {
        Self { journal: Journal::load(Vec::new(), now), home: None, staged: Txn::new() }
    }

    /// The journal of a task that has ended, to be replayed and never gone on with: nothing is written.
    #[must_use]
    pub fn rehearsal(entries: Vec<Entry>, woken_at: Millis) -> Self {
        Self { journal: Journal::sealed(entries, woken_at), home: None, staged: Txn::new() }
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
            must_be_durable |= self.journal.changes_the_world(position);
            self.journal.finish(position, result, proof, owned)?;
        }
        if must_be_durable {
            self.flush(Txn::new().must_land()).await
        } else if self.journal.changes().weight() > MOST_UNWRITTEN {
            self.flush(Txn::new()).await
        } else {
            Ok(())
        }
    }

    /// Writes everything that is not yet written, together with `with`: intents, the end of a run, a parked
    /// call. It proves that the lease is held, also where there is nothing to write.
    ///
    /// # Errors
    /// [`DurableError::Store`].
    pub async fn flush(&mut self, with: Txn) -> Result<(), DurableError> {
        let Some(home) = &mut self.home else { return Ok(()) };
        let txn = home.unwritten(&self.journal)?.and(self.staged.clone()).and(with);
        let version = home.store.commit(txn.check(home.lease.check())).await?;
        home.written(&self.journal, version);
        self.staged = Txn::new();
        self.journal.stored();
        Ok(())
    }

    /// Ends the run: [`Self::flush`], and the lease is free.
    ///
    /// # Errors
    /// [`DurableError::Store`].
    pub async fn close(self, with: Txn) -> Result<Journal, DurableError> {
        let Some(home) = self.home else { return Ok(self.journal) };
        let txn = home.unwritten(&self.journal)?.and(self.staged).and(with);
        home.store.commit(home.lease.release(txn)).await?;
        Ok(self.journal)
    }
}

impl Home {
    /// What makes the store's rows those of the journal, if they still are what this run knows them to be.
    fn unwritten(&self, journal: &Journal) -> Result<Txn, DurableError> {
        let changes = journal.changes();
        let mut txn = Txn::new();
        for position in self.builds_on(journal, &changes) {
            let key = self.row(position);
            txn = match self.versions.get(position as usize) {
                Some(version) => txn.check_version(Table::Journal, key, *version),
                None => txn.check_absent(Table::Journal, key),
            };
        }
        for (position, entry) in changes.put {
            txn = txn.put_json(Table::Journal, self.row(position), entry)?;
        }
        for position in changes.delete {
            txn = txn.delete(Table::Journal, self.row(position));
        }
        Ok(txn)
    }

    /// The rows that must be as this run knows them: those that are written; the last, and the one behind it,
    /// for nobody may have cut or gone on; and the open calls, for nobody may have ended one.
    fn builds_on(&self, journal: &Journal, changes: &Changes<'_>) -> BTreeSet<u32> {
        let stored = changes.stored;
        let written = changes.put.iter().map(|(position, _)| *position).chain(changes.delete.clone());
        let open =
            (0..stored).zip(journal.entries()).filter(|(_, entry)| entry.is_open()).map(|(position, _)| position);
        written.chain(stored.checked_sub(1)).chain([stored]).chain(open).collect()
    }

    /// Takes note of the versions that the rows have after a commit.
    fn written(&mut self, journal: &Journal, version: Version) {
        self.versions.resize(journal.entries().len(), version);
        for (position, _) in journal.changes().put {
            if let Some(row) = self.versions.get_mut(position as usize) {
                *row = version;
            }
        }
    }

    fn row(&self, position: u32) -> Key {
        self.task.clone().u32(position)
    }
}

/// Reads the entry at this position. Only what is no entry of this layout is looked at a second time, for the layout it
/// says it has.
///
/// # Errors
/// [`DurableError::Format`].
pub(super) fn parse(position: u32, value: &[u8]) -> Result<Entry, DurableError> {
    let format = match serde_json::from_slice::<Entry>(value) {
        Ok(entry) if entry.format <= Entry::FORMAT => return Ok(entry),
        Ok(entry) => entry.format,
        Err(error) => match serde_json::from_slice::<Layout>(value) {
            Ok(layout) if layout.format > Entry::FORMAT => layout.format,
            _ => return Err(DurableError::Format { position, reason: error.to_string() }),
        },
    };
    let reason = format!("format {format}, this server reads up to {}", Entry::FORMAT);
    Err(DurableError::Format { position, reason })
}

/// What all layouts of an entry begin with.
#[derive(serde::Deserialize)]
struct Layout {
    format: u8,
}
