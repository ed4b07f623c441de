//! Rehearsals: another version of an extension, held to the journals of what has ended.
//!
//! Each task is replayed: its export is called with what it was called with, and every host call is answered with what was
//! recorded. The first call that has no answer there ends the replay. Nothing is sent, nothing is stored, and the
//! version need not be installed.

use cloudark_api::extension::{Rehearsal, RehearsalDifference, RehearsedTask};
use cloudark_api::ids::OperationId;
use serde::{Deserialize, Serialize};

use super::model::{OperationRow, TaskRow, TaskState};
use super::{Engine, EngineError};
use crate::extensions::grants::{Grants, Mode};
use crate::host::scope::TaskId;
use crate::host::trail::clean;
use crate::host::{Host, Identity, Scope, SharedSequence, Trail};
use crate::journal::{DurableJournal, Millis, archive};
use crate::registry::Candidate;
use crate::sandbox::{ExportCall, RunEnd};
use crate::store::{Key, KeyReader, StoreError, Table, Txn, Typed};

/// At most so many tasks are replayed, the newest first: a replay takes milliseconds, but someone waits for the answer.
const MOST_TASKS: usize = 500;
/// Tasks that are looked up together.
const PAGE: usize = 64;

/// What a task's export was called with, as it was in its last run.
#[derive(Debug, Serialize, Deserialize)]
struct Called {
    /// When it had been woken up last: where its logical time was.
    woken: Millis,
    call: ExportCall,
}

/// The row of what a task's export was called with. Secrets in it are references, as everywhere in what guests see.
pub(super) fn called(task: &TaskId, woken: Millis, call: &ExportCall) -> Txn {
    let called = serde_json::to_vec(&Called { woken, call: call.clone() });
    match called.ok().and_then(|called| archive::pack([called.as_slice()])) {
        Some(packed) => Txn::new().put(Table::Call, task.key(), packed),
        // Too large to be kept: then it is not rehearsed.
        None => Txn::new().delete(Table::Call, task.key()),
    }
}

