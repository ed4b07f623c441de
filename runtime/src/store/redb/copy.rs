//! Backup and restore: a store as one file, whole or not at all.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use redb::{Database, ReadableTable, backends::FileBackend};

use super::{
    file::{DbFile, ReadError, failure, private, sync_folder, translate},
    format,
    layout::{FORMAT, REVISION, ROWS, RowError, raw_key, raw_value, revision, set_revision, split},
    lock::{Lock, beside},
};
use crate::store::{Row, StoreError, Table, Version};

/// How much is written at once.
const CHUNK: usize = 16 * 1024 * 1024;
/// A copy is read once: it needs no cache to speak of.
const CACHE: usize = 8 * 1024 * 1024;
/// A restored store goes on with versions that were surely never given out before, so that nobody's old version (an `ETag`, a
/// fencing token) means another row now. etcd's restore has the same (`--bump-revision`).
const GAP: u64 = 1_000_000_000_000;

/// A row as it lies in the file.
type Raw = (Vec<u8>, Vec<u8>);

/// Writes rows of any store as a new store file at `to`.
///
/// # Errors
///
/// [`StoreError::Exists`] when there is such a file; nothing is left behind after any error.
pub(in crate::store) fn write_copy(
    to: &Path,
    revision: Version,
    rows: impl Iterator<Item = (Table, Row)>,
) -> Result<(), StoreError> {
    let newest = format::newest(format::OLDEST, format::MIGRATIONS);
    let own =
        [(FORMAT.to_vec(), newest.to_be_bytes().to_vec()), (REVISION.to_vec(), revision.get().to_be_bytes().to_vec())];
    let rows = rows.map(|(table, row)| (raw_key(table, &row.key), raw_value(row.version, &row.value)));
    write_raw(to, own.into_iter().chain(rows).map(Ok))
}

/// Copies the rows of an open file, as of now, to a new file at `to`.
pub(super) fn backup(file: &DbFile, to: &Path) -> Result<(), StoreError> {
    let (_snapshot, rows) = file.snapshot().map_err(|error| match error {
        ReadError::Reopening | ReadError::Closed => StoreError::Full { path: file.path().to_owned() },
        ReadError::Failed(error) => error,
    })?;
    let rows = rows.iter().map_err(|error| file.error("reading", error))?;
    write_raw(
        to,
        rows.map(|row| {
            let (key, value) = row.map_err(|error| file.error("reading", error))?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        }),
    )
}

fn write_raw(to: &Path, rows: impl Iterator<Item = Result<Raw, StoreError>>) -> Result<(), StoreError> {
    new_file(to, |partial| {
        let failed = |error: redb::Error| translate("writing to", partial, error);
        let db = create(partial)?;
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let write = db.begin_write().map_err(|error| failed(error.into()))?;
            {
                let mut table = write.open_table(ROWS).map_err(|error| failed(error.into()))?;
                let mut written = 0_usize;
                while written < CHUNK
                    && let Some(row) = rows.next()
                {
                    let (key, value) = row?;
                    table.insert(key.as_slice(), value.as_slice()).map_err(|error| failed(error.into()))?;
                    written = written.saturating_add(key.len()).saturating_add(value.len());
                }
            }
            write.commit().map_err(|error| failed(error.into()))?;
        }
        db.close().map_err(|error| failed(error.into()))
    })
}

/// What [`restore`] has put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many rows the store has now.
    pub rows: u64,
    /// Where the store is that was there before, if one was.
    pub previous: Option<PathBuf>,
}

