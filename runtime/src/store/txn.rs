//! Rows, and transactions over them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{StoreError, Table};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 4 * 1024;
/// The most one transaction may hold, keys and values together, in bytes.
pub const MAX_TXN: usize = 32 * 1024 * 1024;

/// The revision of the transaction that wrote a row. Revisions only rise, and no two transactions share one
/// (etcd calls it `mod_revision`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// The version with this number.
    #[must_use]
    pub const fn new(revision: u64) -> Self {
        Self(revision)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key within the table.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// The transaction that wrote it last.
    pub version: Version,
}

/// What must hold for a transaction to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "`table` and `key` say which row, in each")]
pub enum Check {
    /// There is no such row.
    Absent { table: Table, key: Vec<u8> },
    /// The row is the one that `version` wrote.
    Version { table: Table, key: Vec<u8>, version: Version },
    /// There is such a row, whichever.
    Exists { table: Table, key: Vec<u8> },
}

impl Check {
    /// The row it looks at.
    #[must_use]
    pub fn row(&self) -> (Table, &[u8]) {
        match self {
            Self::Absent { table, key } | Self::Version { table, key, .. } | Self::Exists { table, key } => {
                (*table, key)
            }
        }
    }

    /// Whether it holds for a row that now has the version `now` (or does not exist).
    #[must_use]
    pub fn holds(&self, now: Option<Version>) -> bool {
        match self {
            Self::Absent { .. } => now.is_none(),
            Self::Version { version, .. } => now == Some(*version),
            Self::Exists { .. } => now.is_some(),
        }
    }

    /// The error of a transaction whose check did not hold.
    pub(super) fn conflict(&self) -> StoreError {
        let (table, key) = self.row();
        StoreError::Conflict { table, key: key.to_vec() }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "`table`, `key` and `value` say what they are")]
pub enum Write {
    /// Writes the row, whether or not it was there.
    Put { table: Table, key: Vec<u8>, value: Vec<u8> },
    /// Removes the row, if it is there.
    Delete { table: Table, key: Vec<u8> },
    /// Removes every row of the table whose key starts with `prefix`.
    DeletePrefix { table: Table, prefix: Vec<u8> },
}

/// Checks and writes that happen together or not at all.
///
/// All checks are made first, against one state, then the writes happen in order: of two writes to one row the later wins.
///
/// ```
/// # use cloudark_runtime::store::{Table, Txn, Version};
/// let txn = Txn::new()
///     .check_version(Table::Task, b"task-1", Version::new(7))
///     .put(Table::Task, b"task-1", "done")
///     .delete(Table::Timer, b"task-1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a transaction does nothing until it is committed"]
pub struct Txn {
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
    pub(super) must_land: bool,
}

impl Txn {
    /// A transaction that checks and changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if this holds.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Only if there is no such row.
    pub fn check_absent(self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.check(Check::Absent { table, key: key.into() })
    }

    /// Only if the row is still the one that `version` wrote.
    pub fn check_version(self, table: Table, key: impl Into<Vec<u8>>, version: Version) -> Self {
        self.check(Check::Version { table, key: key.into(), version })
    }

    /// Only if there is such a row.
    pub fn check_exists(self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.check(Check::Exists { table, key: key.into() })
    }

    /// Makes this change.
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Writes a row.
    pub fn put(self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.write(Write::Put { table, key: key.into(), value: value.into() })
    }

    /// Removes a row, if it is there.
    pub fn delete(self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.write(Write::Delete { table, key: key.into() })
    }

    /// Removes every row whose key starts with `prefix`; an empty one empties the table.
    pub fn delete_prefix(self, table: Table, prefix: impl Into<Vec<u8>>) -> Self {
        self.write(Write::DeletePrefix { table, prefix: prefix.into() })
    }

    /// Everything of `other` as well, after what is here; it must land if either must.
    pub fn and(mut self, other: Txn) -> Self {
        self.checks.extend(other.checks);
        self.writes.extend(other.writes);
        self.must_land |= other.must_land;
        self
    }

    /// Records what has already happened in the world: while the disk is full, it waits in memory until there is space
    /// again, rather than being refused. Use it for the results of calls that were sent, never for intents: an intent that
    /// is refused at once is a call that is not sent.
    pub fn must_land(mut self) -> Self {
        self.must_land = true;
        self
    }

    /// The checks.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The writes.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The bytes of its keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let checks = self.checks.iter().map(|check| check.row().1.len());
        let writes = self.writes.iter().map(|write| match write {
            Write::Put { key, value, .. } => key.len().saturating_add(value.len()),
            Write::Delete { key, .. } => key.len(),
            Write::DeletePrefix { prefix, .. } => prefix.len(),
        });
        checks.chain(writes).fold(0, usize::saturating_add)
    }

    /// Refuses what is beyond the limits, before it meets the transactions of others.
    pub(super) fn within_limits(&self) -> Result<(), StoreError> {
        let checked = self.checks.iter().map(|check| check.row().1);
        let written = self.writes.iter().map(|write| match write {
            Write::Put { key, .. } | Write::Delete { key, .. } => key.as_slice(),
            Write::DeletePrefix { prefix, .. } => prefix.as_slice(),
        });
        if let Some(key) = checked.chain(written).find(|key| key.len() > MAX_KEY) {
            return Err(StoreError::TooLarge { what: "a key", bytes: key.len(), limit: MAX_KEY });
        }
        let bytes = self.bytes();
        if bytes > MAX_TXN {
            return Err(StoreError::TooLarge { what: "a transaction", bytes, limit: MAX_TXN });
        }
        Ok(())
    }
}
