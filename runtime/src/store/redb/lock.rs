//! One server for one store.
//!
//! A file of our own beside the store (`….lock`) is locked for as long as the server runs; redb's own lock would be free for
//! a moment whenever the file is opened again after an I/O error. The operating system drops it with the process, so nothing
//! is left to clean up after a crash.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::{failure, private};
use crate::store::StoreError;

/// Held: nobody else has the store open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store at `store`, and says in the file who has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], with what the holder said.
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store, "lock");
        let failed = |source| failure("locking", &path, source);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = private(&mut options).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is is a courtesy: not knowing it changes nothing.
                let _ = file.read_to_string(&mut holder);
                let holder = Some(holder.trim().to_owned()).filter(|holder| !holder.is_empty());
                return Err(StoreError::Locked { path: store.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let said = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "process {}", std::process::id()));
        if let Err(error) = said {
            // A full disk must not keep a server from starting: it has results to recover.
            tracing::warn!(path = %path.display(), %error, "cannot note who holds the store");
        }
        Ok(Self { _file: file })
    }
}

/// The path of a file that belongs to the store at `store`.
pub(super) fn beside(store: &Path, extension: &str) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    store.with_file_name(name)
}
