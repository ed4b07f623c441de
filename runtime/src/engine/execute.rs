//! One run of one task: claim it, run its export, and write how it ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use cloudark_api::ids::EnvironmentId;
use cloudark_api::operation::EventKind;
use tokio::sync::Mutex;

use super::Engine;
use super::ending::degraded;
use super::inputs::Place;
use super::model::{Action, Drift, Inputs, Made, OperationRow, RecordRow, TaskRow, TaskState, record_key};
use super::outcome::{Outcome, outcome};
use super::rehearsal::called;
use super::schedule::{Active, write};
use crate::crash::{self, Phase};
use crate::host::scope::PieceKey;
use crate::host::trail::clean;
use crate::host::{Host, TaskId, wall};
use crate::journal::{DurableError, DurableJournal, Journal, Millis};
use crate::sandbox::bindings::types::UnsettledCall;
use crate::sandbox::run::Finished;
use crate::sandbox::{Interrupt, Returned, RunEnd};
use crate::store::lease::{self, Standing};
use crate::store::{Key, StoreError, Table, Txn, Typed};

/// Why a run could not take place, or could not be written. Nothing is lost: it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] DurableError),
    /// Another account, an extension that is not there: the operator has to mend it, then it goes on.
    #[error("{0}")]
    Held(String),
    /// Another server's run has it, and its row.
    #[error("another server (start {0}) works on it")]
    Elsewhere(String),
    /// The store takes no writes now: nothing was sent.
    #[error("the store takes no writes: {0}")]
    Unwritable(String),
}

/// How long a task is held before it looks again whether the operator has mended what holds it, in
/// milliseconds.
const HELD_MS: u64 = 15_000;
/// How long after a fault of the store a run is tried again, in real milliseconds.
const STORE_FAULT_MS: u64 = 1_000;

