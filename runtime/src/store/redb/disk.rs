//! The file under redb, watched: redb says *that* it failed, this remembers *what* did.
//!
//! A write that fails (disk full) leaves the file as the last commit had it, and opening it again is safe. A **sync** that
//! fails is another matter: the system has dropped what it could not write, yet still shows it to whoever reads the file.
//! Building on that would build on sand, so such a store is not opened again by this process.

use std::{
    fs::File,
    io,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Where the header of the file ends (its first page, see redb's design document).
const HEADER: u64 = 4096;

/// What has gone wrong under redb.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sync: AtomicBool,
    header: AtomicBool,
    #[cfg(test)]
    pub inject: Inject,
}

/// What a test does to the disk, and sees of it.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Inject {
    /// There is no space for more; what is there can be overwritten.
    pub full: AtomicBool,
    /// Nothing can be written at all, as on a full disk that never overwrites (btrfs, ZFS).
    pub unwritable: AtomicBool,
    /// The last write before the next sync reports that it failed, though it did not.
    pub lie: AtomicBool,
    /// Syncs fail.
    pub sync: AtomicBool,
    /// Syncs wait while a test holds it.
    pub gate: std::sync::Mutex<()>,
    /// All that was done, in order.
    pub done: std::sync::Mutex<Vec<Done>>,
}

/// Something done to the disk.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(super) enum Done {
    Write { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
    Sync,
}

impl Faults {
    /// Whether a sync has failed.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync.load(Ordering::Acquire)
    }

    /// Whether the header may have been written since the last sync. A commit becomes the newest one by its header alone: one
    /// that failed before that is not there, whatever else of it is. After it, redb tells by its checksums when it opens the
    /// file again.
    pub(super) fn header_touched(&self) -> bool {
        self.header.load(Ordering::Acquire)
    }

    /// Takes note of how a sync ended.
    pub(super) fn synced(&self, result: io::Result<()>) -> io::Result<()> {
        if result.is_err() {
            self.sync.store(true, Ordering::Release);
        }
        result
    }
}

/// Whether this is a disk or a quota without space.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// redb's file backend, with its faults noted.
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl Disk {
    /// Watches `file`.
    pub(super) fn new(file: File, faults: Arc<Faults>) -> Result<Self, redb::DatabaseError> {
        Ok(Self { file: FileBackend::new(file)?, faults })
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.inject.write(|| Done::SetLen(len))?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.inject.lie.swap(false, Ordering::AcqRel) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        #[cfg(test)]
        self.faults.synced(self.faults.inject.sync())?;
        self.faults.synced(self.file.sync_data())?;
        self.faults.header.store(false, Ordering::Release);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset < HEADER {
            self.faults.header.store(true, Ordering::Release);
        }
        #[cfg(test)]
        self.faults.inject.write(|| Done::Write { offset, bytes: data.to_vec() })?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl Inject {
    fn write(&self, what: impl FnOnce() -> Done) -> io::Result<()> {
        let what = what();
        let header = matches!(what, Done::Write { offset, .. } if offset < HEADER);
        if self.unwritable.load(Ordering::Acquire) || !header && self.full.load(Ordering::Acquire) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.done.lock().unwrap().push(what);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        drop(self.gate.lock().unwrap());
        if self.sync.load(Ordering::Acquire) {
            return Err(io::Error::other("the disk is broken"));
        }
        self.done.lock().unwrap().push(Done::Sync);
        Ok(())
    }
}