/// Puts the backup `from` in the place of the store `to`, after it was checked row by row. The backup itself is not changed;
/// a store that is there is kept under another name.
///
/// # Errors
///
/// [`StoreError::Locked`] when a server runs on `to`, [`StoreError::Corrupt`] when the backup is damaged or none,
/// [`StoreError::Schema`] when it is from a newer server. `to` is untouched after any error.
pub fn restore(from: &Path, to: &Path) -> Result<Restored, StoreError> {
    let _lock = Lock::take(to)?;
    let previous = beside(to, "before-restore");
    let existed = to.try_exists().map_err(|source| failure("looking at", to, source))?;
    if existed && previous.exists() {
        return Err(StoreError::Exists { path: previous });
    }
    let mut rows = 0;
    let staged = beside(to, "restored");
    remove(&staged)?;
    new_file(&staged, |partial| {
        fs::copy(from, partial).map_err(|source| failure("copying", from, source))?;
        rows = check(from, partial)?;
        Ok(())
    })?;
    if existed {
        fs::rename(to, &previous).map_err(|source| failure("moving away", to, source))?;
    }
    fs::rename(&staged, to).map_err(|source| failure("restoring", to, source))?;
    sync_folder(to)?;
    Ok(Restored { rows, previous: existed.then_some(previous) })
}

/// Checks every page and every row of the copy, and moves its versions on; returns how many rows there are.
fn check(from: &Path, copy: &Path) -> Result<u64, StoreError> {
    let failed = |error: redb::Error| translate("reading", from, error);
    let damaged = |what: &str| StoreError::Corrupt { what: format!("{}: {what}", from.display()) };
    let db = Database::builder()
        .set_cache_size(CACHE)
        .set_check_integrity_on_open(true)
        .open(copy)
        .map_err(|error| failed(error.into()))?;
    let write = db.begin_write().map_err(|error| failed(error.into()))?;
    let mut count = 0_u64;
    {
        let mut rows = write.open_table(ROWS).map_err(|error| failed(error.into()))?;
        let row_failed = |error: RowError| match error {
            RowError::Storage(error) => failed(error.into()),
            RowError::Row(error) => error,
        };
        let found =
            format::read(&rows).map_err(row_failed)?.ok_or_else(|| damaged("has no rows: it is not a backup"))?;
        format::steps(from, found, format::OLDEST, format::MIGRATIONS)?;
        let newest = revision(&rows).map_err(row_failed)?;
        for row in rows.iter().map_err(|error| failed(error.into()))? {
            let (key, value) = row.map_err(|error| failed(error.into()))?;
            if key.value().first().is_some_and(|tag| *tag != 0) {
                let (version, _) = split(value.value()).ok_or_else(|| damaged("a row has no version"))?;
                if version > newest {
                    return Err(damaged("a row is newer than the newest version"));
                }
                count = count.saturating_add(1);
            }
        }
        set_revision(&mut rows, Version::new(newest.get().saturating_add(GAP)))
            .map_err(|error| failed(error.into()))?;
    }
    write.commit().map_err(|error| failed(error.into()))?;
    db.close().map_err(|error| failed(error.into()))?;
    Ok(count)
}

/// Makes the file `to` by writing it under another name first, so that it is never seen half written, and durable with its name.
fn new_file(to: &Path, write: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
    if to.try_exists().map_err(|source| failure("looking at", to, source))? {
        return Err(StoreError::Exists { path: to.to_owned() });
    }
    let partial = beside(to, "partial");
    remove(&partial)?;
    let written = create_empty(&partial).and_then(|()| write(&partial)).and_then(|()| {
        fs::File::open(&partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&partial, to))
            .map_err(|source| failure("writing to", to, source))
    });
    if written.is_err() {
        // The error that is reported is the first one.
        let _ = remove(&partial);
    }
    written.and_then(|()| sync_folder(to))
}

fn create_empty(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options).open(path).map(drop).map_err(|source| failure("creating", path, source))
}

fn create(path: &Path) -> Result<Database, StoreError> {
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(|source| failure("opening", path, source))?;
    FileBackend::new(file)
        .and_then(|file| Database::builder().set_cache_size(CACHE).create_with_backend(file))
        .map_err(|error| translate("creating", path, error.into()))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| failure("removing", path, source)),
    }
}
