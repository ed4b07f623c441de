//! What can go wrong between a caller and its rows.

use std::{io, path::PathBuf, sync::Arc};

use super::Table;

/// Why the store did not do what it was asked.
///
/// Cheap to clone: one failed disk write answers every transaction of its batch.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A check of the transaction did not hold, so nothing of it was written. Read again and decide again.
    #[error("{table} {}: changed by someone else in the meantime", printable(key))]
    Conflict {
        /// The table of the check.
        table: Table,
        /// The key of the check.
        key: Vec<u8>,
    },
    /// The disk, its quota, or the memory that holds what waits for the disk, is full. Nothing of this transaction was written.
    #[error(
        "the disk of the store at {} is full: free some space, the server goes on by itself", path.display()
    )]
    Full {
        /// The file of the store.
        path: PathBuf,
    },
    /// The operating system refused to read or write. Nothing of this transaction was written, unless
    /// [`uncertain`](StoreError::Io::uncertain) is set.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "writing to".
        doing: &'static str,
        /// The file it was done to.
        path: PathBuf,
        /// True when the change may or may not be on the disk; the store then takes no more until the server is restarted.
        uncertain: bool,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The store was closed: the server is stopping, or its writer has ended.
    #[error("the store is closed: the server is stopping")]
    Closed,
    /// What is stored cannot be what was written. Restore the last backup.
    #[error("the store is damaged: {what}. Stop the server and restore the last backup")]
    Corrupt {
        /// Where, and what was expected there.
        what: String,
    },
    /// Another server has this store open.
    #[error(
        "the store at {} is in use by another server{}: stop that one first, or choose another data directory",
        path.display(),
        holder.as_deref().map(|holder| format!(" ({holder})")).unwrap_or_default()
    )]
    Locked {
        /// The file of the store.
        path: PathBuf,
        /// Who holds it, when it said so: process id, host and start.
        holder: Option<String>,
    },
    /// The store was written by a newer server.
    #[error(
        "the store at {} has format {found}, and this server reads formats up to {supported}: \
         start it with the newer server that wrote it, or restore a backup from before the upgrade",
        path.display()
    )]
    Schema {
        /// The file of the store.
        path: PathBuf,
        /// The format that the store has.
        found: u32,
        /// The newest format that this server reads.
        supported: u32,
    },
    /// A transaction or a key is beyond the limits of [`Txn`](super::Txn).
    #[error("{what} has {bytes} bytes, more than the {limit} that one may have")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A backup or a restore would have overwritten something.
    #[error("{} exists already: choose another name, or move it away first", path.display())]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// A value could not be turned into JSON.
    #[error("{table}: a value cannot be written as JSON: {source}")]
    Encode {
        /// The table it was for.
        table: Table,
        /// What serde said.
        source: Arc<serde_json::Error>,
    },
}

impl StoreError {
    /// Whether a check failed, so that reading again and trying again makes sense.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// A row whose value is not what its table holds.
    pub(crate) fn bad_row(table: Table, key: &[u8], why: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: format!("{table} {}: {why}", printable(key)) }
    }
}

/// A key as a person can read it: text stays text, everything else is escaped.
pub(super) fn printable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
