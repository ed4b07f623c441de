//! The format of the file, and the way from older ones to it.
//!
//! A change that an older server could not read gets the next number and a [`Migration`] that takes a store there from the
//! number before. All that are needed run in one transaction: a crash leaves the old format, never a half. What can be read
//! either way (a new field with a default) needs none.

use std::path::Path;

use super::{
    file::DbFile,
    layout::{FORMAT, ROWS, Readable, RowError, Rows, revision},
};
use crate::store::{StoreError, Version};

/// One step from a format to the next.
pub(super) struct Migration {
    /// What it does, for the log.
    pub what: &'static str,
    /// Rewrites the rows.
    pub run: fn(&mut Rows<'_>) -> Result<(), RowError>,
}

/// The step at index *n* leads from format *n* + [`OLDEST`] to the next.
pub(super) const MIGRATIONS: &[Migration] = &[];
/// The oldest format that can still be migrated.
pub(super) const OLDEST: u32 = 1;

/// The steps that a store of format `found` needs.
///
/// # Errors
///
/// [`StoreError::Schema`] for a newer store, [`StoreError::Corrupt`] for one older than the oldest.
pub(super) fn steps<'a>(
    path: &Path,
    found: u32,
    oldest: u32,
    migrations: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let supported = oldest.saturating_add(known);
    let done = found.checked_sub(oldest).and_then(|done| usize::try_from(done).ok());
    match done.and_then(|done| migrations.get(done..)) {
        Some(steps) => Ok(steps),
        None if found > supported => Err(StoreError::Schema { path: path.to_owned(), found, supported }),
        None => Err(StoreError::Corrupt { what: format!("format {found} is older than any that was ever released") }),
    }
}

/// Reads the format of a file; none for one that has no rows at all.
pub(super) fn read(rows: &impl Readable) -> Result<Option<u32>, RowError> {
    match rows.get(FORMAT)? {
        Some(raw) => match <[u8; 4]>::try_from(raw.value()) {
            Ok(bytes) => Ok(Some(u32::from_be_bytes(bytes))),
            Err(_) => Err(RowError::Row(StoreError::Corrupt { what: "the format is not a number of 4 bytes".into() })),
        },
        None if rows.is_empty()? => Ok(None),
        None => Err(RowError::Row(StoreError::Corrupt { what: "it does not say its format".into() })),
    }
}

/// Writes the format of a file.
pub(super) fn write(rows: &mut Rows<'_>, format: u32) -> Result<(), redb::StorageError> {
    rows.insert(FORMAT, format.to_be_bytes().as_slice())?;
    Ok(())
}

/// The newest format.
pub(super) fn newest(oldest: u32, migrations: &[Migration]) -> u32 {
    oldest.saturating_add(u32::try_from(migrations.len()).unwrap_or(u32::MAX))
}

/// Brings an open file to the newest format, and returns the newest version in it. `before` is called before the first
/// change to a store that has rows.
pub(super) fn migrate(
    file: &DbFile,
    oldest: u32,
    migrations: &[Migration],
    before: impl FnOnce(u32) -> Result<(), StoreError>,
) -> Result<Version, StoreError> {
    let failed = |error: redb::Error| file.error("preparing", error);
    let row_failed = |error: RowError| match error {
        RowError::Storage(error) => failed(error.into()),
        RowError::Row(error) => error,
    };
    let write_txn = file.begin_write()?;
    let mut rows = write_txn.open_table(ROWS).map_err(|error| failed(error.into()))?;
    let found = read(&rows).map_err(row_failed)?;
    let newest = newest(oldest, migrations);
    let steps = steps(file.path(), found.unwrap_or(newest), oldest, migrations)?;
    if let (Some(found), false) = (found, steps.is_empty()) {
        before(found)?;
    }
    for step in steps {
        tracing::info!(store = %file.path().display(), step = step.what, "migrating the store");
        (step.run)(&mut rows).map_err(row_failed)?;
    }
    let revision = revision(&rows).map_err(row_failed)?;
    if found == Some(newest) {
        drop(rows);
        write_txn.abort().map_err(|error| failed(error.into()))?;
    } else {
        write(&mut rows, newest).map_err(|error| failed(error.into()))?;
        drop(rows);
        write_txn.commit().map_err(|error| failed(error.into()))?;
    }
    Ok(revision)
}
