//! The operations under way: which tasks run, the timer, recovery.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use cloudark_api::ids::OperationId;
use cloudark_api::operation::{EventKind, OperationStatus};
use tokio::sync::{Mutex, Notify};

use super::Engine;
use super::events::Sequence;
use super::execute::keep_unsettled;
use super::graph::{Next, next};
use super::inputs::Place;
use super::model::{OperationRow, TaskRow, TaskState};
use crate::host::{SharedSequence, TaskId, wall};
use crate::journal::{Entry, Journal};
use crate::store::{Key, StoreError, Table, Txn, Typed, Version};

/// An operation in memory: its rows, and which of its tasks run at this moment.
pub struct Active {
    pub(super) row: Arc<OperationRow>,
    pub(super) version: Version,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) running: BTreeSet<u32>,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) events: SharedSequence,
    /// Up to which change of credentials the accounts of its clouds were checked.
    pub(super) bound_at: Option<u64>,
    /// Read by the first run.
    pub(super) place: Option<Arc<Place>>,
    /// A task has ended that [`next`] has not seen. Tasks end together, as their commits do: who looks first, looks for
    /// all, or each of many tasks would look at all the others.
    pub(super) has_ended: bool,
}

/// When which task wakes up.
#[derive(Default)]
pub(super) struct Timer {
    due: SyncMutex<BTreeMap<(u64, TaskId), ()>>,
    changed: Notify,
}

impl Timer {
    fn at(&self, due_ms: u64, task: TaskId) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).insert((due_ms, task), ());
        self.changed.notify_one();
    }

    /// The task does not wait any more: it ended before its time.
    fn forget(&self, due_ms: u64, task: TaskId) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).remove(&(due_ms, task));
    }

    fn len(&self) -> usize {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The tasks that are due, and how long until the next.
    fn take_due(&self, now_ms: u64) -> (Vec<TaskId>, Option<Duration>) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks = Vec::new();
        while let Some(entry) = due.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            tasks.push(entry.remove_entry().0.1);
        }
        let next = due.first_key_value().map(|((at, _), ())| Duration::from_millis(at.saturating_sub(now_ms)));
        (tasks, next)
    }
}

/// The key under which an operation that has not ended is found after a restart.
pub(super) fn open_key(operation: &OperationId) -> Key {
    Key::new().text("open").text(&operation.0)
}

