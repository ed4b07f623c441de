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

/// What has gone wrong under redb.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sync: AtomicBool,
    #[cfg(test)]
    pub inject: Inject,
}

/// Faults that a test wants.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Inject {
    /// Writes find the disk full.
    pub full: AtomicBool,
    /// Syncs fail.
    pub sync: AtomicBool,
}

impl Faults {
    /// Whether a sync has failed.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync.load(Ordering::Acquire)
    }

    /// Takes note of how a sync ended.
    pub(super) fn synced(&self, result: io::Result<()>) -> io::Result<()> {
        #[cfg(test)]
        let result = if self.inject.sync.load(Ordering::Acquire) {
            Err(io::Error::other("injected"))
        } else {
            result
        };
        if result.is_err() {
            self.sync.store(true, Ordering::Release);
        }
        result
    }

    #[cfg(not(test))]
    fn written(&self, result: io::Result<()>) -> io::Result<()> {
        result
    }

    #[cfg(test)]
    fn written(&self, result: io::Result<()>) -> io::Result<()> {
        if self.inject.full.load(Ordering::Acquire) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            result
        }
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
        Ok(Self {
            file: FileBackend::new(file)?,
            faults,
        })
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
        self.faults.written(self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.synced(self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.written(self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
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
