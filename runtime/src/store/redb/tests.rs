//! What the redb store promises beyond the conformance tests: durability, locks, full disks, formats, backups.

use std::path::Path;

use super::*;

fn open(folder: &Path) -> RedbStore {
    RedbStore::open(&folder.join("store"), &Options::default()).unwrap()
}

mod conforming {
    use super::*;
    crate::store::conformance::conformance!({
        let folder = tempfile::tempdir().unwrap();
        (open(folder.path()), folder)
    });
}
