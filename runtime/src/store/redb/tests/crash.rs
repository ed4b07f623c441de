//! What was answered survives; what was not is there entirely or not at all.

use std::{fs, path::Path};

use super::{super::disk::Done, *};
use crate::store::Version;

#[tokio::test]
async fn rows_and_versions_survive_a_restart() {
    let (store, folder) = new();
    let first = store.commit(put("a", "1")).await.unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.get(Table::Task, b"a").await.unwrap().unwrap().version, first);
    assert_eq!(*store.changes().borrow(), first);
    let second = store.commit(put("b", "2")).await.unwrap();
    assert!(second > first, "a version is never given out twice");
}

#[tokio::test]
async fn whatever_was_answered_is_in_the_file_of_a_killed_server() {
    let (store, folder) = new();
    for number in 0..40 {
        store.commit(put(&format!("{number:02}"), "").put(Table::Meta, "last", number.to_string())).await.unwrap();
        // What a killed process leaves is what the system has of its file at that moment.
        let left = folder.path().join(format!("left-{number}"));
        fs::copy(store.path(), &left).unwrap();
        let found = RedbStore::open(&left, &Options::default()).unwrap();
        assert_eq!(found.scan(Table::Task, b"", None, 99, false).await.unwrap().len(), number + 1);
        let last = found.get(Table::Meta, b"last").await.unwrap().unwrap();
        assert_eq!(last.value, number.to_string().into_bytes());
    }
}

/// A disk that loses power keeps what was synced and, of what was written since, whatever it likes.
fn after_power_loss(done: &[Done], mut dice: impl FnMut() -> bool) -> Vec<u8> {
    let synced = done.iter().rposition(|done| matches!(done, Done::Sync)).map_or(0, |last| last + 1);
    let mut image = Vec::new();
    for (index, done) in done.iter().enumerate() {
        match done {
            Done::SetLen(len) => image.resize(usize::try_from(*len).unwrap(), 0),
            Done::Write { offset, bytes } if index < synced || dice() => {
                let start = usize::try_from(*offset).unwrap();
                let end = (start + bytes.len()).max(image.len());
                image.resize(end, 0);
                image[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Done::Write { .. } | Done::Sync => {}
        }
    }
    image
}

#[tokio::test]
async fn a_power_loss_at_any_moment_loses_no_answered_transaction_and_halves_none() {
    let (store, folder) = new();
    // (how much was done to the disk when the answer came, its version)
    let mut answered: Vec<(usize, Version)> = Vec::new();
    for number in 0..30_u32 {
        let size = usize::try_from(number * 397 % 9000).unwrap();
        let txn = Txn::new()
            .put(Table::Task, format!("{:02}", number % 7), number.to_string())
            .put(Table::Journal, format!("{number:02}"), vec![7; size])
            .put(Table::Meta, "number", number.to_string());
        let version = store.commit(txn).await.unwrap();
        answered.push((store.file.faults().inject.done.lock().unwrap().len(), version));
    }
    let done = store.file.faults().inject.done.lock().unwrap().clone();
    drop(store);

    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let first = answered[0].0;
    for round in 0..150_usize {
        let cut = first + (round * 7919 + usize::try_from(random() % 5).unwrap()) % (done.len() - first + 1);
        let odds = random() % 4;
        let image = after_power_loss(&done[..cut], || random() % 4 < odds);
        let path = folder.path().join(format!("lost-{round}"));
        fs::write(&path, image).unwrap();
        let count = answered.iter().filter(|(at, _)| *at <= cut).count();
        holds_at_least(&path, count).await;
        fs::remove_file(&path).unwrap();
    }
}

/// The file holds the first `count` transactions of the test above, or more, each entirely.
async fn holds_at_least(path: &Path, count: usize) {
    let store = RedbStore::open(path, &Options::default()).unwrap();
    let number = store.get(Table::Meta, b"number").await.unwrap().unwrap();
    let number: usize = String::from_utf8(number.value).unwrap().parse().unwrap();
    assert!(number + 1 >= count, "{count} were answered, the last one there is number {number}");
    let journal = store.scan(Table::Journal, b"", None, 99, false).await.unwrap();
    assert_eq!(journal.len(), number + 1);
    for (index, row) in journal.iter().enumerate() {
        assert_eq!(row.value, vec![7; index * 397 % 9000]);
    }
    let task = store.get(Table::Task, format!("{:02}", number % 7).as_bytes()).await.unwrap().unwrap();
    assert_eq!(task.value, number.to_string().into_bytes());
    store.commit(put("after", "")).await.unwrap();
}
