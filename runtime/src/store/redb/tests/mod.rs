//! What the redb store promises beyond the conformance tests.

mod copies;
mod crash;
mod failing_disk;
mod formats;
mod grouping;
mod one_server;

use std::path::Path;

use tempfile::TempDir;

use super::{Options, RedbStore};
use crate::store::{Store, Table, Txn};

fn open(folder: &Path) -> RedbStore {
    RedbStore::open(&folder.join("store"), &Options::default()).unwrap()
}

fn new() -> (RedbStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(folder.path()), folder)
}

fn put(key: &str, value: &str) -> Txn {
    Txn::new().put(Table::Task, key, value)
}

async fn value(store: &RedbStore, key: &str) -> Option<String> {
    let row = store.get(Table::Task, key.as_bytes()).await.unwrap();
    row.map(|row| String::from_utf8(row.value).unwrap())
}

mod conforming {
    crate::store::conformance::conformance!(super::new());
}
