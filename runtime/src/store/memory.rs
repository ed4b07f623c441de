//! A store that nothing outlives: for queries, whose journal is thrown away, and for tests.

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Check, Row, Store, StoreError, Table, Txn, Version, Write,
    lease::{self, Incarnation},
    redb::write_copy,
};

/// Rows in a map. Committed means remembered: `durable` promises nothing here.
#[derive(Debug)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    changes: watch::Sender<Version>,
}

#[derive(Debug, Default)]
struct Rows {
    revision: Version,
    tables: BTreeMap<(Table, Vec<u8>), (Version, Vec<u8>)>,
}

impl MemoryStore {
    /// A store without rows.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: Mutex::default(), changes: watch::Sender::new(Version::default()) }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing between two changes of the map can panic: a poisoned lock still guards whole transactions.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Rows {
    fn version(&self, check: &Check) -> Option<Version> {
        let (table, key) = check.row();
        self.tables.get(&(table, key.to_vec())).map(|(version, _)| *version)
    }

    fn apply(&mut self, write: Write) {
        match write {
            Write::Put { table, key, value } => {
                self.tables.insert((table, key), (self.revision, value));
            }
            Write::Delete { table, key } => {
                self.tables.remove(&(table, key));
            }
            Write::DeletePrefix { table, prefix } => {
                self.tables.retain(|(of, key), _| *of != table || !key.starts_with(&prefix));
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let key = (table, key.to_vec());
        let found = self.rows().tables.get(&key).cloned();
        Ok(found.map(|(version, value)| Row { key: key.1, value, version }))
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows();
        let range = (Bound::Included((table, prefix.to_vec())), Bound::Unbounded);
        let found = rows
            .tables
            .range(range)
            .take_while(|((of, key), _)| *of == table && key.starts_with(prefix))
            .map(|((_, key), (version, value))| (key, value, *version));
        let row = |(key, value, version): (&Vec<u8>, &Vec<u8>, Version)| Row {
            key: key.clone(),
            value: value.clone(),
            version,
        };
        Ok(if reverse {
            let mut before: Vec<_> =
                found.take_while(|(key, ..)| after.is_none_or(|after| key.as_slice() < after)).collect();
            before.reverse();
            before.into_iter().take(limit).map(row).collect()
        } else {
            found
                .skip_while(|(key, ..)| after.is_some_and(|after| key.as_slice() <= after))
                .take(limit)
                .map(row)
                .collect()
        })
    }

    async fn commit(&self, txn: Txn) -> Result<Version, StoreError> {
        txn.within_limits()?;
        let mut rows = self.rows();
        if let Some(check) = txn.checks.iter().find(|check| !check.holds(rows.version(check))) {
            return Err(check.conflict());
        }
        if !txn.writes.is_empty() {
            rows.revision = rows.revision.next();
            txn.writes.into_iter().for_each(|write| rows.apply(write));
            self.changes.send_replace(rows.revision);
        }
        Ok(rows.revision)
    }

    fn changes(&self) -> watch::Receiver<Version> {
        self.changes.subscribe()
    }

    async fn incarnate(&self, holder: &str) -> Result<Incarnation, StoreError> {
        lease::incarnate_alone(self, holder).await
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let (revision, rows) = {
            let rows = self.rows();
            (rows.revision, rows.tables.clone())
        };
        let rows = rows.into_iter().map(|((table, key), (version, value))| (table, Row { key, value, version }));
        write_copy(to, revision, rows)
    }
}

#[cfg(test)]
mod tests {
    crate::store::conformance::conformance!((super::MemoryStore::new(), ()));
}
