//! What users see of a journal: the calls of a task, whether it runs, has ended, or is packed.

use cloudark_api::ids::OperationId;
use cloudark_api::journal::{CallEffect, CallOutcome, JournalEntry, Recorded};
use serde_json::Value;

use super::model::{OperationRow, TaskRow};
use super::{Engine, EngineError};
use crate::host::scope::TaskId;
use crate::host::trail::clean;
use crate::journal::{Body, Call, DurableError, Effect, Entry, Proof, State, archive};
use crate::store::{Key, StoreError, Table, Typed};

impl Engine {
    /// The journal of a task, from its first call.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; [`EngineError::Forgotten`] when it was kept long enough.
    pub async fn journal(&self, id: &OperationId, number: u32) -> Result<Vec<JournalEntry>, EngineError> {
        let store = &*self.services.store;
        let not_found = |what, name: String| EngineError::NotFound { what, name };
        let operation = store.get_json::<OperationRow>(Table::Operation, &Key::new().text(&id.0)).await?;
        let operation = operation.ok_or_else(|| not_found("operation", id.to_string()))?;
        let task = TaskId { operation: id.clone(), number };
        if store.get_json::<TaskRow>(Table::Task, &task.key()).await?.is_none() {
            return Err(not_found("task", format!("{number} of operation {id}")));
        }
        let entries = archive::read(store, &task.key()).await.map_err(|error| match error {
            DurableError::Store(error) => error,
            other => StoreError::Corrupt { what: format!("task {number} of operation {id}: {other}") },
        })?;
        if entries.is_empty() && !self.retention.is_kept(&operation.value).await? {
            return Err(EngineError::Forgotten { operation: id.clone() });
        }
        Ok((0..).zip(&entries).map(|(position, entry)| shown(position, entry)).collect())
    }
}

/// An entry, as users see it.
fn shown(position: u32, entry: &Entry) -> JournalEntry {
    let what = match &entry.body {
        Body::Call(call) => shown_call(call),
        Body::Note(note) => {
            Recorded::Note { function: note.function.clone(), request: json(&note.request), result: json(&note.result) }
        }
        Body::Attempt(attempt) => Recorded::Wait {
            looks: attempt.count,
            since_ms: attempt.first_start.0,
            until_ms: attempt.deadline().0,
            note: clean(&attempt.note),
        },
        Body::Slept(slept) => Recorded::Slept { until_ms: slept.until.0, note: clean(&slept.note) },
    };
    JournalEntry { position, at_ms: entry.at.0, what }
}

fn shown_call(call: &Call) -> Recorded {
    let (outcome, result) = match &call.state {
        State::Open => (CallOutcome::Open, None),
        State::Done { result, proof, .. } => {
            let outcome = match proof {
                Proof::Performed => CallOutcome::Performed,
                Proof::Answered => CallOutcome::Answered,
                Proof::NotPerformed => CallOutcome::NotPerformed,
                Proof::Lost => CallOutcome::Lost,
            };
            (outcome, Some(json(result)))
        }
    };
    let effect = match call.effect {
        Effect::Read => CallEffect::Read,
        Effect::Idempotent => CallEffect::Idempotent,
        Effect::Once => CallEffect::Once,
    };
    let (function, summary) = (call.function.clone(), clean(&call.summary));
    Recorded::Call { function, summary, effect, outcome, request: json(&call.request), result }
}

/// JSON that the journal has as text.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::journal::{Attempt, Millis};
    use serde_json::json;

    #[test]
    fn an_entry_is_shown_with_its_request_and_what_became_of_it() {
        let call = Call {
            function: "http.send".to_owned(),
            request: r#"{"method":"POST"}"#.to_owned(),
            effect: Effect::Once,
            summary: "POST /things\u{1b}[2J".to_owned(),
            send_before: Millis(0),
            settles_at: Millis(0),
            sent_again: false,
            state: State::Open,
        };
        let entry = |call: Call| Entry::new(Millis(5), Millis(7), Body::Call(call));
        let open = serde_json::to_value(shown(3, &entry(call.clone()))).unwrap();
        assert_eq!(open["position"], 3);
        assert_eq!(open["at_ms"], 7);
        assert_eq!(
            (&open["entry"], &open["outcome"], &open["effect"]),
            (&json!("call"), &json!("open"), &json!("once"))
        );
        assert_eq!((&open["request"]["method"], &open["result"]), (&json!("POST"), &Value::Null));
        assert!(!open["summary"].as_str().unwrap().contains('\u{1b}'));
        let state = State::Done { result: "{\"ok\":1}".to_owned(), proof: Proof::NotPerformed, owned: Vec::new() };
        let done = serde_json::to_value(shown(3, &entry(Call { state, ..call }))).unwrap();
        assert_eq!((&done["outcome"], &done["result"]["ok"]), (&json!("not-performed"), &json!(1)));
    }

    #[test]
    fn a_wait_is_shown_with_its_looks_and_its_deadline() {
        let attempt = Attempt {
            give_up_after_ms: 60,
            first_start: Millis(40),
            count: 9,
            now: Millis(90),
            wake_at: None,
            late_faults: 0,
            expired: false,
            note: "database is creating".to_owned(),
        };
        let shown = shown(0, &Entry::new(Millis(40), Millis(40), Body::Attempt(attempt)));
        let note = "database is creating".to_owned();
        assert_eq!(shown.what, Recorded::Wait { looks: 9, since_ms: 40, until_ms: 100, note });
    }
}
