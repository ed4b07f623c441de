//! The store of one node: an embedded redb file.
//!
//! | file | what |
//! | --- | --- |
//! | `layout` | rows in the file; making a transaction to them |
//! | `queue` | what passes between the callers and the writer |
//! | `writer` | group commit, and what happens when the disk refuses |
//! | `file` | the redb database, opened and opened again |
//! | `disk` | the file under redb, and what goes wrong there |
//! | `format` | the version of the format, migrations |
//! | `copy` | backup and restore |
//! | `lock` | one server for one store |

mod copy;
mod disk;
mod file;
mod format;
mod layout;
mod lock;
mod queue;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
mod writer;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot, watch};

pub use self::copy::{Restored, restore};
pub(super) use self::{copy::write_copy, file::translate};
use self::{
    file::{DbFile, ReadError, failure, private},
    layout::Scan,
    lock::{Lock, beside},
    queue::{Job, Notices},
    writer::Writer,
};
use super::{
    Row, Store, StoreError, Table, Txn, Version,
    lease::{self, Incarnation},
};

/// The memory that transactions on their way to the disk may take together; who comes later waits.
const ROOM: usize = 64 * 1024 * 1024;
/// The unit that it is counted in.
const ROOM_UNIT: usize = 1024;
/// Above so many rows a scan leaves the async threads: it takes about a millisecond.
const LONG_SCAN: usize = 512;
/// How often, and after how long each time, a read is tried again while the file is being opened again.
const READ_TRIES: usize = 100;
const READ_DELAY: Duration = Duration::from_millis(20);

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for pages, in bytes. The operating system caches the file as well.
    pub cache_bytes: usize,
    /// At start a file of at least this size, in bytes, is made smaller if half of it is free.
    pub compact_from: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 8 * 1024 * 1024, compact_from: 64 * 1024 * 1024 }
    }
}

/// A store in a file that this server alone has open. Dropping it writes what is pending and closes the file.
pub struct RedbStore {
    file: Arc<DbFile>,
    notices: Arc<Notices>,
    room: Arc<Semaphore>,
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    // Dropped last: the file is closed by then.
    _lock: Lock,
}

impl RedbStore {
    /// Opens the store at `path`, or makes it. Blocks for as long as it takes to check the file after a crash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another server has it, [`StoreError::Schema`] when a newer server wrote it,
    /// [`StoreError::Corrupt`] when it is damaged or no store.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        let file = Arc::new(DbFile::open(path, options.cache_bytes)?);
        let revision = format::migrate(&file, format::OLDEST, format::MIGRATIONS, |found| keep_old(path, found))?;
        compact(&file, options)?;
        file::sync_folder(path)?;
        let notices = Arc::new(Notices::new(revision));
        let (jobs, received) = mpsc::channel();
        let writer = Writer::new(file.clone(), notices.clone(), received, revision);
        let writer = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|source| failure("starting the writer of", path, source))?;
        let room = Arc::new(Semaphore::new(ROOM / ROOM_UNIT));
        Ok(Self { file, notices, room, jobs: Some(jobs), writer: Some(writer), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    async fn read_again_while_opening<T>(
        &self,
        read: impl Fn(&DbFile) -> Result<T, ReadError> + Send,
    ) -> Result<T, StoreError> {
        for _ in 0..READ_TRIES {
            match read(&self.file) {
                Ok(found) => return Ok(found),
                Err(ReadError::Failed(error)) => return Err(error),
                Err(ReadError::Closed) => break,
                Err(ReadError::Reopening) => tokio::time::sleep(READ_DELAY).await,
            }
        }
        Err(self.unreadable())
    }

    fn unreadable(&self) -> StoreError {
        self.notices.trouble().unwrap_or(StoreError::Closed)
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.file.path()).finish_non_exhaustive()
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer ended early");
        }
        self.file.close();
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        // Cached by redb or the system: some microseconds, so not worth another thread.
        self.read_again_while_opening(|file| file.read(|rows| layout::get(rows, table, key))).await
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let scan = Scan { table, prefix: prefix.to_vec(), after: after.map(<[u8]>::to_vec), limit, reverse };
        if limit <= LONG_SCAN {
            return self.read_again_while_opening(|file| file.read(|rows| scan.read(rows))).await;
        }
        let short = Scan { limit: LONG_SCAN, ..scan.clone() };
        let found = self.read_again_while_opening(|file| file.read(|rows| short.read(rows))).await?;
        if found.len() < LONG_SCAN {
            return Ok(found);
        }
        let file = self.file.clone();
        let scanned = tokio::task::spawn_blocking(move || file.read(|rows| scan.read(rows))).await;
        match scanned.map_err(|_| StoreError::Closed)? {
            Ok(found) => Ok(found),
            Err(ReadError::Failed(error)) => Err(error),
            Err(ReadError::Reopening | ReadError::Closed) => Err(self.unreadable()),
        }
    }

    async fn commit(&self, txn: Txn) -> Result<Version, StoreError> {
        txn.within_limits()?;
        if !txn.must_land
            && let Some(trouble) = self.notices.trouble()
        {
            return Err(trouble);
        }
        let bytes = txn.bytes();
        let units = u32::try_from(bytes / ROOM_UNIT).unwrap_or(u32::MAX).saturating_add(1);
        let room = self.room.clone().acquire_many_owned(units).await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Job { txn, bytes, reply, _room: room }).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn changes(&self) -> watch::Receiver<Version> {
        self.notices.changes.subscribe()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.notices.trouble()
    }

    async fn incarnate(&self, holder: &str) -> Result<Incarnation, StoreError> {
        lease::incarnate_alone(self, holder).await
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let (file, to): (_, PathBuf) = (self.file.clone(), to.to_owned());
        let copied = tokio::task::spawn_blocking(move || copy::backup(&file, &to)).await;
        copied.map_err(|_| StoreError::Closed)?
    }
}

/// Keeps a copy of a store in an older format beside it, before it is migrated.
fn keep_old(path: &Path, found: u32) -> Result<(), StoreError> {
    let copy = beside(path, &format!("format-{found}"));
    let mut from = fs::File::open(path).map_err(|source| failure("reading", path, source))?;
    let mut options = fs::OpenOptions::new();
    let copied = private(options.write(true).create(true).truncate(true))
        .open(&copy)
        .and_then(|mut to| std::io::copy(&mut from, &mut to).and_then(|_| to.sync_all()));
    copied.map_err(|source| failure("keeping the old format in", &copy, source))
}

/// Makes a large file smaller if much of it is free.
fn compact(file: &DbFile, options: &Options) -> Result<(), StoreError> {
    let size = fs::metadata(file.path()).map_err(|source| failure("looking at", file.path(), source))?.len();
    if size < options.compact_from {
        return Ok(());
    }
    let write = file.begin_write()?;
    let stats = write.stats().map_err(|error| file.error("reading", error))?;
    let used = stats.stored_bytes().saturating_add(stats.metadata_bytes());
    write.abort().map_err(|error| file.error("reading", error))?;
    if used > size / 2 {
        return Ok(());
    }
    match file.exclusively(redb::Database::compact)? {
        Ok(_) => {
            let now = fs::metadata(file.path()).map(|metadata| metadata.len()).unwrap_or(size);
            tracing::info!(store = %file.path().display(), before = size, now, "made the store smaller");
            Ok(())
        }
        // A full disk must not keep the server from starting; what compaction leaves undone is space.
        Err(error) => {
            tracing::warn!(%error, "the store could not be made smaller");
            file.reopen()
        }
    }
}
