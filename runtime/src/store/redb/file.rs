//! The redb database of a store, which can be closed and opened again under its readers.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::{
    disk::{Disk, Faults, is_full},
    layout::{ROWS, RowError},
};
use crate::store::StoreError;

/// An open redb file, or one that is being opened again.
#[derive(Debug)]
pub(super) struct DbFile {
    path: PathBuf,
    cache_bytes: usize,
    faults: Arc<Faults>,
    db: RwLock<Option<Database>>,
}

/// The rows as of one point in time.
pub(super) type Snapshot = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Why a read failed.
pub(super) enum ReadError {
    /// The file is being opened again: the read is worth another try.
    Reopening,
    /// The file could not be opened again so far.
    Closed,
    /// Another try would end the same.
    Failed(StoreError),
}

impl DbFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let faults = Arc::new(Faults::default());
        let db = open(path, cache_bytes, &faults)?;
        Ok(Self { path: path.to_owned(), cache_bytes, faults, db: RwLock::new(Some(db)) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What went wrong under redb.
    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Closes the file, whatever state it is in; reads under way fail.
    pub(super) fn close(&self) {
        self.db.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Closes the file and opens it again. What is read from then on is on the disk.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // The old handle first: it holds the file's lock.
        drop(db.take());
        let opened = open(&self.path, self.cache_bytes, &self.faults)?;
        let synced = self.faults.synced(File::open(&self.path).and_then(|file| file.sync_all()));
        synced.map_err(|source| failure("syncing", &self.path, source))?;
        *db = Some(opened);
        Ok(())
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.db().is_some()
    }

    /// Uses the database for something that needs it exclusively, as compaction does.
    pub(super) fn exclusively<T>(&self, act: impl FnOnce(&mut Database) -> T) -> Result<T, StoreError> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        db.as_mut().map(act).ok_or(StoreError::Closed)
    }

    /// Begins a write transaction.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let db = self.db();
        let db = db.as_ref().ok_or(StoreError::Closed)?;
        db.begin_write().map_err(|error| self.error("writing to", error))
    }

    /// A snapshot of the rows.
    pub(super) fn snapshot(&self) -> Result<(ReadTransaction, Snapshot), ReadError> {
        // Not waited for: opening can take a while, and readers are on async threads.
        let Ok(db) = self.db.try_read() else {
            return Err(ReadError::Reopening);
        };
        let Some(db) = db.as_ref() else {
            return Err(ReadError::Closed);
        };
        let snapshot = db.begin_read().map_err(|error| self.read_error(error))?;
        let rows = snapshot.open_table(ROWS).map_err(|error| self.read_error(error))?;
        Ok((snapshot, rows))
    }

    /// Reads from a snapshot of the rows.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Snapshot) -> Result<T, RowError>) -> Result<T, ReadError> {
        let (_snapshot, rows) = self.snapshot()?;
        read(&rows).map_err(|error| match error {
            RowError::Row(error) => ReadError::Failed(error),
            RowError::Storage(error) => self.read_error(error),
        })
    }

    /// What an error of redb means to our callers.
    pub(super) fn error(&self, doing: &'static str, error: impl Into<redb::Error>) -> StoreError {
        translate(doing, &self.path, error.into())
    }

    fn read_error(&self, error: impl Into<redb::Error>) -> ReadError {
        match error.into() {
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => ReadError::Reopening,
            error => ReadError::Failed(translate("reading", &self.path, error)),
        }
    }

    fn db(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path, cache_bytes: usize, faults: &Arc<Faults>) -> Result<Database, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = private(&mut options).open(path).map_err(|source| failure("opening", path, source))?;
    let disk = Disk::new(file, faults.clone()).map_err(|error| translate("opening", path, error.into()))?;
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder.set_repair_callback(|_| tracing::debug!("checking the store after a crash"));
    builder.create_with_backend(disk).map_err(|error| translate("opening", path, error.into()))
}

/// What an error of redb about `path` means to our callers.
pub(in crate::store) fn translate(doing: &'static str, path: &Path, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            StoreError::Corrupt { what: format!("{} is not a store ({source})", path.display()) }
        }
        redb::Error::Io(source) => failure(doing, path, source),
        redb::Error::Corrupted(what) => StoreError::Corrupt { what: format!("{}: {what}", path.display()) },
        redb::Error::DatabaseClosed => StoreError::Closed,
        redb::Error::DatabaseAlreadyOpen => StoreError::Locked { path: path.to_owned(), holder: None },
        error @ (redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableDoesNotExist(_)) => StoreError::Corrupt { what: format!("{}: {error}", path.display()) },
        error => failure(doing, path, io::Error::other(error)),
    }
}

/// The system refused to do something to `path`.
pub(super) fn failure(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    if is_full(&source) {
        return StoreError::Full { path: path.to_owned() };
    }
    StoreError::Io { doing, path: path.to_owned(), uncertain: false, source: Arc::new(source) }
}

/// Files that only the server's user can read, from their first moment on.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Makes a new name in the folder of `path` durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| failure("syncing", folder, source))
}
