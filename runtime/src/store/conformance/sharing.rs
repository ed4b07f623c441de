//! Many callers at once, limits, copies.

use super::{Shared, value};
use crate::store::{Key, RedbStore, Store, StoreError, Table, Txn, Typed};

pub async fn concurrent_increments_are_all_counted(store: Shared<impl Store>) {
    store.commit(Txn::new().put_json(Table::Meta, "n", &0u64).unwrap()).await.unwrap();
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(increment(store.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.get_json::<u64>(Table::Meta, b"n").await.unwrap().unwrap().value, 160);
}

async fn increment(store: Shared<impl Store>) {
    for _ in 0..20 {
        loop {
            let row = store.get_json::<u64>(Table::Meta, b"n").await.unwrap().unwrap();
            let txn = Txn::new().check_version(Table::Meta, "n", row.version);
            match store.commit(txn.put_json(Table::Meta, "n", &(row.value + 1)).unwrap()).await {
                Ok(_) => break,
                Err(error) => assert!(error.is_conflict(), "{error}"),
            }
        }
    }
}

pub async fn of_many_creators_one_wins(store: Shared<impl Store>) {
    let tasks: Vec<_> = (0..16)
        .map(|number: u32| {
            let store = store.clone();
            tokio::spawn(async move {
                let txn = Txn::new().check_absent(Table::Task, "only").put(Table::Task, "only", number.to_string());
                store.commit(txn.put(Table::Timer, Key::new().u32(number), "")).await.map(|_| number)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(number) => winners.push(number.to_string()),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(value(&*store, "only").await, winners.pop());
    assert_eq!(store.scan(Table::Timer, b"", None, 99, false).await.unwrap().len(), 1);
}

pub async fn changes_wake_whoever_waits(store: Shared<impl Store>) {
    let mut changes = store.changes();
    let seen = *changes.borrow_and_update();
    let waiting = tokio::spawn(async move {
        changes.changed().await.unwrap();
        *changes.borrow()
    });
    let version = store.commit(Txn::new().put(Table::Event, "1", "")).await.unwrap();
    assert!(version > seen);
    assert_eq!(waiting.await.unwrap(), version);
}

pub async fn what_is_too_large_is_refused(store: Shared<impl Store>) {
    let long = vec![b'k'; crate::store::MAX_KEY + 1];
    let large = vec![0; crate::store::MAX_TXN];
    for txn in [
        Txn::new().put(Table::Blob, long.clone(), ""),
        Txn::new().check_exists(Table::Blob, long.clone()),
        Txn::new().delete_prefix(Table::Blob, long),
        Txn::new().put(Table::Blob, "k", large),
    ] {
        assert!(matches!(store.commit(txn).await, Err(StoreError::TooLarge { .. })));
    }
    let most = vec![7; crate::store::MAX_TXN - 1];
    store.commit(Txn::new().put(Table::Blob, "k", most.clone())).await.unwrap();
    assert_eq!(store.get(Table::Blob, b"k").await.unwrap().unwrap().value, most);
}

pub async fn a_backup_is_a_store(store: Shared<impl Store>) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let version =
        store.commit(Txn::new().put(Table::Task, "a", "1").put(Table::Blob, "b", vec![1; 9999])).await.unwrap();
    store.backup(&to).await.unwrap();
    assert!(matches!(store.backup(&to).await, Err(StoreError::Exists { .. })));
    let copy = RedbStore::open(&to, &Default::default()).unwrap();
    assert_eq!(copy.get(Table::Task, b"a").await.unwrap(), store.get(Table::Task, b"a").await.unwrap());
    assert_eq!(copy.get(Table::Blob, b"b").await.unwrap(), store.get(Table::Blob, b"b").await.unwrap());
    assert!(copy.commit(Txn::new().put(Table::Task, "a", "2")).await.unwrap() > version);
    assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
}
