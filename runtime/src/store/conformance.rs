//! What every implementation of [`Store`] promises, as tests: `conformance!(name, store)` runs them all against the stores that
//! `store` makes. It makes an empty one, together with whatever must live as long as it does.

use std::sync::Arc;

use super::{
    Check, Key, Row, Store, StoreError, Table, Txn, Typed, Version,
    lease::{self, Standing},
};

macro_rules! conformance {
    ($store:expr; $($promise:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let (store, _keep) = $store;
            crate::store::conformance::$promise(std::sync::Arc::new(store)).await;
        })*
    };
    ($store:expr) => {
        crate::store::conformance::conformance! { $store;
            a_row_is_there_once_committed,
            a_failed_check_writes_nothing_and_names_the_row,
            checks_see_the_state_before_the_writes_of_their_transaction,
            every_row_of_a_transaction_has_its_version,
            writes_happen_in_order,
            tables_and_prefixes_do_not_touch_each_other,
            scans_page_in_both_directions,
            concurrent_increments_are_all_counted,
            of_many_creators_one_wins,
            changes_wake_whoever_waits,
            what_is_too_large_is_refused,
            a_claimed_task_is_held_until_released,
            a_holder_that_was_given_up_cannot_write,
            a_new_incarnation_frees_the_leases_of_the_old,
            a_backup_is_a_store,
        }
    };
}
pub(super) use conformance;

type Shared<S> = Arc<S>;

async fn value(store: &dyn Store, key: &str) -> Option<String> {
    let row = store.get(Table::Task, key.as_bytes()).await.unwrap();
    row.map(|row| String::from_utf8(row.value).unwrap())
}

async fn keys(
    store: &dyn Store,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    reverse: bool,
) -> Vec<String> {
    let after = after.map(str::as_bytes);
    let rows = store
        .scan(Table::Task, prefix.as_bytes(), after, limit, reverse)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| String::from_utf8(row.key).unwrap())
        .collect()
}

pub async fn a_row_is_there_once_committed(store: Shared<impl Store>) {
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), None);
    let version = store
        .commit(Txn::new().put(Table::Task, "a", "1"))
        .await
        .unwrap();
    let row = Row {
        key: b"a".to_vec(),
        value: b"1".to_vec(),
        version,
    };
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), Some(row));
    let later = store
        .commit(Txn::new().delete(Table::Task, "a"))
        .await
        .unwrap();
    assert!(later > version);
    assert_eq!(store.get(Table::Task, b"a").await.unwrap(), None);
    store
        .commit(Txn::new().delete(Table::Task, "never there"))
        .await
        .unwrap();
    let empty = Txn::new().put(Table::Task, "", "");
    store.commit(empty).await.unwrap();
    assert_eq!(value(&*store, "").await.as_deref(), Some(""));
}

pub async fn a_failed_check_writes_nothing_and_names_the_row(store: Shared<impl Store>) {
    let version = store
        .commit(Txn::new().put(Table::Task, "a", "1"))
        .await
        .unwrap();
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
        let error = store
            .commit(txn.put(Table::Task, "b", "2").delete(Table::Task, "a"))
            .await;
        let Err(StoreError::Conflict { table, key }) = error else {
            panic!("{check:?}: {error:?}")
        };
        assert_eq!((table, key.as_slice()), check.row());
        assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
        assert_eq!(value(&*store, "b").await, None);
    }
    let held = Txn::new()
        .check_version(Table::Task, "a", version)
        .check_exists(Table::Task, "a")
        .check_absent(Table::Task, "b");
    assert_eq!(
        store.commit(held.clone()).await.unwrap(),
        version,
        "checks alone write nothing"
    );
    store.commit(held.put(Table::Task, "b", "2")).await.unwrap();
    assert_eq!(value(&*store, "b").await.as_deref(), Some("2"));
}