impl Engine {
    /// Runs a task once, and lets its operation go on.
    pub(super) async fn execute(self: Arc<Self>, task: TaskId, shared: Arc<Mutex<Active>>) {
        let pause = match self.run_once(&task, &shared).await {
            Ok(()) => None,
            Err(RunFault::Held(reason)) => {
                tracing::warn!(%task, reason, "held");
                self.tell_held(&task, &shared, &reason).await;
                // Shortened as waits are, though never to a rush.
                Some(self.services.timing.real_ms(HELD_MS).max(100))
            }
            Err(fault) => {
                tracing::warn!(%task, %fault, "a run could not be written; it is tried again");
                Some(STORE_FAULT_MS)
            }
        };
        if let Some(pause) = pause {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
        {
            let mut active = shared.lock().await;
            active.running.remove(&task.number);
            active.has_ended = true;
        }
        drop(shared);
        self.advance_after_task(&task.operation).await;
    }

    async fn run_once(self: &Arc<Self>, id: &TaskId, shared: &Arc<Mutex<Active>>) -> Result<(), RunFault> {
        let permit = self.permits.acquire().await;
        let store = &self.services.store;
        let changes = self.services.clouds.changes();
        let (operation, mut task, cancelled, place, is_bound, sequence) = {
            let mut active = shared.lock().await;
            let Some(task) = active.tasks.get(id.number as usize).cloned() else { return Ok(()) };
            let place = match &active.place {
                Some(place) => Arc::clone(place),
                None => {
                    let place = Arc::new(self.place(&active.row).await?);
                    Arc::clone(active.place.insert(place))
                }
            };
            let is_bound = active.bound_at == Some(changes);
            (Arc::clone(&active.row), task, Arc::clone(&active.cancelled), place, is_bound, Arc::clone(&active.events))
        };
        if !is_bound {
            self.check_binding(&operation, &place).await?;
            shared.lock().await.bound_at = Some(changes);
        }
        let key = id.key();
        let claim = match lease::standing(&**store, &self.incarnation, &key).await? {
            Standing::Free(claim) | Standing::Ours(claim) => claim,
            Standing::Held(other) => return Err(RunFault::Elsewhere(other.to_string())),
        };
        if let TaskState::Waiting { wake_at, .. } = task.state {
            task.woken = task.woken.max(wake_at);
        }
        // Until it sleeps again its row says that it is to be run: a server that finds it so runs it.
        let was_asleep = !matches!(task.state, TaskState::Pending);
        task.state = TaskState::Pending;
        let mut first = claim.with(Txn::new())?;
        let is_first = task.started.is_none();
        if is_first {
            task.started = Some(wall());
            task.inputs = Some(self.inputs_of(&operation, &task).await?);
            if task.generation > 1 {
                first = first.put(
                    Table::History,
                    generation_key(&operation.environment_id, &task.piece),
                    task.generation.to_string(),
                );
            }
        }
        if is_first || was_asleep {
            first = first.put_json(Table::Task, &key, &task)?;
        }
        if is_first {
            let view = task.view(true, true);
            first = first.and(write(&sequence, &id.operation, vec![EventKind::Task { task: view }]));
        }
        let version = store.commit(first).await?;
        let lease = claim.granted(version);
        shared.lock().await.put(&task);

        let ignores_cancel = operation.is_delete() || task.rollback;
        let cancelled = if ignores_cancel { Arc::default() } else { cancelled };
        let prepared = self.prepare(&operation, &task, &place, cancelled, sequence).await?;
        let journal = DurableJournal::open(Arc::clone(store), key, lease, task.woken).await?;
        let woken = task.woken;
        let mut finished = match prepared.immediate {
            // What the inputs themselves rule out ends the task like a failure of its export.
            Some(failure) => {
                Finished { end: RunEnd::Failed(failure), journal, host: prepared.host, output: String::new() }
            }
            None => self.sandbox.run(&prepared.loaded, prepared.host, journal, &prepared.call).await,
        };
        drop(permit);
        // With what may be the last run's end; a run that waits is followed by another.
        if matches!(finished.end, RunEnd::Returned(_) | RunEnd::Failed(_)) {
            finished.journal.stage(called(id, woken, &prepared.call));
        }
        let position = u32::try_from(finished.journal.journal().cursor()).unwrap_or(u32::MAX);
        let label = finished.host.scope.label.clone();
        crash::reach(&label, position, Phase::BeforeEnd);
        self.written(id, shared, &operation, task, finished).await?;
        crash::reach(&label, position, Phase::AfterEnd);
        Ok(())
    }

    /// Writes how a run ended.
    async fn written(
        self: &Arc<Self>,
        id: &TaskId,
        shared: &Arc<Mutex<Active>>,
        operation: &OperationRow,
        mut task: TaskRow,
        finished: Finished,
    ) -> Result<(), RunFault> {
        let Finished { end, mut journal, mut host, output } = finished;
        if !output.trim().is_empty() {
            let message = clean(&host.identity.scrub(&output));
            host.trail.push(EventKind::Log { task: id.number, level: "info".to_owned(), message });
        }
        if let RunEnd::Trapped(message) = &end {
            tracing::warn!(task = %id, message, "a guest trapped");
        }
        let outcome = outcome(end, task.retries, task.action.takes_away(), &self.retry, rand::random());
        let note_before = task.note.clone();
        if let Some(note) = host.trail.take_progress() {
            task.note = note;
        }
        match outcome {
            Outcome::Parked(calls) => {
                // Its entries are durable before the instance is gone; the lease stays until the calls end.
                let txn = Self::with_events(&mut host, (task.note != note_before).then_some(&task));
                journal.flush(txn).await?;
                shared.lock().await.put(&task);
                let mut again = None;
                for (position, performed) in calls.ended().await {
                    let Some(performed) = performed else {
                        return Err(RunFault::Unwritable("the server is stopping".to_owned()));
                    };
                    crash::reach(&host.scope.label, position, Phase::AfterAnswer);
                    again = self.take_in(&mut host, &mut journal, position, performed).await?.or(again);
                }
                // A parked call that broke off is a passing fault like any other.
                if let Some(reason) = again {
                    let end = RunEnd::Interrupted(Interrupt::Retry { reason, retry_after_s: None });
                    let finished = Finished { end, journal, host, output: String::new() };
                    return Box::pin(self.written(id, shared, operation, task, finished)).await;
                }
                let txn = Self::with_events(&mut host, None);
                journal.close(txn.must_land()).await?;
                Ok(())
            }
            Outcome::StoreFault(reason) => Err(RunFault::Unwritable(reason)),
            Outcome::Sleep { wake_at, after_ms, note } => {
                task.retries = 0;
                task.note = note;
                self.asleep(id, shared, task, &note_before, host, journal, wake_at, after_ms, false).await
            }
            Outcome::Retry { after_ms, note } => {
                task.retries = if journal.journal().has_progressed() { 1 } else { task.retries.saturating_add(1) };
                let wake_at = journal.journal().now().max(wall()).plus(after_ms);
                let removed = journal.journal_mut().retry(wake_at);
                task.note = clean(&note);
                if removed > 0 {
                    tracing::debug!(task = %id, removed, "reads and notes of the failed run were removed");
                }
                self.asleep(id, shared, task, &note_before, host, journal, wake_at, after_ms, true).await
            }
            Outcome::Done(returned) => self.done(id, shared, operation, task, host, journal, returned).await,
            Outcome::Failed { kind, message } => {
                self.failed(id, shared, operation, task, host, journal, kind, &message).await
            }
        }
    }

    /// The row, the timer and the end of the lease of a task that sleeps.
    #[allow(clippy::too_many_arguments, reason = "all that a run leaves")]
    async fn asleep(
        &self,
        id: &TaskId,
        shared: &Arc<Mutex<Active>>,
        mut task: TaskRow,
        note_before: &str,
        mut host: Host,
        journal: DurableJournal,
        wake_at: Millis,
        after_ms: u64,
        retrying: bool,
    ) -> Result<(), RunFault> {
        let due = wall().plus(self.services.timing.real_ms(after_ms));
        task.state = TaskState::Waiting { wake_at, due, retrying };
        let tell = (task.note != note_before || retrying).then_some(&task);
        let txn = Self::with_events(&mut host, tell);
        journal.close(txn.put_json(Table::Task, id.key(), &task)?.must_land()).await?;
        shared.lock().await.put(&task);
        self.sleep(id.clone(), due.0);
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "all that a run leaves")]
    async fn done(
        &self,
        id: &TaskId,
        shared: &Arc<Mutex<Active>>,
        operation: &OperationRow,
        mut task: TaskRow,
        mut host: Host,
        journal: DurableJournal,
        returned: Returned,
    ) -> Result<(), RunFault> {
        let mut returned = returned;
        scrub_returned(&mut returned, &host);
        let key = record_key(&operation.environment_id, &task.piece);
        let existing = self.services.store.get_json::<RecordRow>(Table::Record, &key).await?.map(|row| row.value);
        let summary = match &returned {
            Returned::Instance(instance) => Some(instance.summary.clone()),
            Returned::Deployment(deployment) => Some(deployment.summary.clone()),
            _ => None,
        };
        task.note = summary.map(|summary| clean(&summary)).unwrap_or_default();
        let made = |made: Made| RecordRow {
            piece: task.piece.clone(),
            kind: task.kind.clone(),
            cloud: task.cloud.clone(),
            generation: task.generation,
            config: task.config.clone(),
            attempted: None,
            problem: None,
            drift: None,
            made,
            digest: task.digest,
        };
        let mut write = Txn::new();
        match returned {
            Returned::Instance(instance) => {
                write = write.put_json(Table::Record, &key, &made(Made::Instance(instance)))?
            }
            Returned::Deployment(deployment) => {
                write = write.put_json(Table::Record, &key, &made(Made::Deployment(deployment)))?
            }
            Returned::Found(found) => {
                if let Some(record) = existing {
                    write = write.put_json(Table::Record, &key, &refreshed(record, found.map(Made::Instance)))?;
                }
            }
            Returned::FoundDeployment(found) => {
                if let Some(record) = existing {
                    write = write.put_json(Table::Record, &key, &refreshed(record, found.map(Made::Deployment)))?;
                }
            }
            // A piece that was replaced has a record of its new generation only after it was made anew.
            Returned::Nothing => write = write.delete(Table::Record, &key),
            Returned::Description(_) | Returned::Problems(_) | Returned::Plan(_) | Returned::Logs(_) => {}
        }
        if matches!(task.action, Action::Read | Action::ReadApplication) {
            task.note = String::new();
        }
        if task.action.takes_away() {
            write = write.delete(Table::History, unsettled_key(operation, &task));
        }
        task.state = TaskState::Done;
        task.ended = Some(wall());
        let txn = Self::with_events(&mut host, Some(&task));
        journal.close(txn.and(write).put_json(Table::Task, id.key(), &task)?.must_land()).await?;
        shared.lock().await.put(&task);
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "all that a run leaves")]
    async fn failed(
        &self,
        id: &TaskId,
        shared: &Arc<Mutex<Active>>,
        operation: &OperationRow,
        mut task: TaskRow,
        mut host: Host,
        journal: DurableJournal,
        kind: &str,
        message: &str,
    ) -> Result<(), RunFault> {
        let message = clean(&host.identity.scrub(message));
        let key = record_key(&operation.environment_id, &task.piece);
        let mut write = Txn::new();
        // A change that failed deletes nothing: the last good record stays, with what was tried.
        if let Some(record) = self.services.store.get_json::<RecordRow>(Table::Record, &key).await?
            && matches!(task.action, Action::Update | Action::Redeploy | Action::Prepare)
        {
            write = write.put_json(Table::Record, &key, &degraded(record.value, &task, &message))?;
        }
        write = write.and(keep_unsettled(operation, &task, journal.journal())?);
        task.note.clone_from(&message);
        task.state = if kind == "cancelled" {
            TaskState::Cancelled
        } else {
            TaskState::Failed { kind: kind.to_owned(), message }
        };
        task.ended = Some(wall());
        let txn = Self::with_events(&mut host, Some(&task));
        journal.close(txn.and(write).put_json(Table::Task, id.key(), &task)?.must_land()).await?;
        shared.lock().await.put(&task);
        Ok(())
    }

    async fn take_in(
        &self,
        host: &mut Host,
        journal: &mut DurableJournal,
        position: u32,
        performed: crate::host::http::Performed,
    ) -> Result<Option<String>, RunFault> {
        use crate::host::http::Taken;
        match host.take_in(position, performed).map_err(|interrupt| RunFault::Held(interrupt.to_string()))? {
            Taken::Finished { finished, write, .. } => {
                journal.stage(write);
                journal.finish(vec![finished]).await?;
            }
            Taken::Again { reason } => return Ok(Some(reason)),
        }
        Ok(None)
    }

    /// The events of a run, and its task's if it has changed.
    fn with_events(host: &mut Host, task: Option<&TaskRow>) -> Txn {
        if let Some(task) = task {
            host.trail.push(EventKind::Task { task: task.view(false, true) });
        }
        host.events()
    }

    /// Says why a task does not run: to whoever watches, and on its row.
    async fn tell_held(&self, id: &TaskId, shared: &Arc<Mutex<Active>>, reason: &str) {
        let mut active = shared.lock().await;
        let Some(task) = active.tasks.get_mut(id.number as usize) else { return };
        if task.note == reason {
            return;
        }
        reason.clone_into(&mut task.note);
        let row = Txn::new().put_json(Table::Task, id.key(), &*task);
        let view = task.view(true, true);
        let event = write(&active.events, &id.operation, vec![EventKind::Task { task: view }]);
        let written = match row {
            Ok(row) => self.services.store.commit(row.and(event)).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "an event was not written");
        }
    }

    /// What the first run of a task fixes for all its runs.
    async fn inputs_of(&self, operation: &OperationRow, task: &TaskRow) -> Result<Inputs, StoreError> {
        let unsettled = self
            .services
            .store
            .get_json::<Vec<UnsettledCall>>(Table::History, &unsettled_key(operation, task))
            .await?
            .map(|row| row.value)
            .unwrap_or_default();
        let identity = self.identity(operation, task, &BTreeSet::new()).await?;
        Ok(Inputs { names: identity.names(), unsettled })
    }

    /// Credentials of another account make "not found" mean nothing: until they are right, nothing runs.
    async fn check_binding(&self, operation: &OperationRow, place: &Place) -> Result<(), RunFault> {
        for (cloud, bound) in &place.bindings {
            let region = place.settings.get(cloud).and_then(|settings| settings.get("region"));
            let now = match self.services.clouds.access(cloud).await {
                Ok(access) => access
                    .binding(region.map(String::as_str))
                    .await
                    .map_err(|error| RunFault::Held(error.to_string()))?,
                Err(error) => return Err(RunFault::Held(error.to_string())),
            };
            if now.account != bound.account {
                return Err(RunFault::Held(format!(
                    "the credentials of {cloud} are of account {}, and the environment \"{}\" belongs to account {}: \
                     nothing is done until `cld setup {cloud}` has credentials of {}",
                    now.account, operation.environment, bound.account, bound.account
                )));
            }
        }
        Ok(())
    }
}

