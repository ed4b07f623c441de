//! A disk that is full, or broken.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::*;
use crate::store::StoreError;

fn set_full(store: &RedbStore, full: bool) {
    store.file.faults().inject.full.store(full, Ordering::Release);
}

async fn soon(mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(20), "it never held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_results_wait_and_intents_are_refused_at_once() {
    let (store, folder) = new();
    let store = Arc::new(store);
    store.commit(put("intent", "sent")).await.unwrap();
    set_full(&store, true);

    // Each needs the one before: they land in this order or not at all.
    let first = put("result 1", "").must_land();
    let second = put("result 2", "").check_exists(Table::Task, "result 1").must_land();
    let third = put("result 3", "").check_exists(Table::Task, "result 2").must_land();
    let results = tokio::spawn({
        let store = store.clone();
        async move { tokio::join!(store.commit(first), store.commit(second), store.commit(third)) }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    for _ in 0..5 {
        let before = Instant::now();
        let refused = store.commit(put("next intent", "")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
        assert!(before.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(store.trouble().is_some());
    assert_eq!(value(&store, "intent").await.as_deref(), Some("sent"), "reading goes on");
    assert!(!results.is_finished());

    set_full(&store, false);
    let results = results.await.unwrap();
    assert!(matches!(results, (Ok(_), Ok(_), Ok(_))), "{results:?}");
    store.commit(put("next intent", "")).await.unwrap();
    assert!(store.trouble().is_none());
    drop(store);
    let store = open(folder.path());
    let rows = store.scan(Table::Task, b"", None, 99, false).await.unwrap();
    assert_eq!(rows.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nothing_waiting_the_next_transaction_finds_out_that_there_is_space_again() {
    let (store, _folder) = new();
    set_full(&store, true);
    store.commit(put("a", "1")).await.unwrap_err();
    set_full(&store, false);
    soon(async || store.commit(put("a", "2")).await.is_ok()).await;
    assert_eq!(value(&store, "a").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_can_be_written_at_all_reads_say_why_and_results_still_land_later() {
    let (store, _folder) = new();
    let store = Arc::new(store);
    store.commit(put("a", "1")).await.unwrap();
    store.file.faults().inject.unwritable.store(true, Ordering::Release);
    let result = tokio::spawn({
        let store = store.clone();
        async move { store.commit(put("result", "").must_land()).await }
    });
    let unread = async || store.get(Table::Task, b"a").await;
    soon(async || matches!(unread().await, Err(StoreError::Full { .. }))).await;
    let refused = store.commit(put("intent", "")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    store.file.faults().inject.unwritable.store(false, Ordering::Release);
    result.await.unwrap().unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
    assert_eq!(value(&store, "result").await.as_deref(), Some(""));
    assert_eq!(value(&store, "intent").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_failed_but_is_in_the_file_is_answered_as_done_and_not_made_twice() {
    let (store, folder) = new();
    store.commit(put("a", "1")).await.unwrap();
    store.file.faults().inject.lie.store(true, Ordering::Release);
    let once = |key: &str| put(key, "1").check_absent(Table::Task, key);
    let (intent, result) = tokio::join!(store.commit(once("intent")), store.commit(once("result").must_land()));
    assert!(!store.file.faults().inject.lie.load(Ordering::Acquire), "the write did fail");
    let (intent, result) = (intent.unwrap(), result.unwrap());
    assert!(intent < result);
    let found = store.get(Table::Task, b"intent").await.unwrap().unwrap();
    assert_eq!(found.version, intent);
    soon(async || store.commit(put("b", "1")).await.is_ok()).await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.scan(Table::Task, b"", None, 9, false).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_on_a_full_disk_does_not_wait_for_space() {
    let (store, folder) = new();
    store.commit(put("a", "1")).await.unwrap();
    set_full(&store, true);
    let mut result = Box::pin(store.commit(put("result", "").must_land()));
    let waits = tokio::time::timeout(Duration::from_millis(200), &mut result).await;
    assert!(waits.is_err(), "{waits:?}");
    drop(result);
    let before = Instant::now();
    drop(store);
    assert!(before.elapsed() < Duration::from_secs(15));
    let store = open(folder.path());
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_more_is_built_on_what_the_disk_may_have_lost() {
    let (store, folder) = new();
    store.commit(put("a", "1")).await.unwrap();
    store.file.faults().inject.sync.store(true, Ordering::Release);
    let lost = store.commit(put("b", "1").must_land()).await.unwrap_err();
    assert!(matches!(lost, StoreError::Io { uncertain: true, .. }), "{lost:?}");
    store.file.faults().inject.sync.store(false, Ordering::Release);
    for txn in [put("c", "1"), put("d", "1").must_land()] {
        let refused = store.commit(txn).await.unwrap_err();
        assert!(matches!(refused, StoreError::Io { uncertain: true, .. }), "{refused:?}");
    }
    drop(store);
    let store = open(folder.path());
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
    assert_eq!(value(&store, "c").await, None);
}

/// A file system of two megabytes, if we may mount one.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(at).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_really_full_is_written_again_once_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("skipped: mounting a tmpfs is not permitted here");
        return;
    };
    let ballast = folder.path().join("ballast");
    fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();
    let store = Arc::new(open(folder.path()));
    let mut kept = 0_u32;
    let refused = loop {
        let fill = Txn::new().put(Table::Blob, format!("{kept:05}"), vec![7; 32 * 1024]);
        match store.commit(fill).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    assert!(kept > 0);
    let result = Txn::new().put(Table::Journal, "result", vec![8; 128 * 1024]).must_land();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.commit(result).await }
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!waiting.is_finished());
    let found = store.scan(Table::Blob, b"", None, 999, false).await.unwrap();
    assert_eq!(found.len(), usize::try_from(kept).unwrap(), "reading goes on, and shows what was answered");

    fs::remove_file(&ballast).unwrap();
    waiting.await.unwrap().unwrap();
    store.commit(put("after", "1")).await.unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.scan(Table::Blob, b"", None, 999, false).await.unwrap(), found);
    assert_eq!(store.get(Table::Journal, b"result").await.unwrap().unwrap().value, vec![8; 128 * 1024]);
    assert_eq!(value(&store, "after").await.as_deref(), Some("1"));
    drop(store);
}
