//! Incarnations and leases: who was given up does not write.

use super::{Shared, value};
use crate::store::{
    Store, Table, Txn,
    lease::{self, Standing},
};

pub async fn a_claimed_task_is_held_until_released(store: Shared<impl Store>) {
    let me = store.incarnate("test").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &me, b"task").await.unwrap() else { panic!() };
    let rival = claim.clone();
    let lease = claim.take(&*store).await.unwrap();
    assert!(rival.take(&*store).await.unwrap_err().is_conflict(), "the other was faster");
    assert_eq!(lease.fence().incarnation, me.id());
    assert!(matches!(lease::standing(&*store, &me, b"task").await.unwrap(), Standing::Ours(_)));
    store.commit(Txn::new().check(lease.check()).put(Table::Task, "a", "1")).await.unwrap();
    store.commit(lease.clone().release(Txn::new().put(Table::Task, "a", "2"))).await.unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("2"));
    assert!(matches!(lease::standing(&*store, &me, b"task").await.unwrap(), Standing::Free(_)));
    let late = store.commit(Txn::new().check(lease.check()).put(Table::Task, "a", "3")).await;
    assert!(late.unwrap_err().is_conflict(), "a released lease writes nothing");
}

pub async fn a_holder_that_was_given_up_cannot_write(store: Shared<impl Store>) {
    let me = store.incarnate("test").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &me, b"task").await.unwrap() else { panic!() };
    let stale = claim.take(&*store).await.unwrap();
    let Standing::Ours(again) = lease::standing(&*store, &me, b"task").await.unwrap() else { panic!() };
    let txn = again.with(Txn::new().put(Table::Task, "a", "claimed")).unwrap();
    let version = store.commit(txn).await.unwrap();
    let lease = again.granted(version);
    assert!(lease.fence().token > stale.fence().token);
    let late = store.commit(Txn::new().check(stale.check()).put(Table::Task, "a", "stale")).await;
    assert!(late.unwrap_err().is_conflict());
    assert!(store.commit(stale.release(Txn::new())).await.unwrap_err().is_conflict());
    store.commit(Txn::new().check(lease.check()).put(Table::Task, "a", "ours")).await.unwrap();
    assert_eq!(value(&*store, "a").await.as_deref(), Some("ours"));
}

pub async fn a_new_incarnation_frees_the_leases_of_the_old(store: Shared<impl Store>) {
    let old = store.incarnate("old").await.unwrap();
    let Standing::Free(claim) = lease::standing(&*store, &old, b"task").await.unwrap() else { panic!() };
    let stale = claim.take(&*store).await.unwrap();
    let Standing::Free(unused) = lease::standing(&*store, &old, b"other").await.unwrap() else { panic!() };

    let new = store.incarnate("new").await.unwrap();
    assert!(new.id() > old.id());
    let alive = lease::alive(&*store).await.unwrap();
    assert_eq!(alive, [(new.id(), lease::Holder { holder: "new".into() })]);
    assert!(store.commit(Txn::new().check(old.check())).await.unwrap_err().is_conflict());
    assert!(unused.take(&*store).await.unwrap_err().is_conflict(), "the dead claim nothing");
    let Standing::Free(claim) = lease::standing(&*store, &new, b"task").await.unwrap() else { panic!() };
    claim.take(&*store).await.unwrap();
    let late = store.commit(Txn::new().check(stale.check()).put(Table::Task, "a", "1")).await;
    assert!(late.unwrap_err().is_conflict());
}
