//! What every implementation of [`Store`] promises, as tests: `conformance!(name, store)` runs them all against the stores that
//! `store` makes. It makes an empty one, together with whatever must live as long as it does.

mod leases;
mod rows;
mod sharing;

use std::sync::Arc;

use super::{Store, Table};

pub(super) use self::{leases::*, rows::*, sharing::*};

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

pub(super) type Shared<S> = Arc<S>;

async fn value(store: &dyn Store, key: &str) -> Option<String> {
    let row = store.get(Table::Task, key.as_bytes()).await.unwrap();
    row.map(|row| String::from_utf8(row.value).unwrap())
}

async fn keys(store: &dyn Store, prefix: &str, after: Option<&str>, limit: usize, reverse: bool) -> Vec<String> {
    let after = after.map(str::as_bytes);
    let rows = store.scan(Table::Task, prefix.as_bytes(), after, limit, reverse).await.unwrap();
    rows.into_iter().map(|row| String::from_utf8(row.key).unwrap()).collect()
}
