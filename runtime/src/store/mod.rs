//! What must outlive the server: rows, changed by transactions that check what they were decided on.
//!
//! [`Store`] is all that the rest of the server knows of a database. A decision is made on rows that were read, and is
//! written with checks that those rows are still the same ([`Txn::check_version`]); when one is not, nothing is written and
//! the answer is [`StoreError::Conflict`]. There are no locks to hold and none to leak.
//!
//! ```no_run
//! # use cloudark_runtime::store::{Key, Store, StoreError, Table, Txn};
//! # async fn rename(store: &dyn Store) -> Result<(), StoreError> {
//! let key = Key::new().text("staging");
//! let Some(row) = store.get(Table::Environment, &key).await? else { return Ok(()) };
//! let txn = Txn::new()
//!     .check_version(Table::Environment, &key, row.version)
//!     .put(Table::Environment, &key, "…");
//! let version = store.commit(txn).await?; // durable from here on
//! # Ok(()) }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`key`] | composite keys that keep their order and that no component can forge |
//! | [`typed`] | rows as JSON |
//! | [`lease`] | who works on what: incarnations of servers, fencing tokens |
//! | [`redb`] | one node: an embedded file, group commit, backup, recovery from a full disk |
//! | [`mod@bench`] | what durability costs |
//! | [`memory`] | nothing outlives it: for queries and tests |
//!
//! `docs/store.md` says how the parts work together and how another implementation (etcd) fits.

pub mod bench;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod conformance;
mod error;
pub mod key;
pub mod lease;
pub mod memory;
pub mod redb;
mod table;
mod txn;
pub mod typed;

use std::path::Path;

use async_trait::async_trait;
use tokio::sync::watch;

pub use self::{
    error::StoreError,
    key::{Key, KeyError, KeyReader},
    lease::{Fence, Incarnation, IncarnationId, Lease},
    memory::MemoryStore,
    redb::RedbStore,
    table::Table,
    txn::{Check, MAX_KEY, MAX_TXN, Row, Txn, Version, Write},
    typed::{Stored, Typed},
};

/// Rows in tables, ordered by key; transactions with compare-and-set.
///
/// Implementations are held to it by the `conformance` tests.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The row, as of the last transaction committed before the call.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError>;

    /// At most `limit` rows whose keys start with `prefix`, all as of one point in time, in the order of their keys or, if
    /// `reverse`, against it. With `after`, those that follow that key in this direction (it need not exist): to page, pass
    /// the last key of the page before.
    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError>;

    /// Makes all writes of the transaction, if all of its checks hold, at one point in time.
    ///
    /// Once it has returned `Ok`, the transaction is durable: a crash, also of the machine, does not undo it. The version is
    /// that of every row that it wrote. After an error nothing of it was written ([`StoreError::Io`] says when that is not
    /// certain). A call that is dropped before it has returned may or may not be written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] names the first check that does not hold.
    async fn commit(&self, txn: Txn) -> Result<Version, StoreError>;

    /// The version of the newest durable transaction, and a wake-up whenever there is a newer one: wait, then read what you
    /// are interested in.
    fn changes(&self) -> watch::Receiver<Version>;

    /// Why nothing is written at the moment, if so: work that has not begun yet should not begin.
    fn trouble(&self) -> Option<StoreError> {
        None
    }

    /// Registers this start of a server, and declares those dead of which the store knows that they are: their leases can be
    /// claimed from then on. `holder` says for people which server it is.
    async fn incarnate(&self, holder: &str) -> Result<Incarnation, StoreError>;

    /// Writes a copy as of one point in time to the new file `to`, while everything goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] when there is such a file.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;
}
