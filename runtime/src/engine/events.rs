//! Events of operations: written with the rows they tell of, read from the store.

use cloudark_api::ids::OperationId;
use cloudark_api::operation::{Event, EventKind};

use crate::host::wall;
use crate::store::{Key, KeyReader, Store, StoreError, Table, Txn, Typed};

/// Numbers the events of one operation. Numbers rise; a write that failed leaves a gap.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// After the last that is stored.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(store: &dyn Store, operation: &OperationId) -> Result<Self, StoreError> {
        let last = store.scan(Table::Event, &prefix(operation), None, 1, true).await?;
        let last = last.first().and_then(|row| sequence(&row.key)).unwrap_or(0);
        Ok(Self(last))
    }

    /// Events, to be written.
    pub fn write(&mut self, operation: &OperationId, events: Vec<EventKind>) -> Txn {
        let at_ms = wall().0;
        events.into_iter().fold(Txn::new(), |txn, what| {
            self.0 = self.0.saturating_add(1);
            let event = Event { sequence: self.0, at_ms, what };
            let value = serde_json::to_vec(&event).unwrap_or_default();
            txn.put(Table::Event, prefix(operation).u64(self.0), value)
        })
    }
}

/// Events after this number, in order, at most so many.
///
/// # Errors
/// Those of the store.
pub async fn read(
    store: &dyn Store,
    operation: &OperationId,
    after: u64,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let prefix = prefix(operation);
    let last = prefix.clone().u64(after);
    let rows = store.scan_json::<Event>(Table::Event, &prefix, Some(&last), limit, false).await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

fn prefix(operation: &OperationId) -> Key {
    Key::new().text(&operation.0)
}

fn sequence(key: &[u8]) -> Option<u64> {
    let mut reader = KeyReader::new(key);
    reader.text().ok()?;
    reader.u64().ok()
}
