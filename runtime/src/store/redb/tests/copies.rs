//! Backup and restore.

use std::{fs, sync::Arc};

use super::{super::restore, *};
use crate::store::StoreError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_everything_goes_on_is_of_one_point_in_time() {
    let (store, folder) = new();
    let store = Arc::new(store);
    store.commit(put("left", "0").put(Table::Journal, "right", "0")).await.unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 1..400_u32 {
                let txn = put("left", &number.to_string()).put(Table::Journal, "right", number.to_string());
                store.commit(txn.put(Table::Blob, number.to_string(), vec![1; 3000])).await.unwrap();
            }
        }
    });
    for round in 0..4 {
        let to = folder.path().join(format!("backup-{round}"));
        store.backup(&to).await.unwrap();
        let copy = RedbStore::open(&to, &Options::default()).unwrap();
        let right = copy.get(Table::Journal, b"right").await.unwrap().unwrap().value;
        assert_eq!(value(&copy, "left").await.map(String::into_bytes), Some(right));
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_restore_takes_the_place_of_the_store_and_keeps_the_old_one() {
    let (store, folder) = new();
    let backup = folder.path().join("backup");
    store.commit(put("a", "then")).await.unwrap();
    store.backup(&backup).await.unwrap();
    let later = store.commit(put("a", "later")).await.unwrap();
    let path = store.path().to_owned();

    let refused = restore(&backup, &path).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "a server runs on it: {refused:?}");
    drop(store);

    let bytes = fs::read(&backup).unwrap();
    let restored = restore(&backup, &path).unwrap();
    assert_eq!(restored.rows, 1);
    assert_eq!(fs::read(&backup).unwrap(), bytes, "the backup is not touched");
    let store = open(folder.path());
    assert_eq!(value(&store, "a").await.as_deref(), Some("then"));
    let version = store.commit(put("b", "1")).await.unwrap();
    assert!(version > later, "a version that was once given out never means another row");
    let previous = restored.previous.unwrap();
    let old = RedbStore::open(&previous, &Options::default()).unwrap();
    assert_eq!(value(&old, "a").await.as_deref(), Some("later"));
    drop(store);
    let refused = restore(&backup, &path).unwrap_err();
    assert!(matches!(refused, StoreError::Exists { .. }), "two old ones: {refused:?}");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_the_store_stays() {
    let (store, folder) = new();
    for number in 0..50 {
        store.commit(put(&number.to_string(), &"x".repeat(2000))).await.unwrap();
    }
    let backup = folder.path().join("backup");
    store.backup(&backup).await.unwrap();
    let path = store.path().to_owned();
    drop(store);
    let good = fs::read(&backup).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.windows(100).position(|bytes| bytes == [b'x'; 100]).unwrap();
    flipped[middle + 50] = b'y';
    let bad: [&[u8]; 4] = [&flipped, &good[..good.len() / 2], b"not a store at all", b""];
    for bytes in bad {
        fs::write(&backup, bytes).unwrap();
        let refused = restore(&backup, &path).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. } | StoreError::Io { .. }), "{refused:?}");
    }
    restore(&folder.path().join("none"), &path).unwrap_err();
    let store = open(folder.path());
    assert_eq!(store.scan(Table::Task, b"", None, 99, false).await.unwrap().len(), 50);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "store, lock and backup: {names:?}");
}

#[tokio::test]
async fn a_backup_restores_where_nothing_was() {
    let (store, folder) = new();
    let backup = folder.path().join("backup");
    store.commit(put("a", "1")).await.unwrap();
    store.backup(&backup).await.unwrap();
    let elsewhere = folder.path().join("elsewhere");
    assert_eq!(restore(&backup, &elsewhere).unwrap().previous, None);
    let store = RedbStore::open(&elsewhere, &Options::default()).unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
}