impl Engine {
    /// Replays what versions of an extension did against this one.
    ///
    /// # Errors
    /// What is wrong with the component; those of the store.
    pub async fn rehearse(&self, wasm: Vec<u8>) -> Result<Rehearsal, EngineError> {
        let candidate = self.registry.candidate(wasm, &self.services).await?;
        let mut rehearsal = Rehearsal {
            extension: candidate.name.clone(),
            version: candidate.version.clone(),
            digest: candidate.digest.to_string(),
            tasks: Vec::new(),
            is_cut: false,
        };
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.services.store.scan(Table::Call, &[], after.as_deref(), PAGE, true).await?;
            let Some(last) = page.last() else { return Ok(rehearsal) };
            after = Some(last.key.clone());
            for row in page {
                let Some(rehearsed) = self.rehearse_task(&candidate, &row.key, &row.value).await? else { continue };
                if rehearsal.tasks.len() >= MOST_TASKS {
                    rehearsal.is_cut = true;
                    return Ok(rehearsal);
                }
                rehearsal.tasks.push(rehearsed);
            }
        }
    }

    /// Replays one task; none if it has not ended, or is another extension's.
    async fn rehearse_task(
        &self,
        candidate: &Candidate,
        key: &[u8],
        packed: &[u8],
    ) -> Result<Option<RehearsedTask>, EngineError> {
        let store = &*self.services.store;
        let mut reader = KeyReader::new(key);
        let id = reader.text().and_then(|id| Ok(TaskId { operation: OperationId(id), number: reader.u32()? }));
        let id = id.map_err(|why| StoreError::bad_row(Table::Call, key, why))?;
        let Some(task) = store.get_json::<TaskRow>(Table::Task, key).await?.map(|row| row.value) else {
            return Ok(None);
        };
        let of = Key::new().text(&id.operation.0);
        let Some(operation) = store.get_json::<OperationRow>(Table::Operation, &of).await? else { return Ok(None) };
        let name = self.registry.name_of(&task.digest).await?;
        if !operation.value.status.is_final() || name.as_deref() != Some(candidate.name.as_str()) {
            return Ok(None);
        }
        let damaged = |why: String| StoreError::bad_row(Table::Call, key, why);
        let called = archive::unpack(packed).map_err(|error| damaged(error.to_string()))?.concat();
        let called: Called = serde_json::from_slice(&called).map_err(|error| damaged(error.to_string()))?;
        let entries = archive::read(store, &id.key()).await;
        let entries = entries.map_err(|error| damaged(format!("its journal: {error}")))?;
        let recorded = entries.len();
        let journal = DurableJournal::rehearsal(entries, called.woken);
        let host = self.stage(candidate, &operation.value, &task, &id).await?;
        let _permit = self.permits.acquire().await;
        let finished = self.sandbox.run(&candidate.loaded, host, journal, &called.call).await;
        let calls = finished.journal.journal().cursor().min(recorded);
        let difference = match finished.journal.journal().departure() {
            Some(departure) => Some(RehearsalDifference {
                position: departure.position,
                recorded: departure.recorded.as_deref().map(clean),
                asked: departure.asked.as_deref().map(clean),
                // How it ended matters where it asked nothing instead.
                end: departure.asked.is_none().then(|| said(&finished.end)).flatten(),
            }),
            None => other_end(&task.state, &finished.end).map(|end| RehearsalDifference {
                position: u32::try_from(recorded).unwrap_or(u32::MAX),
                recorded: None,
                asked: None,
                end: Some(end),
            }),
        };
        Ok(Some(RehearsedTask {
            operation: id.operation,
            number: id.number,
            title: task.title,
            action: task.action.name().to_owned(),
            same: u32::try_from(calls).unwrap_or(u32::MAX),
            difference,
        }))
    }

    /// A host that can do nothing: no grants, no secrets, no credentials. It is who the task was, so that all that follows
    /// from that (random numbers, the ownership mark) is as it was.
    async fn stage(
        &self,
        candidate: &Candidate,
        operation: &OperationRow,
        task: &TaskRow,
        id: &TaskId,
    ) -> Result<Host, EngineError> {
        let identity = Identity::load(&*self.services.store, &self.services.vault, "", &task.piece, 0, &[]).await?;
        let scope = Scope {
            environment_id: operation.environment_id.0.clone(),
            environment: operation.environment.to_string(),
            cloud: String::new(),
            piece: task.piece.clone(),
            generation: task.generation,
            task: Some(id.clone()),
            label: "rehearsal".to_owned(),
            extension: candidate.name.clone(),
            digest: candidate.digest,
            grants: Grants::default(),
            mode: Mode::Query,
            account: None,
            settings: std::collections::BTreeMap::new(),
            from_application: std::collections::BTreeSet::new(),
            cancelled: std::sync::Arc::default(),
            mark: Scope::mark_of(&operation.environment_id.0, &task.piece),
        };
        Ok(Host {
            scope: std::sync::Arc::new(scope),
            services: std::sync::Arc::clone(&self.services),
            identity,
            trail: Trail::default(),
            sequence: SharedSequence::default(),
        })
    }
}

/// How it ends otherwise than it did, having asked the same.
fn other_end(recorded: &TaskState, end: &RunEnd) -> Option<String> {
    match (recorded, end) {
        (TaskState::Done, RunEnd::Returned(_)) => None,
        (TaskState::Done, end) => said(end),
        (_, RunEnd::Returned(_)) => Some("it would succeed, and it failed".to_owned()),
        (_, _) => None,
    }
}

/// What is to be said of an end that is no success.
fn said(end: &RunEnd) -> Option<String> {
    match end {
        RunEnd::Returned(_) => None,
        RunEnd::Failed(failure) => Some(format!("it would fail: {}", clean(&failure.message))),
        RunEnd::Trapped(message) => Some(format!("it would crash: {}", clean(message))),
        RunEnd::Interrupted(interrupt) => Some(format!("it would be stopped: {}", clean(&interrupt.to_string()))),
    }
}
