//! What becomes of an operation after its end.
//!
//! ```text
//! open ──── ends ───► kept ──────── after `journal.keep` ───────► history
//!                     its journals are packed, at once            its row, its tasks' rows, its last event
//! ```
//!
//! Packed ([`crate::journal::archive`]) means: each task's journal is one compressed row, and reads as before. What goes in
//! the end is what tells of single calls: journals and events. What stays is what `cld env history` and `cld op show` tell:
//! what was done, when, by which component, and why it failed.
//!
//! Nothing goes that anybody needs. Names, secrets, owned ids, records and calls without an outcome are rows of their own, and
//! are not touched here; the answers of idempotency keys have a day of their own. An operation that `cld op retry` can still
//! go on with is kept whole, however old.
//!
//! What there is to do is found in the rows: a journal whose operation has ended is to be packed; the rows of `Table::Timer`
//! that begin with `kept`, in the order of the operations' ends, are to be forgotten one day. So a crash at any moment leaves
//! nothing undone. One journal is packed, and one operation forgotten, at a time, each in a transaction of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloudark_api::ids::OperationId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Engine;
use super::model::{EnvironmentRow, OperationRow, TaskRow};
use super::submit::can_retry;
use super::views::kind_name;
use crate::crash::{self, Phase};
use crate::host::wall;
use crate::journal::{Millis, archive};
use crate::store::{Key, KeyReader, Store, StoreError, Stored, Table, Txn, Typed};

/// How often it is looked whether something is to be forgotten, or was left by a fault of the store.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// Operations that are looked at together.
const PAGE: usize = 64;

/// Packs and forgets.
pub(super) struct Retention {
    store: Arc<dyn Store>,
    keep_ms: u64,
    ended: Mutex<Vec<OperationId>>,
    changed: Notify,
}

/// The row of an operation that has ended, and of which everything is kept for a time.
pub(super) fn kept_key(ended: Millis, operation: &OperationId) -> Key {
    all_kept().u64(ended.0).text(&operation.0)
}

fn all_kept() -> Key {
    Key::new().text("kept")
}

/// Whether what tells of single calls may go. `last` is the operation that its environment had last.
fn may_go(operation: &OperationRow, tasks: &[TaskRow], last: Option<&OperationId>, now: Millis, keep_ms: u64) -> bool {
    let is_old = operation.ended.is_some_and(|ended| now.since(ended) >= keep_ms);
    let can_go_on = last == Some(&operation.id) && can_retry(operation, tasks);
    operation.status.is_final() && is_old && !can_go_on
}

impl Retention {
    pub(super) fn new(store: Arc<dyn Store>, keep: Duration) -> Self {
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        Self { store, keep_ms, ended: Mutex::default(), changed: Notify::new() }
    }

