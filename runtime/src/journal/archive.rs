//! The journals of tasks that have ended: packed, and read again.
//!
//! Nobody goes on with the journal of an operation that has ended. It is history, an audit trail, and what another
//! version of the extension can be held to. So its rows become one: their values, as they are, compressed.
//!
//! ```text
//! Table::Journal   operation, task, 0 │ {"format":1,…}            Table::Archive   operation, task │ packed
//!                  operation, task, 1 │ {"format":1,…}    ──►
//!                  operation, task, 2 │ {"format":1,…}
//! ```
//!
//! # What it guarantees
//!
//! 1. [`unpack`] gives the values that [`pack`] was given, byte for byte: an entry of an older format stays what it was,
//!    and a secret stays the reference that it is in a journal. Damage is noticed.
//! 2. [`packing`] is one transaction: the journal is in one of the two tables, never in both and never in none. It holds
//!    only if the rows are still those that were packed.
//! 3. Whoever still held the task's lease by mistake can write no more: the lease goes with the rows.
//! 4. [`read`] finds a journal in either table.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::durable::{DurableError, parse};
use super::entry::Entry;
use super::replay::Journal;
use crate::store::{Key, Row, Store, Table, Txn};

/// The first byte of a packed journal. After it comes a zlib stream (RFC 1950, so with a checksum) of all values, each
/// after its length in four bytes, most significant first.
pub const FORMAT: u8 = 1;

/// A journal of more bytes is not packed: reading it again would take too much memory. The cap of a journal is below, but
/// results of calls that are under way may go beyond it.
const MOST_UNPACKED: usize = 4 * Journal::MAX_BYTES;

/// A journal that is still larger when it is packed stays as it is: it would hold up everybody else's transactions.
const MOST_PACKED: usize = 16 * 1024 * 1024;

/// Why a packed journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// A newer server has packed it.
    #[error("the packed journal has format {found}, this server reads format {FORMAT}: a newer one wrote it")]
    Format {
        /// What it has.
        found: u8,
    },
    /// It is not what was written.
    #[error("the packed journal is damaged ({0}): restore the store from a backup to see it")]
    Damaged(String),
}

/// Values, packed; none if they are too many to be packed.
#[must_use]
pub fn pack<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut room = MOST_UNPACKED;
    let mut packer = ZlibEncoder::new(vec![FORMAT], Compression::default());
    for value in values {
        room = room.checked_sub(value.len().saturating_add(4))?;
        let length = u32::try_from(value.len()).ok()?;
        packer.write_all(&length.to_be_bytes()).and_then(|()| packer.write_all(value)).ok()?;
    }
    packer.finish().ok().filter(|packed| packed.len() <= MOST_PACKED)
}

/// The values that were packed.
///
/// # Errors
/// [`ArchiveError`].
pub fn unpack(packed: &[u8]) -> Result<Vec<Vec<u8>>, ArchiveError> {
    let damaged = |what: &str| ArchiveError::Damaged(what.to_owned());
    let (format, stream) = packed.split_first().ok_or_else(|| damaged("it is empty"))?;
    if *format != FORMAT {
        return Err(ArchiveError::Format { found: *format });
    }
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(stream).take(MOST_UNPACKED as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| damaged(&error.to_string()))?;
    if bytes.len() > MOST_UNPACKED {
        return Err(damaged("it is longer than any that is written"));
    }
    let mut values = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (value, after) = after.split_at_checked(length).ok_or_else(|| damaged("an entry ends early"))?;
        values.push(value.to_vec());
        rest = after;
    }
    if rest.is_empty() { Ok(values) } else { Err(damaged("an entry ends early")) }
}

/// What packs the journal of a task: `rows` is all of it. None if there is nothing to pack, or too much.
#[must_use]
pub fn packing(task: &Key, rows: &[Row]) -> Option<Txn> {
    let last = rows.last()?;
    let packed = pack(rows.iter().map(|row| row.value.as_slice()))?;
    let unchanged = rows.iter().fold(Txn::new(), |txn, row| txn.check_version(Table::Journal, &*row.key, row.version));
    Some(
        unchanged
            .check_absent(Table::Journal, following(&last.key))
            .delete_prefix(Table::Journal, task)
            .delete(Table::Lease, task)
            .put(Table::Archive, task, packed),
    )
}

/// The key of the position after this row's.
fn following(last: &[u8]) -> Vec<u8> {
    let Some((task, position)) = last.split_last_chunk::<4>() else { return last.to_vec() };
    let next = u32::from_be_bytes(*position).saturating_add(1);
    [task, &next.to_be_bytes()].concat()
}

