//! One server for one store.

use std::fs;

use super::*;
use crate::store::StoreError;

#[tokio::test]
async fn a_second_server_is_refused_and_told_who_has_the_store() {
    let (store, folder) = new();
    let refused = RedbStore::open(store.path(), &Options::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    let who = format!("in use by another server (process {})", std::process::id());
    assert!(refused.to_string().contains(&who), "{refused}");
    store.commit(put("a", "1")).await.unwrap();
    drop(store);
    assert_eq!(value(&open(folder.path()), "a").await.as_deref(), Some("1"));
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    fs::write(&path, "the only copy of a novel".repeat(1000)).unwrap();
    let refused = RedbStore::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "the only copy of a novel".repeat(1000));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (store, folder) = new();
    store.commit(put("a", "1")).await.unwrap();
    store.backup(&folder.path().join("backup")).await.unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_large_file_that_is_mostly_free_shrinks_at_the_next_start() {
    let (store, folder) = new();
    for number in 0..8 {
        let txn = Txn::new().put(Table::Blob, number.to_string(), vec![1; 1024 * 1024]);
        store.commit(txn).await.unwrap();
    }
    store.commit(put("a", "1").delete_prefix(Table::Blob, "")).await.unwrap();
    let path = store.path().to_owned();
    drop(store);
    let before = fs::metadata(&path).unwrap().len();
    let options = Options { compact_from: 1024 * 1024, ..Options::default() };
    let store = RedbStore::open(&path, &options).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < before / 4);
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
    drop(store);
    drop(folder);
}

#[tokio::test]
async fn space_of_what_was_deleted_is_used_again() {
    let (store, _folder) = new();
    let mut sizes = Vec::new();
    for _ in 0..8 {
        for number in 0..16 {
            store.commit(Txn::new().put(Table::Journal, number.to_string(), vec![1; 256 * 1024])).await.unwrap();
        }
        store.commit(Txn::new().delete_prefix(Table::Journal, "")).await.unwrap();
        sizes.push(fs::metadata(store.path()).unwrap().len());
    }
    let (early, late) = (sizes[1], sizes[7]);
    assert!(late <= early, "4 MiB come and go, and the file grows: {sizes:?}");
}
