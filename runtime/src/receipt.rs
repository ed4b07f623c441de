//! Receipts: the answer to a request, written in the same transaction as what the request has begun.
//!
//! A client that got no answer sends its request again, with the same key. Between the transaction that begins an
//! operation and the answer a server can be killed; only a receipt that is part of that transaction tells the next
//! one that the request was performed, and what its answer was.
//!
//! The key comes with the request, the transaction is made deep in the engine: the receipt in between belongs to
//! the task that performs the request ([`Receipt::scope`], [`receipt`]).

use cloudark_api::operation::Accepted;
use serde::{Deserialize, Serialize};

use crate::host::wall;
use crate::journal::Millis;
use crate::store::{Key, StoreError, Table, Txn};

tokio::task_local! {
    static CURRENT: Receipt;
}

/// A row of `Table::Idempotency`, by key: an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// SHA-256 of what was asked.
    pub request: String,
    /// When it was answered.
    pub at: Millis,
    /// The HTTP status.
    pub status: u16,
    /// The header of that name.
    pub content_type: Option<String>,
    /// The header of that name.
    pub location: Option<String>,
    /// The body: JSON.
    pub body: String,
}

/// For one request that is being performed.
#[derive(Debug, Clone)]
pub struct Receipt {
    key: Key,
    request: String,
}

impl Receipt {
    /// Under this key, for the request of this digest.
    #[must_use]
    pub fn new(key: Key, request: String) -> Self {
        Self { key, request }
    }

    /// Performs a request under this receipt.
    pub async fn scope<F: Future>(self, performed: F) -> F::Output {
        CURRENT.scope(self, performed).await
    }

    fn txn(&self, accepted: &Accepted) -> Result<Txn, StoreError> {
        let given = Given {
            request: self.request.clone(),
            at: wall(),
            status: 202,
            content_type: Some("application/json".to_owned()),
            location: Some(location(accepted)),
            body: serde_json::to_string(accepted).unwrap_or_default(),
        };
        Txn::new().put_json(Table::Idempotency, &self.key, &given)
    }
}

/// Where the operation is that was begun.
#[must_use]
pub fn location(accepted: &Accepted) -> String {
    format!("/v1/operations/{}", accepted.operation)
}

/// The receipt of the request that this task performs, to be committed with what it begins; nothing if it has none.
///
/// # Errors
/// [`StoreError::Encode`].
pub fn receipt(accepted: &Accepted) -> Result<Txn, StoreError> {
    CURRENT.try_with(|receipt| receipt.txn(accepted)).unwrap_or_else(|_| Ok(Txn::new()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, Store as _, Typed as _};
    use cloudark_api::ids::OperationId;

    #[tokio::test]
    async fn what_was_begun_and_its_answer_are_written_together() {
        let accepted = Accepted { operation: OperationId("01j".to_owned()), diagnostics: Vec::new() };
        assert_eq!(receipt(&accepted).unwrap(), Txn::new(), "a request without a key has no receipt");
        let store = MemoryStore::new();
        let receipt_of = Receipt::new(Key::new().text("k"), "digest".to_owned());
        receipt_of.scope(async { store.commit(receipt(&accepted).unwrap()).await.unwrap() }).await;
        let given = store.get_json::<Given>(Table::Idempotency, &Key::new().text("k")).await.unwrap().unwrap().value;
        assert_eq!((given.status, given.request.as_str()), (202, "digest"));
        assert_eq!(given.location.as_deref(), Some("/v1/operations/01j"));
        assert!(given.body.contains("01j"));
    }
}