impl Engine {
    /// Takes up every operation that has not ended, and runs the timer from then on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recover(self: &Arc<Self>) -> Result<usize, StoreError> {
        let open = self.services.store.scan(Table::Timer, &Key::new().text("open"), None, usize::MAX, false).await?;
        let mut count = 0;
        for row in open {
            let mut reader = crate::store::KeyReader::new(&row.key);
            let Ok(operation) = reader.text().and_then(|_| reader.text()) else { continue };
            let operation = OperationId(operation);
            self.wake_operation(&operation).await;
            count += 1;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move { engine.run_timer().await });
        self.keep_and_forget();
        Ok(count)
    }

    async fn run_timer(self: Arc<Self>) {
        loop {
            let (due, next) = self.timer.take_due(wall().0);
            let mut operations: BTreeSet<OperationId> = BTreeSet::new();
            for task in due {
                operations.insert(task.operation);
            }
            self.waiting.store(self.timer.len() as u64, Ordering::Relaxed);
            for operation in operations {
                let engine = Arc::clone(&self);
                tokio::spawn(async move { engine.advance(&operation).await });
            }
            let pause = next.unwrap_or(Duration::from_secs(3600));
            let _ = tokio::time::timeout(pause, self.timer.changed.notified()).await;
        }
    }

    /// Tasks that wait.
    #[must_use]
    pub fn waiting_tasks(&self) -> u64 {
        self.timer.len() as u64
    }

    /// Operations with a task that runs at this moment.
    pub async fn running_operations(&self) -> u64 {
        self.active.lock().await.len() as u64
    }

    pub(super) fn sleep(&self, task: TaskId, due_ms: u64) {
        self.timer.at(due_ms, task);
    }

    /// Loads an operation, sets the timer for its waiting tasks, and lets it go on.
    async fn wake_operation(self: &Arc<Self>, operation: &OperationId) {
        match self.load(operation).await {
            Ok(Some(active)) => {
                let active = active.lock().await;
                for task in &active.tasks {
                    if let TaskState::Waiting { due, .. } = &task.state {
                        self.sleep(task.id(operation), due.0);
                    }
                }
            }
            Ok(None) => return,
            Err(error) => tracing::error!(%operation, %error, "an operation cannot be loaded"),
        }
        self.advance(operation).await;
    }

    /// The operation in memory, loaded if it is not.
    pub(super) async fn load(&self, operation: &OperationId) -> Result<Option<Arc<Mutex<Active>>>, StoreError> {
        let mut all = self.active.lock().await;
        if let Some(active) = all.get(operation) {
            return Ok(Some(Arc::clone(active)));
        }
        let store = &*self.services.store;
        let Some(row) = store.get_json::<OperationRow>(Table::Operation, &Key::new().text(&operation.0)).await? else {
            return Ok(None);
        };
        let tasks =
            store.scan_json::<TaskRow>(Table::Task, &Key::new().text(&operation.0), None, usize::MAX, false).await?;
        let active = Active {
            cancelled: Arc::new(AtomicBool::new(row.value.is_cancelled())),
            row: Arc::new(row.value),
            version: row.version,
            tasks: tasks.into_iter().map(|task| task.value).collect(),
            running: BTreeSet::new(),
            events: Arc::new(SyncMutex::new(Sequence::load(store, operation).await?)),
            bound_at: None,
            place: None,
            has_ended: true,
        };
        let active = Arc::new(Mutex::new(active));
        all.insert(operation.clone(), Arc::clone(&active));
        Ok(Some(active))
    }

    /// Lets an operation go on as far as it can: starts what is ready, and ends what has ended.
    pub(crate) async fn advance(self: &Arc<Self>, operation: &OperationId) {
        self.advance_if(operation, true).await;
    }

    /// [`Self::advance`] after a task has ended, unless somebody has looked since.
    pub(super) async fn advance_after_task(self: &Arc<Self>, operation: &OperationId) {
        self.advance_if(operation, false).await;
    }

    async fn advance_if(self: &Arc<Self>, operation: &OperationId, has_changed: bool) {
        if let Err(error) = self.try_advance(operation, has_changed).await {
            tracing::warn!(%operation, %error, "an operation cannot go on now; it is tried again");
            self.sleep(TaskId { operation: operation.clone(), number: u32::MAX }, wall().0.saturating_add(1_000));
        }
    }

    async fn try_advance(self: &Arc<Self>, operation: &OperationId, mut has_changed: bool) -> Result<(), StoreError> {
        loop {
            let Some(shared) = self.load(operation).await? else { return Ok(()) };
            let mut active = shared.lock().await;
            has_changed |= std::mem::take(&mut active.has_ended);
            if !has_changed {
                return Ok(());
            }
            match next(&active.row, &active.tasks, &active.running, wall()) {
                Next::Run(ready) => {
                    for number in ready {
                        active.running.insert(number);
                        let engine = Arc::clone(self);
                        let task = TaskId { operation: operation.clone(), number };
                        let shared = Arc::clone(&shared);
                        tokio::spawn(engine.executing(task, shared));
                    }
                }
                Next::Settle(settled) => {
                    let mut txn = Txn::new();
                    let mut events = Vec::new();
                    let mut changed = active.tasks.clone();
                    let mut asleep = Vec::new();
                    for (number, state) in settled {
                        let Some(task) = changed.get_mut(number as usize) else { continue };
                        if let TaskState::Waiting { due, .. } = task.state {
                            asleep.push((due.0, task.id(operation)));
                        }
                        task.state = state;
                        task.ended = Some(wall());
                        if task.started.is_some() {
                            txn = txn.and(self.unsettled_of(&active.row, task).await?);
                        }
                        events.push(EventKind::Task { task: task.view(false, false) });
                        txn = txn.put_json(Table::Task, task.id(operation).key(), &*task)?;
                    }
                    txn = txn.and(write(&active.events, operation, events));
                    self.services.store.commit(txn).await?;
                    active.tasks = changed;
                    for (due, task) in asleep {
                        self.timer.forget(due, task);
                    }
                    continue;
                }
                Next::RollBack(back) => {
                    self.begin_rollback(&mut active, back).await?;
                    continue;
                }
                Next::End(status, errors) => {
                    let follower = self.end(&mut active, status, errors).await?;
                    drop(active);
                    self.active.lock().await.remove(operation);
                    self.retention.ended(operation.clone());
                    if let Some(follower) = follower {
                        tokio::spawn(Arc::clone(self).waking(follower));
                    }
                    return Ok(());
                }
                Next::Wait => {}
            }
            // Nothing runs: it is its rows and its timer entries again. Large ones stay: loading them at each
            // wake-up would cost more than keeping them. One that has ended never stays: of tasks that end together,
            // the last to look may have loaded it again.
            let is_kept = active.tasks.len() >= KEPT_FROM && !active.row.status.is_final();
            if active.running.is_empty() && !is_kept {
                drop(active);
                let mut all = self.active.lock().await;
                if Arc::strong_count(&shared) <= 2 {
                    all.remove(operation);
                }
            }
            return Ok(());
        }
    }

    /// [`Self::execute`], as a type of its own: it advances its operation, which executes tasks.
    fn executing(
        self: Arc<Self>,
        task: TaskId,
        shared: Arc<Mutex<Active>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.execute(task, shared))
    }

    /// [`Self::wake_operation`], as a type of its own: an operation that ends wakes the one that waited.
    fn waking(self: Arc<Self>, operation: OperationId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { self.wake_operation(&operation).await })
    }

    /// What a task that will not run again has sent without learning how it ended.
    async fn unsettled_of(&self, operation: &OperationRow, task: &TaskRow) -> Result<Txn, StoreError> {
        let journal = task.id(&operation.id).key();
        let rows = self.services.store.scan_json::<Entry>(Table::Journal, &journal, None, usize::MAX, false).await?;
        let journal = Journal::load(rows.into_iter().map(|row| row.value).collect(), task.woken);
        keep_unsettled(operation, task, &journal)
    }

    async fn begin_rollback(&self, active: &mut Active, back: Vec<TaskRow>) -> Result<(), StoreError> {
        let operation = active.row.id.clone();
        let mut row = OperationRow::clone(&active.row);
        row.status = OperationStatus::RollingBack;
        row.tasks = row.tasks.saturating_add(u32::try_from(back.len()).unwrap_or(u32::MAX));
        let mut events = vec![EventKind::Operation { status: row.status }];
        let mut txn = Txn::new()
            .check_version(Table::Operation, Key::new().text(&operation.0), active.version)
            .put_json(Table::Operation, Key::new().text(&operation.0), &row)?;
        for task in &back {
            txn = txn.put_json(Table::Task, task.id(&operation).key(), task)?;
            events.push(EventKind::Task { task: task.view(false, false) });
        }
        txn = txn.and(write(&active.events, &operation, events));
        active.version = self.services.store.commit(txn).await?;
        active.row = Arc::new(row);
        active.tasks.extend(back);
        Ok(())
    }
}

/// Operations with at least so many tasks stay in memory while they wait.
const KEPT_FROM: usize = 32;

/// Events of an operation, to be written.
pub(super) fn write(sequence: &SharedSequence, operation: &OperationId, events: Vec<EventKind>) -> Txn {
    if events.is_empty() {
        return Txn::new();
    }
    sequence.lock().unwrap_or_else(PoisonError::into_inner).write(operation, events)
}
