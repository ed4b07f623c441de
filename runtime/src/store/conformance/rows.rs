//! Rows, checks and scans.

use super::{Shared, keys, value};
use crate::store::{Row, Store, StoreError, Table, Txn, Version};

pub async fn a_row_is_there_once_committed(store: Shared<impl Store>) {
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), None);
    let version = store.commit(Txn::new().put(Table::Task, "a", "1")).await.unwrap();
    let row = Row { key: b"a".to_vec(), value: b"1".to_vec(), version };
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), Some(row));
    let later = store.commit(Txn::new().delete(Table::Task, "a")).await.unwrap();
    assert!(later > version);
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), None);
    store.commit(Txn::new().delete(Table::Task, "never there")).await.unwrap();
    let empty = Txn::new().put(Table::Task, "", "");
    store.commit(empty).await.unwrap();
    assert_eq!(value(&*store, "").await.as_deref(), Some(""));
}

pub async fn a_failed_check_writes_nothing_and_names_the_row(store: Shared<impl Store>) {
    let version = store.commit(Txn::new().put(Table::Task, "a", "1")).await.unwrap();
    let other = Version::new(version.get() + 1);
    let refused = [
        Txn::new().check_absent(Table::Task, "a"),
        Txn::new().check_version(Table::Task, "a", other),
        Txn::new().check_version(Table::Task, "none", version),
        Txn::new().check_exists(Table::Task, "none"),
        // The same key of another table is another row.
        Txn::new().check_version(Table::Timer, "a", version),
    ];
    for txn in refused {
        let check = txn.checks()[0].clone();
        let txn = Txn::new().check_exists(Table::Task, "a").and(txn);
        let error = store.commit(txn.put(Table::Task, "b", "2").delete(Table::Task, "a")).await;
        let Err(StoreError::Conflict { table, key }) = error else { panic!("{check:?}: {error:?}") };
        assert_eq!((table, key.as_slice()), check.row());
        assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
        assert_eq!(value(&*store, "b").await, None);
    }
    let held = Txn::new()
        .check_version(Table::Task, "a", version)
        .check_exists(Table::Task, "a")
        .check_absent(Table::Task, "b");
    assert_eq!(store.commit(held.clone()).await.unwrap(), version, "checks alone write nothing");
    store.commit(held.put(Table::Task, "b", "2")).await.unwrap();
    assert_eq!(value(&*store, "b").await.as_deref(), Some("2"));
}

pub async fn checks_see_the_state_before_the_writes_of_their_transaction(store: Shared<impl Store>) {
    let txn = Txn::new()
        .put(Table::Task, "a", "1")
        .check_absent(Table::Task, "a")
        .and(Txn::new().check_absent(Table::Task, "a"));
    store.commit(txn).await.unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
}

pub async fn every_row_of_a_transaction_has_its_version(store: Shared<impl Store>) {
    let first = store.commit(Txn::new().put(Table::Task, "a", "1")).await.unwrap();
    let txn = Txn::new().put(Table::Task, "b", "2").put(Table::Timer, "c", "3");
    let second = store.commit(txn).await.unwrap();
    assert!(second > first);
    for (table, key, version) in [(Table::Task, "a", first), (Table::Task, "b", second), (Table::Timer, "c", second)] {
        assert_eq!(store.get(table, key.as_bytes()).await.unwrap().unwrap().version, version);
    }
    // Writing the same bytes again is a change too.
    let third = store.commit(Txn::new().put(Table::Task, "a", "1")).await.unwrap();
    let stale = Txn::new().check_version(Table::Task, "a", first).put(Table::Task, "a", "2");
    assert!(store.commit(stale).await.unwrap_err().is_conflict());
    // A row that was deleted and made anew is another one.
    store.commit(Txn::new().delete(Table::Task, "a")).await.unwrap();
    store.commit(Txn::new().put(Table::Task, "a", "1")).await.unwrap();
    let stale = Txn::new().check_version(Table::Task, "a", third).put(Table::Task, "a", "2");
    assert!(store.commit(stale).await.unwrap_err().is_conflict());
}

