//! Formats of the file: migrated from older ones, refused when newer.

use super::{
    super::{
        file::DbFile,
        format::{self, Migration, migrate},
        layout::{FORMAT, RowError, raw_key},
    },
    *,
};
use crate::store::StoreError;
use ::redb::ReadableTable;

/// A history that never was: format 0 kept tasks in upper case, format 1 had no `last`.
const STEPS: &[Migration] = &[
    Migration {
        what: "task values in lower case",
        run: |rows| {
            let start = raw_key(Table::Task, b"");
            let mut old = Vec::new();
            for row in rows.range::<&[u8]>(start.as_slice()..)? {
                let (key, value) = row?;
                old.push((key.value().to_vec(), value.value().to_ascii_lowercase()));
            }
            for (key, value) in old {
                rows.insert(key.as_slice(), value.as_slice())?;
            }
            Ok(())
        },
    },
    Migration {
        what: "the last task's key in meta",
        run: |rows| {
            let last = rows.last()?.map(|(_, value)| value.value().to_vec()).unwrap_or_default();
            rows.insert(raw_key(Table::Meta, b"last").as_slice(), last.as_slice())?;
            Ok(())
        },
    },
];

/// Writes the store with another format number, its rows in upper case.
async fn of_format(found: u32) -> tempfile::TempDir {
    let (store, folder) = new();
    store.commit(put("a", "ONE").put(Table::Task, "b", "TWO")).await.unwrap();
    drop(store);
    set_format(folder.path(), &found.to_be_bytes());
    folder
}

fn set_format(folder: &Path, format: &[u8]) {
    let db = ::redb::Database::open(folder.join("store")).unwrap();
    let write = db.begin_write().unwrap();
    let mut rows = write.open_table(super::super::layout::ROWS).unwrap();
    rows.insert(FORMAT, format).unwrap();
    drop(rows);
    write.commit().unwrap();
}

#[tokio::test]
async fn a_store_of_format_0_is_brought_to_the_newest() {
    let folder = of_format(0).await;
    let mut kept = None;
    {
        let file = DbFile::open(&folder.path().join("store"), 1 << 20).unwrap();
        let revision = migrate(&file, 0, STEPS, |found| {
            kept = Some(found);
            Ok(())
        });
        assert_eq!(revision.unwrap().get(), 1, "versions go on where they were");
        let rows =
            file.read(|rows| Ok((format::read(rows)?, rows.get(raw_key(Table::Meta, b"last").as_slice())?.is_some())));
        assert_eq!(rows.ok(), Some((Some(2), true)));
        let again = migrate(&file, 0, STEPS, |_| panic!("nothing is left to do"));
        assert_eq!(again.unwrap().get(), 1);
    }
    assert_eq!(kept, Some(0), "the old store could be kept first");
    set_format(folder.path(), &1_u32.to_be_bytes());
    let store = open(folder.path());
    assert_eq!(value(&store, "a").await.as_deref(), Some("one"));
    assert_eq!(value(&store, "b").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_old_format_whole() {
    let folder = of_format(0).await;
    let broken = [
        Migration { what: STEPS[0].what, run: STEPS[0].run },
        Migration {
            what: "a step that fails",
            run: |_| Err(RowError::Row(StoreError::Corrupt { what: "an unexpected row".into() })),
        },
    ];
    {
        let file = DbFile::open(&folder.path().join("store"), 1 << 20).unwrap();
        migrate(&file, 0, &broken, |_| Ok(())).unwrap_err();
        assert_eq!(file.read(format::read).ok(), Some(Some(0)));
    }
    set_format(folder.path(), &1_u32.to_be_bytes());
    assert_eq!(value(&open(folder.path()), "a").await.as_deref(), Some("ONE"));
}

#[tokio::test]
async fn a_store_of_a_newer_server_is_refused_in_a_sentence() {
    let folder = of_format(7).await;
    let path = folder.path().join("store");
    let refused = RedbStore::open(&path, &Options::default()).unwrap_err();
    let sentence = refused.to_string();
    assert!(sentence.contains("has format 7, and this server reads formats up to 1"), "{sentence}");
    assert!(sentence.contains("start it with the newer server"), "{sentence}");
    set_format(folder.path(), &1_u32.to_be_bytes());
    assert_eq!(value(&open(folder.path()), "a").await.as_deref(), Some("ONE"));
}

#[tokio::test]
async fn a_store_that_does_not_say_its_format_is_refused() {
    for nonsense in [&b""[..], b"one"] {
        let folder = of_format(1).await;
        set_format(folder.path(), nonsense);
        let refused = RedbStore::open(&folder.path().join("store"), &Options::default()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    }
}
