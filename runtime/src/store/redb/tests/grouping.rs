//! Group commit.

use std::sync::Arc;

use proptest::prelude::*;

use super::{super::disk::Done, *};
use crate::store::{MemoryStore, StoreError, Version, Write};

fn syncs(store: &RedbStore) -> usize {
    let done = store.file.faults().inject.done.lock().unwrap();
    done.iter().filter(|done| matches!(done, Done::Sync)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_wait_together_share_one_sync_and_not_their_conflicts() {
    let (store, _folder) = new();
    let store = Arc::new(store);
    let before = syncs(&store);
    store.commit(put("first", "")).await.unwrap();
    let each = syncs(&store) - before;

    // While the disk is busy with one, a hundred more come; every third is wrong.
    let gate = Arc::clone(&store);
    let held = tokio::task::spawn_blocking(move || {
        let inject = &gate.file.faults().inject;
        let busy = inject.gate.lock().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(busy);
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let before = syncs(&store);
    let commits: Vec<_> = (0..100)
        .map(|number: u32| {
            let store = store.clone();
            tokio::spawn(async move {
                let txn = put(&number.to_string(), "");
                let wrong = number.is_multiple_of(3);
                let txn = if wrong { txn.check_exists(Table::Task, "never") } else { txn };
                (wrong, store.commit(txn).await)
            })
        })
        .collect();
    let mut versions = Vec::new();
    for commit in commits {
        match commit.await.unwrap() {
            (true, answer) => assert!(answer.unwrap_err().is_conflict()),
            (false, answer) => versions.push(answer.unwrap()),
        }
    }
    held.await.unwrap();
    assert_eq!(versions.len(), 66);
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 66, "each transaction has a version of its own");
    let together = syncs(&store) - before;
    assert!(together <= 4 * each, "{together} syncs for 67 transactions, {each} for one");
}

#[tokio::test]
async fn a_transaction_that_nobody_waits_for_any_more_harms_nobody() {
    let (store, _folder) = new();
    let mut abandoned = Box::pin(store.commit(put("a", "1")));
    assert!(poll_once(&mut abandoned).await.is_none());
    drop(abandoned);
    store.commit(put("b", "2")).await.unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"), "it was on its way");
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    use std::{pin::Pin, task::Poll};
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

fn key() -> impl Strategy<Value = String> {
    "[ab]{0,2}"
}

fn txn() -> impl Strategy<Value = Txn> {
    let table = || prop_oneof![Just(Table::Task), Just(Table::Journal)];
    let write = prop_oneof![
        4 => (table(), key(), "[xy]{0,3}").prop_map(|(table, key, value)| Write::Put {
            table, key: key.into(), value: value.into() }),
        1 => (table(), key()).prop_map(|(table, key)| Write::Delete { table, key: key.into() }),
        1 => (table(), key()).prop_map(|(table, key)| Write::DeletePrefix { table, prefix: key.into() }),
    ];
    let check = prop_oneof![
        (table(), key()).prop_map(|(table, key)| Txn::new().check_absent(table, key)),
        (table(), key()).prop_map(|(table, key)| Txn::new().check_exists(table, key)),
        (table(), key(), 0..20u64).prop_map(|(table, key, version)| Txn::new().check_version(
            table,
            key,
            Version::new(version)
        )),
    ];
    let checks = proptest::collection::vec(check, 0..2);
    let writes = proptest::collection::vec(write, 0..4);
    (checks, writes).prop_map(|(checks, writes)| {
        let checks = checks.into_iter().fold(Txn::new(), Txn::and);
        writes.into_iter().fold(checks, Txn::write)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The in-memory store is the model: any transactions get the same answers and leave the same rows.
    #[test]
    fn the_file_and_the_memory_answer_alike(txns in proptest::collection::vec(txn(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, folder) = new();
            let model = MemoryStore::new();
            for txn in txns {
                let (real, expected) = (store.commit(txn.clone()).await, model.commit(txn).await);
                prop_assert_eq!(answer(real), answer(expected));
            }
            drop(store);
            let store = open(folder.path());
            for table in [Table::Task, Table::Journal] {
                for prefix in ["", "a", "ab", "b"] {
                    for after in [None, Some("a"), Some("b")] {
                        for reverse in [false, true] {
                            let after = after.map(str::as_bytes);
                            let real = store.scan(table, prefix.as_bytes(), after, 3, reverse).await.unwrap();
                            let expected = model.scan(table, prefix.as_bytes(), after, 3, reverse).await.unwrap();
                            prop_assert_eq!(real, expected);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}

fn answer(result: Result<Version, StoreError>) -> Result<Version, String> {
    result.map_err(|error| error.to_string())
}