pub async fn writes_happen_in_order(store: Shared<impl Store>) {
    let txn = Txn::new()
        .put(Table::Task, "p/1", "old")
        .put(Table::Task, "p/2", "old")
        .put(Table::Task, "p", "not under p/")
        .delete_prefix(Table::Task, "p/")
        .put(Table::Task, "p/2", "new")
        .put(Table::Task, "p/3", "old")
        .put(Table::Task, "p/3", "new")
        .put(Table::Task, "p/4", "new")
        .delete(Table::Task, "p/4");
    store.commit(txn).await.unwrap();
    assert_eq!(keys(&*store, "", None, 9, false).await, ["p", "p/2", "p/3"]);
    assert_eq!(value(&*store, "p/2").await.as_deref(), Some("new"));
    assert_eq!(value(&*store, "p/3").await.as_deref(), Some("new"));
}

pub async fn tables_and_prefixes_do_not_touch_each_other(store: Shared<impl Store>) {
    let highest: &[u8] = &[0xff, 0xff];
    let fill = [Table::Operation, Table::Task, Table::Journal].into_iter().fold(Txn::new(), |txn, table| {
        txn.put(table, "", "")
            .put(table, "a", "")
            .put(table, "ab", "")
            .put(table, "b", "")
            .put(table, [0xff], "")
            .put(table, highest, "")
    });
    store.commit(fill).await.unwrap();
    assert_eq!(keys(&*store, "a", None, 9, false).await, ["a", "ab"]);
    assert_eq!(keys(&*store, "a", None, 9, true).await, ["ab", "a"]);
    let count = async |table: Table, prefix: &[u8]| store.scan(table, prefix, None, 99, false).await.unwrap().len();
    assert_eq!(count(Table::Task, b"").await, 6);
    assert_eq!(count(Table::Task, &[0xff]).await, 2);
    store.commit(Txn::new().delete_prefix(Table::Task, [0xff])).await.unwrap();
    assert_eq!(count(Table::Task, b"").await, 4);
    store.commit(Txn::new().delete_prefix(Table::Task, "a")).await.unwrap();
    assert_eq!(count(Table::Task, b"").await, 2);
    store.commit(Txn::new().delete_prefix(Table::Task, "")).await.unwrap();
    assert_eq!(count(Table::Task, b"").await, 0);
    assert_eq!((count(Table::Operation, b"").await, count(Table::Journal, b"").await), (6, 6));
}

pub async fn scans_page_in_both_directions(store: Shared<impl Store>) {
    // More than any limit below which an implementation takes a short way.
    let name = |number: u32| format!("k/{number:05}");
    let all: Vec<_> = (0..3000).map(name).collect();
    let fill = all.iter().fold(Txn::new(), |txn, key| txn.put(Table::Task, key.as_str(), key.as_str()));
    store.commit(fill.put(Table::Task, "j", "").put(Table::Task, "l", "")).await.unwrap();
    for reverse in [false, true] {
        let mut expected = all.clone();
        if reverse {
            expected.reverse();
        }
        assert_eq!(keys(&*store, "k/", None, usize::MAX, reverse).await, expected);
        let (mut paged, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = keys(&*store, "k/", after.as_deref(), 700, reverse).await;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            paged.extend(page);
        }
        assert_eq!(paged, expected);
    }
    assert_eq!(keys(&*store, "k/", None, 0, false).await, [""; 0]);
    // A cursor need not exist, nor lie within the prefix.
    assert_eq!(keys(&*store, "k/", Some("k/00001x"), 1, false).await, ["k/00002"]);
    assert_eq!(keys(&*store, "k/", Some("k/00001x"), 1, true).await, ["k/00001"]);
    assert_eq!(keys(&*store, "k/", Some("a"), 1, false).await, ["k/00000"]);
    assert_eq!(keys(&*store, "k/", Some("a"), 1, true).await, [""; 0]);
    assert_eq!(keys(&*store, "k/", Some("z"), 1, false).await, [""; 0]);
    assert_eq!(keys(&*store, "k/", Some("z"), 1, true).await, ["k/02999"]);
}