impl Active {
    pub(super) fn put(&mut self, task: &TaskRow) {
        if let Some(row) = self.tasks.get_mut(task.number as usize) {
            row.clone_from(task);
        }
    }
}

/// The key of the number of the newest generation of a piece that was begun: it outlives the record, which goes when
/// the generation before is deleted.
pub(super) fn generation_key(environment: &EnvironmentId, piece: &PieceKey) -> Key {
    Key::new().text(&environment.0).text("generation").text(piece.to_string())
}

fn unsettled_key(operation: &OperationRow, task: &TaskRow) -> Key {
    Key::new().text(&operation.environment_id.0).text("unsettled").text(task.piece.to_string())
}

/// Calls whose outcome never became known, or that a look may not show yet, for the next task of the piece: it has no
/// record to go by.
pub(super) fn keep_unsettled(operation: &OperationRow, task: &TaskRow, journal: &Journal) -> Result<Txn, StoreError> {
    let earlier = task.inputs.iter().flat_map(|inputs| inputs.unsettled.iter().cloned());
    let unsettled: Vec<UnsettledCall> = journal
        .unsettled()
        .chain(journal.fresh(wall()))
        .map(|call| UnsettledCall {
            function: call.function.clone(),
            summary: call.summary.clone(),
            settles_at_ms: call.settles_at.0,
        })
        .chain(earlier)
        .collect();
    if unsettled.is_empty() {
        return Ok(Txn::new());
    }
    Txn::new().put_json(Table::History, unsettled_key(operation, task), &unsettled)
}