    /// An operation has ended: its journals are packed soon.
    pub(super) fn ended(&self, operation: OperationId) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
        self.changed.notify_one();
    }

    /// Packs and forgets for as long as the server runs.
    async fn run(&self) {
        loop {
            let next = Instant::now() + SWEEP_EVERY;
            match self.sweep(wall()).await {
                Ok((0, 0)) => {}
                Ok((packed, forgotten)) => tracing::info!(packed, forgotten, "journals of ended operations"),
                Err(error) => tracing::warn!(%error, "ended operations cannot be packed or forgotten now"),
            }
            while Instant::now() < next {
                let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
                for operation in ended {
                    if let Err(error) = self.pack(&operation).await {
                        tracing::warn!(%operation, %error, "its journals cannot be packed now; it is tried again");
                    }
                }
                let _ = tokio::time::timeout_at(next, self.changed.notified()).await;
            }
        }
    }

    /// Packs what a crash or a fault has left, and forgets what is older than is to be kept: how many journals, how many
    /// operations.
    async fn sweep(&self, now: Millis) -> Result<(usize, usize), StoreError> {
        let packed = self.pack_all().await?;
        Ok((packed, self.forget(now).await?))
    }

    /// Packs the journals of every operation that has ended.
    async fn pack_all(&self) -> Result<usize, StoreError> {
        let mut packed = 0;
        let mut after: Option<Key> = None;
        loop {
            let rows = self.store.scan(Table::Journal, &[], after.as_deref(), 1, false).await?;
            let Some(row) = rows.first() else { return Ok(packed) };
            let (operation, _) = task_of(&row.key)?;
            packed += self.pack(&operation).await?;
            // Behind all of its tasks: most of those that are met here are under way.
            after = Some(Key::new().text(&operation.0).u32(u32::MAX).u32(u32::MAX));
        }
    }

    /// Packs the journals of an operation, if it has ended: how many.
    async fn pack(&self, id: &OperationId) -> Result<usize, StoreError> {
        let key = Key::new().text(&id.0);
        let Some(operation) = self.store.get_json::<OperationRow>(Table::Operation, &key).await? else { return Ok(0) };
        let (true, Some(ended)) = (operation.value.status.is_final(), operation.value.ended) else { return Ok(0) };
        let mut packed = 0;
        let mut after: Option<Key> = None;
        loop {
            let rows = self.store.scan(Table::Journal, &key, after.as_deref(), 1, false).await?;
            let Some(row) = rows.first() else { return Ok(packed) };
            let (_, number) = task_of(&row.key)?;
            let task = key.clone().u32(number);
            after = Some(task.clone().u32(u32::MAX));
            let rows = self.store.scan(Table::Journal, &task, None, usize::MAX, false).await?;
            let packing = tokio::task::spawn_blocking(move || archive::packing(&task, &rows)).await;
            // Too large: it stays as it is until it is forgotten.
            let Some(txn) = packing.map_err(|_| StoreError::Closed)? else { continue };
            let label = format!("{}/{number}", kind_name(operation.value.kind));
            crash::reach(&label, 0, Phase::BeforePacked);
            let txn =
                txn.check_version(Table::Operation, &key, operation.version).put(Table::Timer, kept_key(ended, id), "");
            match self.store.commit(txn).await {
                Ok(_) => packed += 1,
                // It goes on again, and is packed when it has ended again.
                Err(StoreError::Conflict { .. }) => return Ok(packed),
                Err(error) => return Err(error),
            }
            crash::reach(&label, 0, Phase::AfterPacked);
        }
    }

    /// Forgets the single calls of operations that ended long enough before `now`: how many operations.
    async fn forget(&self, now: Millis) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.store.scan(Table::Timer, &all_kept(), after.as_deref(), PAGE, false).await?;
            let Some(last) = page.last() else { return Ok(forgotten) };
            after = Some(last.key.clone());
            for row in page {
                let (ended, id) = kept(&row.key)?;
                if now.since(ended) < self.keep_ms {
                    return Ok(forgotten);
                }
                forgotten += usize::from(self.forget_one(&id, &row.key, now).await?);
            }
        }
    }

    /// Forgets the single calls of an operation, if nobody needs them.
    async fn forget_one(&self, id: &OperationId, kept: &[u8], now: Millis) -> Result<bool, StoreError> {
        let key = Key::new().text(&id.0);
        let Some(operation) = self.store.get_json::<OperationRow>(Table::Operation, &key).await? else {
            return Ok(false);
        };
        let tasks = self.store.scan_json::<TaskRow>(Table::Task, &key, None, usize::MAX, false).await?;
        let tasks: Vec<TaskRow> = tasks.into_iter().map(|task| task.value).collect();
        let name = Key::new().text(operation.value.environment.as_str());
        let environment = self.store.get_json::<EnvironmentRow>(Table::Environment, &name).await?;
        let last = environment.as_ref().and_then(|row| row.value.operation.as_ref());
        if !may_go(&operation.value, &tasks, last, now, self.keep_ms) {
            return Ok(false);
        }
        match self.store.commit(self.forgetting(&operation, &key).await?.delete(Table::Timer, kept)).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What removes the single calls of an operation.
    async fn forgetting(&self, operation: &Stored<OperationRow>, key: &Key) -> Result<Txn, StoreError> {
        let txn = Txn::new().check_version(Table::Operation, key, operation.version);
        let txn = [Table::Journal, Table::Archive, Table::Call, Table::Lease, Table::Event]
            .into_iter()
            .fold(txn, |txn, table| txn.delete_prefix(table, key));
        // The last event tells a watcher of the end, and what the next one's number would be.
        let last = self.store.scan(Table::Event, key, None, 1, true).await?;
        Ok(last.into_iter().fold(txn, |txn, event| txn.put(Table::Event, event.key, event.value)))
    }

    /// Whether everything of an ended operation is still there.
    pub(super) async fn is_kept(&self, operation: &OperationRow) -> Result<bool, StoreError> {
        let Some(ended) = operation.ended else { return Ok(true) };
        Ok(self.store.get(Table::Timer, &kept_key(ended, &operation.id)).await?.is_some())
    }
}

/// The task that an entry belongs to.
fn task_of(entry: &[u8]) -> Result<(OperationId, u32), StoreError> {
    let mut reader = KeyReader::new(entry);
    let read = reader.text().and_then(|operation| Ok((OperationId(operation), reader.u32()?)));
    read.map_err(|why| StoreError::bad_row(Table::Journal, entry, why))
}

/// When an operation ended, and which.
fn kept(key: &[u8]) -> Result<(Millis, OperationId), StoreError> {
    let mut reader = KeyReader::new(key);
    let read = reader.text().and_then(|_| Ok((Millis(reader.u64()?), OperationId(reader.text()?))));
    read.map_err(|why| StoreError::bad_row(Table::Timer, key, why))
}

impl Engine {
    /// [`Retention::run`], in the background.
    pub(super) fn keep_and_forget(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        tokio::spawn(async move { engine.retention.run().await });
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