/// The journal of a task, packed or not; empty if it made no calls, or its journal was removed.
///
/// # Errors
/// [`DurableError::Store`]; [`DurableError::Format`] and [`DurableError::Archive`] for what cannot be read.
pub async fn read(store: &dyn Store, task: &Key) -> Result<Vec<Entry>, DurableError> {
    // In this order: a journal that is packed meanwhile is seen in one of the two.
    let rows = store.scan(Table::Journal, task, None, usize::MAX, false).await?;
    let values = match store.get(Table::Archive, task).await? {
        Some(packed) if rows.is_empty() => unpack(&packed.value)?,
        _ => rows.into_iter().map(|row| row.value).collect(),
    };
    (0..).zip(values).map(|(position, value)| parse(position, &value)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::entry::{Body, Millis, Note};
    use crate::store::lease::{self, Standing};
    use crate::store::{MemoryStore, StoreError};

    proptest! {
        #[test]
        fn what_was_packed_is_read_again_byte_for_byte(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
            let packed = pack(values.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(unpack(&packed).unwrap(), values);
        }

        #[test]
        fn a_damaged_archive_is_an_error_and_never_another_journal(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
            cut in any::<prop::sample::Index>(),
        ) {
            let packed = pack(values.iter().map(Vec::as_slice)).unwrap();
            let mut flipped = packed.clone();
            flipped[at.index(packed.len())] ^= flip;
            // The last byte of the compressed part may have bits that mean nothing.
            if let Ok(read) = unpack(&flipped) {
                prop_assert_eq!(&read, &values);
            }
            prop_assert!(unpack(&packed[..cut.index(packed.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_values_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
        }
    }

    #[test]
    fn what_is_too_large_is_not_packed() {
        // Random bytes do not get smaller.
        let mut noise = vec![0; MOST_PACKED + 1];
        rand::fill(noise.as_mut_slice());
        assert_eq!(pack([noise.as_slice()]), None);
        assert!(pack([&noise[..MOST_PACKED / 2]]).is_some());
        let zeros = vec![0; MOST_UNPACKED / 4];
        assert_eq!(pack([zeros.as_slice(); 4]), None, "with its lengths it is above the limit");
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        assert_eq!(unpack(&[2, 0, 0]), Err(ArchiveError::Format { found: 2 }));
        assert!(matches!(unpack(&[]), Err(ArchiveError::Damaged(_))));
    }

    fn task() -> Key {
        Key::new().text("01op").u32(3)
    }

    fn entry(number: u64) -> Entry {
        let note = Note { function: "operation.name".to_owned(), request: number.to_string(), result: "{}".to_owned() };
        Entry::new(Millis(number), Millis(number), Body::Note(note))
    }

    async fn journal(count: u64) -> MemoryStore {
        let store = MemoryStore::new();
        let txn = (0..count).fold(Txn::new(), |txn, number| {
            let key = task().u32(u32::try_from(number).unwrap());
            txn.put_json(Table::Journal, key, &entry(number)).unwrap()
        });
        store.commit(txn).await.unwrap();
        store
    }

    async fn rows(store: &MemoryStore) -> Vec<Row> {
        store.scan(Table::Journal, &task(), None, usize::MAX, false).await.unwrap()
    }

    #[tokio::test]
    async fn a_journal_reads_the_same_before_and_after_it_is_packed() {
        let store = journal(20).await;
        let neighbour = Key::new().text("01op").u32(4).u32(0);
        store.commit(Txn::new().put_json(Table::Journal, &neighbour, &entry(9)).unwrap()).await.unwrap();
        let before = read(&store, &task()).await.unwrap();
        assert_eq!(before, (0..20).map(entry).collect::<Vec<_>>());
        store.commit(packing(&task(), &rows(&store).await).unwrap()).await.unwrap();
        assert_eq!(rows(&store).await, []);
        assert_eq!(read(&store, &task()).await.unwrap(), before);
        assert!(store.get(Table::Journal, &neighbour).await.unwrap().is_some(), "another task's journal stays");
        assert!(packing(&task(), &[]).is_none());
    }

    #[tokio::test]
    async fn a_journal_that_has_changed_since_it_was_read_is_not_packed() {
        for change in [0, 19, 20] {
            let store = journal(20).await;
            let txn = packing(&task(), &rows(&store).await).unwrap();
            let other = Txn::new().put_json(Table::Journal, task().u32(change), &entry(99)).unwrap();
            store.commit(other).await.unwrap();
            let before = read(&store, &task()).await.unwrap();
            assert!(matches!(store.commit(txn).await, Err(StoreError::Conflict { .. })), "entry {change}");
            assert_eq!(read(&store, &task()).await.unwrap(), before);
        }
    }

    #[tokio::test]
    async fn nobody_goes_on_with_a_packed_journal() {
        let store = std::sync::Arc::new(journal(2).await);
        let me = store.incarnate("here").await.unwrap();
        let claim = async || match lease::standing(&*store, &me, &task()).await.unwrap() {
            Standing::Free(claim) | Standing::Ours(claim) => claim.take(&*store).await.unwrap(),
            Standing::Held(_) => panic!("nobody else is there"),
        };
        let stale = claim().await;
        store.commit(packing(&task(), &rows(&store).await).unwrap()).await.unwrap();
        let late = Txn::new().check(stale.check()).put(Table::Journal, task().u32(2), "late");
        assert!(matches!(store.commit(late).await, Err(StoreError::Conflict { .. })));
        let opened = super::super::DurableJournal::open(store.clone(), task(), claim().await, Millis(0)).await;
        assert!(matches!(opened, Err(DurableError::Packed)));
    }
}