/// A record after a look at the world.
fn refreshed(record: RecordRow, found: Option<Made>) -> RecordRow {
    match found {
        None => RecordRow { drift: Some(Drift::Missing), ..record },
        Some(made) if made == record.made => RecordRow { drift: None, ..record },
        Some(made) => RecordRow { drift: None, made, ..record },
    }
}

/// What an export returned is stored and shown: no secret may be in it.
fn scrub_returned(returned: &mut Returned, host: &Host) {
    use crate::sandbox::bindings::types::OutputValue;
    let scrub_outputs = |outputs: &mut Vec<(String, OutputValue)>| {
        for (name, value) in outputs {
            *name = clean(name);
            if let OutputValue::Plain(text) = value {
                *text = host.identity.scrub(text);
            }
        }
    };
    match returned {
        Returned::Instance(instance) | Returned::Found(Some(instance)) => {
            instance.state = host.identity.scrub(&instance.state);
            instance.cloud_id = host.identity.scrub(&instance.cloud_id);
            instance.summary = host.identity.scrub(&instance.summary);
            scrub_outputs(&mut instance.outputs);
        }
        Returned::Deployment(deployment) | Returned::FoundDeployment(Some(deployment)) => {
            deployment.state = host.identity.scrub(&deployment.state);
            deployment.summary = host.identity.scrub(&deployment.summary);
            deployment.url = deployment.url.as_deref().map(|url| host.identity.scrub(url));
            scrub_outputs(&mut deployment.outputs);
        }
        _ => {}
    }
}
