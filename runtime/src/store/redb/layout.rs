//! How rows lie in the file, and how a transaction is made to them.
//!
//! One redb table holds everything. Against a redb table for each of ours, a commit to one kind of row writes more (33 KB, not
//! 29), to two as much, to five less (67 KB, not 79; 300-byte rows, 100,000 there): intents are of the first sort, results and
//! new operations of the last, so the simpler layout stays. A key is the tag of its table and the key within it; a value begins
//! with the version that wrote it (8 bytes, most significant first). Tag 0 is the store's own.

use std::ops::Bound;

use redb::{ReadableTable, StorageError, Table as RedbTable, TableDefinition};

use crate::store::{Check, Row, StoreError, Table, Txn, Version, Write, key::prefix_end};

/// Everything that is stored.
pub(super) const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
/// The store's own row: the format of the file, 4 bytes.
pub(super) const FORMAT: &[u8] = b"\0format";
/// The store's own row: the newest version, 8 bytes.
pub(super) const REVISION: &[u8] = b"\0revision";

/// `ROWS`, opened for writing.
pub(super) type Rows<'txn> = RedbTable<'txn, &'static [u8], &'static [u8]>;
/// `ROWS`, opened either way.
pub(super) trait Readable: ReadableTable<&'static [u8], &'static [u8]> {}
impl<T: ReadableTable<&'static [u8], &'static [u8]>> Readable for T {}

/// The key of a row in the file.
pub(super) fn raw_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(key.len().saturating_add(1));
    raw.push(table.tag());
    raw.extend_from_slice(key);
    raw
}

/// The value of a row in the file.
pub(super) fn raw_value(version: Version, value: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(value.len().saturating_add(8));
    raw.extend_from_slice(&version.get().to_be_bytes());
    raw.extend_from_slice(value);
    raw
}

/// Parts the value of a row in the file into version and value; none when it is too short for that.
pub(super) fn split(raw: &[u8]) -> Option<(Version, &[u8])> {
    let (version, value) = raw.split_first_chunk::<8>()?;
    Some((Version::new(u64::from_be_bytes(*version)), value))
}

/// Why rows could not be read: the disk, or what is on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Row(#[from] StoreError),
}

fn row(table: Table, key: &[u8], raw: &[u8]) -> Result<Row, StoreError> {
    let (version, value) = split(raw).ok_or_else(|| StoreError::bad_row(table, key, "its value has no version"))?;
    Ok(Row { key: key.to_vec(), value: value.to_vec(), version })
}

/// [`Store::get`](crate::store::Store::get).
pub(super) fn get(rows: &impl Readable, table: Table, key: &[u8]) -> Result<Option<Row>, RowError> {
    let found = rows.get(raw_key(table, key).as_slice())?;
    Ok(found.map(|raw| row(table, key, raw.value())).transpose()?)
}

/// From where to where, in the file.
type Span = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// What to read: the arguments of [`Store::scan`](crate::store::Store::scan).
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub table: Table,
    pub prefix: Vec<u8>,
    pub after: Option<Vec<u8>>,
    pub limit: usize,
    pub reverse: bool,
}

impl Scan {
    /// First key and the key that ends it, in the file; none when nothing can lie between.
    fn range(&self) -> Option<Span> {
        let start = raw_key(self.table, &self.prefix);
        // Tags are below 255, so every table has an end.
        let end = prefix_end(&start)?;
        match self.after.as_deref().map(|after| raw_key(self.table, after)) {
            None => Some((Bound::Included(start), Bound::Excluded(end))),
            Some(after) if self.reverse => {
                let end = end.min(after);
                (start < end).then_some((Bound::Included(start), Bound::Excluded(end)))
            }
            Some(after) if after < start => Some((Bound::Included(start), Bound::Excluded(end))),
            Some(after) => (after < end).then_some((Bound::Excluded(after), Bound::Excluded(end))),
        }
    }

    /// The rows.
    pub(super) fn read(&self, rows: &impl Readable) -> Result<Vec<Row>, RowError> {
        let Some((start, end)) = self.range() else {
            return Ok(Vec::new());
        };
        let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        let mut range = rows.range::<&[u8]>(range)?;
        let mut found = Vec::new();
        while found.len() < self.limit {
            let Some(next) = (if self.reverse { range.next_back() } else { range.next() }) else {
                break;
            };
            let (key, value) = next?;
            let key = key.value().get(1..).unwrap_or_default();
            found.push(row(self.table, key, value.value())?);
        }
        Ok(found)
    }
}

/// Makes the writes of `txn` under the version `as_version`, if its checks hold; otherwise changes nothing and says which did not.
///
/// An error of the storage leaves the redb transaction unfit to be committed.
pub(super) fn apply(
    rows: &mut Rows<'_>,
    txn: &Txn,
    as_version: Version,
) -> Result<Result<(), StoreError>, StorageError> {
    for check in txn.checks() {
        if !check.holds(version(rows, check)?) {
            return Ok(Err(check.conflict()));
        }
    }
    for write in txn.writes() {
        match write {
            Write::Put { table, key, value } => {
                rows.insert(raw_key(*table, key).as_slice(), raw_value(as_version, value).as_slice())?;
            }
            Write::Delete { table, key } => {
                rows.remove(raw_key(*table, key).as_slice())?;
            }
            Write::DeletePrefix { table, prefix } => {
                let start = raw_key(*table, prefix);
                if let Some(end) = prefix_end(&start) {
                    rows.retain_in::<&[u8], _>(start.as_slice()..end.as_slice(), |_, _| false)?;
                }
            }
        }
    }
    Ok(Ok(()))
}

fn version(rows: &impl Readable, check: &Check) -> Result<Option<Version>, StorageError> {
    let (table, key) = check.row();
    let found = rows.get(raw_key(table, key).as_slice())?;
    // A row without a version is damaged: no check holds for version 0, and reading the row says what is wrong.
    Ok(found.map(|raw| split(raw.value()).map(|(version, _)| version).unwrap_or_default()))
}

/// The newest version, as the file has it.
pub(super) fn revision(rows: &impl Readable) -> Result<Version, RowError> {
    match rows.get(REVISION)? {
        None => Ok(Version::default()),
        Some(raw) => match <[u8; 8]>::try_from(raw.value()) {
            Ok(bytes) => Ok(Version::new(u64::from_be_bytes(bytes))),
            Err(_) => {
                Err(RowError::Row(StoreError::Corrupt { what: "the revision is not a number of 8 bytes".into() }))
            }
        },
    }
}

/// Writes the newest version.
pub(super) fn set_revision(rows: &mut Rows<'_>, revision: Version) -> Result<(), StorageError> {
    rows.insert(REVISION, revision.get().to_be_bytes().as_slice())?;
    Ok(())
}