pub async fn checks_see_the_state_before_the_writes_of_their_transaction(
    store: Shared<impl Store>,
) {
    let txn = Txn::new()
        .put(Table::Task, "a", "1")
        .check_absent(Table::Task, "a")
        .and(Txn::new().check_absent(Table::Task, "a"));
    store.commit(txn).await.unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
}

pub async fn every_row_of_a_transaction_has_its_version(store: Shared<impl Store>) {
    let first = store
        .commit(Txn::new().put(Table::Task, "a", "1"))
        .await
        .unwrap();
    let txn = Txn::new()
        .put(Table::Task, "b", "2")
        .put(Table::Timer, "c", "3");
    let second = store.commit(txn).await.unwrap();
    assert!(second > first);
    for (table, key, version) in [
        (Table::Task, "a", first),
        (Table::Task, "b", second),
        (Table::Timer, "c", second),
    ] {
        assert_eq!(
            store
                .get(table, key.as_bytes())
                .await
                .unwrap()
                .unwrap()
                .version,
            version
        );
    }
    // Writing the same bytes again is a change too.
    let third = store
        .commit(Txn::new().put(Table::Task, "a", "1"))
        .await
        .unwrap();
    let stale = Txn::new()
        .check_version(Table::Task, "a", first)
        .put(Table::Task, "a", "2");
    assert!(store.commit(stale).await.unwrap_err().is_conflict());
    // A row that was deleted and made anew is another one.
    store
        .commit(Txn::new().delete(Table::Task, "a"))
        .await
        .unwrap();
    store
        .commit(Txn::new().put(Table::Task, "a", "1"))
        .await
        .unwrap();
    let stale = Txn::new()
        .check_version(Table::Task, "a", third)
        .put(Table::Task, "a", "2");
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
    let fill = [Table::Operation, Table::Task, Table::Journal]
        .into_iter()
        .fold(Txn::new(), |txn, table| {
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
    let count = async |table: Table, prefix: &[u8]| {
        store
            .scan(table, prefix, None, 99, false)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(count(Table::Task, b"").await, 6);
    assert_eq!(count(Table::Task, &[0xff]).await, 2);
    store
        .commit(Txn::new().delete_prefix(Table::Task, [0xff]))
        .await
        .unwrap();
    assert_eq!(count(Table::Task, b"").await, 4);
    store
        .commit(Txn::new().delete_prefix(Table::Task, "a"))
        .await
        .unwrap();
    assert_eq!(count(Table::Task, b"").await, 2);
    store
        .commit(Txn::new().delete_prefix(Table::Task, ""))
        .await
        .unwrap();
    assert_eq!(count(Table::Task, b"").await, 0);
    assert_eq!(
        (
            count(Table::Operation, b"").await,
            count(Table::Journal, b"").await
        ),
        (6, 6)
    );
}

pub async fn scans_page_in_both_directions(store: Shared<impl Store>) {
    // More than any limit below which an implementation takes a short way.
    let name = |number: u32| format!("k/{number:05}");
    let all: Vec<_> = (0..3000).map(name).collect();
    let fill = all.iter().fold(Txn::new(), |txn, key| {
        txn.put(Table::Task, key.as_str(), key.as_str())
    });
    store
        .commit(fill.put(Table::Task, "j", "").put(Table::Task, "l", ""))
        .await
        .unwrap();
    for reverse in [false, true] {
        let mut expected = all.clone();
        if reverse {
            expected.reverse();
        }
        assert_eq!(
            keys(&*store, "k/", None, usize::MAX, reverse).await,
            expected
        );
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
    assert_eq!(
        keys(&*store, "k/", Some("k/00001x"), 1, false).await,
        ["k/00002"]
    );
    assert_eq!(
        keys(&*store, "k/", Some("k/00001x"), 1, true).await,
        ["k/00001"]
    );
    assert_eq!(keys(&*store, "k/", Some("a"), 1, false).await, ["k/00000"]);
    assert_eq!(keys(&*store, "k/", Some("a"), 1, true).await, [""; 0]);
    assert_eq!(keys(&*store, "k/", Some("z"), 1, false).await, [""; 0]);
    assert_eq!(keys(&*store, "k/", Some("z"), 1, true).await, ["k/02999"]);
}

pub async fn concurrent_increments_are_all_counted(store: Shared<impl Store>) {
    store
        .commit(Txn::new().put_json(Table::Meta, "n", &0u64).unwrap())
        .await
        .unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| tokio::spawn(increment(store.clone())))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        store
            .get_json::<u64>(Table::Meta, b"n")
            .await
            .unwrap()
            .unwrap()
            .value,
        160
    );
}

async fn increment(store: Shared<impl Store>) {
    for _ in 0..20 {
        loop {
            let row = store
                .get_json::<u64>(Table::Meta, b"n")
                .await
                .unwrap()
                .unwrap();
            let txn = Txn::new().check_version(Table::Meta, "n", row.version);
            match store
                .commit(txn.put_json(Table::Meta, "n", &(row.value + 1)).unwrap())
                .await
            {
                Ok(_) => break,
                Err(error) => assert!(error.is_conflict(), "{error}"),
            }
        }
    }
}

pub async fn of_many_creators_one_wins(store: Shared<impl Store>) {
    let tasks: Vec<_> = (0..16)
        .map(|number: u32| {
            let store = store.clone();
            tokio::spawn(async move {
                let txn = Txn::new().check_absent(Table::Task, "only").put(
                    Table::Task,
                    "only",
                    number.to_string(),
                );
                store
                    .commit(txn.put(Table::Timer, Key::new().u32(number), ""))
                    .await
                    .map(|_| number)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(number) => winners.push(number.to_string()),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(value(&*store, "only").await, winners.pop());
    assert_eq!(
        store
            .scan(Table::Timer, b"", None, 99, false)
            .await
            .unwrap()
            .len(),
        1
    );
}

pub async fn changes_wake_whoever_waits(store: Shared<impl Store>) {
    let mut changes = store.changes();
    let seen = *changes.borrow_and_update();
    let waiting = tokio::spawn(async move {
        changes.changed().await.unwrap();
        *changes.borrow()
    });
    let version = store
        .commit(Txn::new().put(Table::Event, "1", ""))
        .await
        .unwrap();
    assert!(version > seen);
    assert_eq!(waiting.await.unwrap(), version);
}

pub async fn what_is_too_large_is_refused(store: Shared<impl Store>) {
    let long = vec![b'k'; super::MAX_KEY + 1];
    let large = vec![0; super::MAX_TXN];
    for txn in [
        Txn::new().put(Table::Blob, long.clone(), ""),
        Txn::new().check_exists(Table::Blob, long.clone()),
        Txn::new().delete_prefix(Table::Blob, long),
        Txn::new().put(Table::Blob, "k", large),
    ] {
        assert!(matches!(
            store.commit(txn).await,
            Err(StoreError::TooLarge { .. })
        ));
    }
    let most = vec![7; super::MAX_TXN - 1];
    store
        .commit(Txn::new().put(Table::Blob, "k", most.clone()))
        .await
        .unwrap();
    assert_eq!(
        store.get(Table::Blob, b"k").await.unwrap().unwrap().value,
        most
    );
}

pub async fn a_claimed_task_is_held_until_released(store: Shared<impl Store>) {
    let me = store.incarnate("test").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &me, b"task").await.unwrap() else {
        panic!()
    };
    let rival = claim.clone();
    let lease = claim.take(&*store).await.unwrap();
    assert!(
        rival.take(&*store).await.unwrap_err().is_conflict(),
        "the other was faster"
    );
    assert_eq!(lease.fence().incarnation, me.id());
    assert!(matches!(
        lease::standing(&*store, &me, b"task").await.unwrap(),
        Standing::Ours(_)
    ));
    store
        .commit(Txn::new().check(lease.check()).put(Table::Task, "a", "1"))
        .await
        .unwrap();
    store
        .commit(lease.clone().release(Txn::new().put(Table::Task, "a", "2")))
        .await
        .unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("2"));
    assert!(matches!(
        lease::standing(&*store, &me, b"task").await.unwrap(),
        Standing::Free(_)
    ));
    let late = store
        .commit(Txn::new().check(lease.check()).put(Table::Task, "a", "3"))
        .await;
    assert!(
        late.unwrap_err().is_conflict(),
        "a released lease writes nothing"
    );
}

pub async fn a_holder_that_was_given_up_cannot_write(store: Shared<impl Store>) {
    let me = store.incarnate("test").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &me, b"task").await.unwrap() else {
        panic!()
    };
    let stale = claim.take(&*store).await.unwrap();
    let Standing::Ours(again) = lease::standing(&*store, &me, b"task").await.unwrap() else {
        panic!()
    };
    let txn = again
        .with(Txn::new().put(Table::Task, "a", "claimed"))
        .unwrap();
    let version = store.commit(txn).await.unwrap();
    let lease = again.granted(version);
    assert!(lease.fence().token > stale.fence().token);
    let late = store
        .commit(
            Txn::new()
                .check(stale.check())
                .put(Table::Task, "a", "stale"),
        )
        .await;
    assert!(late.unwrap_err().is_conflict());
    assert!(
        store
            .commit(stale.release(Txn::new()))
            .await
            .unwrap_err()
            .is_conflict()
    );
    store
        .commit(
            Txn::new()
                .check(lease.check())
                .put(Table::Task, "a", "ours"),
        )
        .await
        .unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("ours"));
}

pub async fn a_new_incarnation_frees_the_leases_of_the_old(store: Shared<impl Store>) {
    let old = store.incarnate("old").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &old, b"task").await.unwrap() else {
        panic!()
    };
    let stale = claim.take(&*store).await.unwrap();
    let Standing::Free(unused) = lease::standing(&*store, &old, b"other").await.unwrap() else {
        panic!()
    };

    let new = store.incarnate("new").await.unwrap();
    assert!(new.id() > old.id());
    let alive = lease::alive(&*store).await.unwrap();
    assert_eq!(
        alive,
        [(
            new.id(),
            lease::Holder {
                holder: "new".into()
            }
        )]
    );
    let check: Check = old.check();
    assert!(
        store
            .commit(Txn::new().check(check))
            .await
            .unwrap_err()
            .is_conflict()
    );
    assert!(
        unused.take(&*store).await.unwrap_err().is_conflict(),
        "the dead claim nothing"
    );
    let Standing::Free(claim) = lease::standing(&*store, &new, b"task").await.unwrap() else {
        panic!()
    };
    claim.take(&*store).await.unwrap();
    let late = store
        .commit(Txn::new().check(stale.check()).put(Table::Task, "a", "1"))
        .await;
    assert!(late.unwrap_err().is_conflict());
}

pub async fn a_backup_is_a_store(store: Shared<impl Store>) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let version = store
        .commit(
            Txn::new()
                .put(Table::Task, "a", "1")
                .put(Table::Blob, "b", vec![1; 9999]),
        )
        .await
        .unwrap();
    store.backup(&to).await.unwrap();
    assert!(matches!(
        store.backup(&to).await,
        Err(StoreError::Exists { .. })
    ));
    let copy = super::RedbStore::open(&to, &Default::default()).unwrap();
    assert_eq!(
        copy.get(Table::Task, b"a").await.unwrap(),
        store.get(Table::Task, b"a").await.unwrap()
    );
    assert_eq!(
        copy.get(Table::Blob, b"b").await.unwrap(),
        store.get(Table::Blob, b"b").await.unwrap()
    );
    assert!(
        copy.commit(Txn::new().put(Table::Task, "a", "2"))
            .await
            .unwrap()
            > version
    );
    assert_eq!(value(&*store, "a").await.as_deref(), Some("1"));
}
