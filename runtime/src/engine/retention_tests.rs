//! What is packed, what is forgotten, and what stays.

use std::collections::{BTreeMap, BTreeSet};

use cloudark_api::environment::EnvironmentStatus;
use cloudark_api::ids::EnvironmentId;
use cloudark_api::operation::{OperationKind, OperationStatus};
use proptest::prelude::*;

use super::super::model::{Action, Spec, TaskState};
use super::super::schedule::open_key;
use super::*;
use crate::extensions::ComponentDigest;
use crate::host::scope::PieceKey;
use crate::journal::{Body, Entry, Note};
use crate::sandbox::Role;
use crate::store::MemoryStore;

const DAY: u64 = 24 * 60 * 60 * 1_000;
const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// An operation, as far as it matters here.
#[derive(Debug, Clone)]
struct Case {
    status: OperationStatus,
    /// On which day it ended, if it has.
    ended: Option<u64>,
    /// A failure that was rolled back cannot be retried.
    rolled_back: bool,
    /// Whether it is the last of its environment, which is still there.
    is_last: bool,
}

impl Case {
    fn succeeded(day: u64) -> Self {
        Self { status: OperationStatus::Succeeded, ended: Some(day), rolled_back: false, is_last: true }
    }

    fn can_go_on(&self) -> bool {
        self.status == OperationStatus::Failed && !self.rolled_back && self.is_last
    }

    fn may_be_forgotten(&self, today: u64) -> bool {
        self.ended.is_some_and(|day| today.saturating_sub(day) >= 90) && !self.can_go_on()
    }
}

fn id(number: usize) -> OperationId {
    OperationId(format!("{number:02}op"))
}

fn task(number: u32, state: TaskState, rollback: bool) -> TaskRow {
    TaskRow {
        number,
        title: "thing it".to_owned(),
        piece: PieceKey::Resource("it".to_owned()),
        kind: "thing".to_owned(),
        cloud: "fix".to_owned(),
        action: Action::Create,
        role: Role::Resource,
        after: Vec::new(),
        rollback,
        config: serde_json::Value::Null,
        pieces: Vec::new(),
        digest: ComponentDigest::of(b"component"),
        generation: 1,
        state,
        note: String::new(),
        retries: 0,
        woken: Millis(0),
        inputs: None,
        started: Some(Millis(0)),
        ended: None,
    }
}

/// A row for everything that an operation and its environment have.
fn rows(number: usize, case: &Case) -> Txn {
    let id = id(number);
    let ended = case.ended.map(|day| Millis(day * DAY));
    let name: cloudark_api::ids::Name = format!("e{number}").parse().unwrap();
    let environment_id = EnvironmentId(format!("{number:02}env"));
    let operation = OperationRow {
        id: id.clone(),
        kind: OperationKind::CreateEnvironment,
        environment: name.clone(),
        environment_id: environment_id.clone(),
        application: None,
        status: case.status,
        tasks: 2,
        errors: Vec::new(),
        created: Millis(0),
        ended,
        cancel_requested: false,
        followed_by: None,
        follows: None,
        keep_on_failure: false,
        existed: BTreeSet::new(),
    };
    let environment = EnvironmentRow {
        id: environment_id.clone(),
        name: name.clone(),
        status: EnvironmentStatus::Available,
        file: String::new(),
        spec: Spec::default(),
        settings: BTreeMap::new(),
        bindings: BTreeMap::new(),
        created: Millis(0),
        updated: Millis(0),
        operation: Some(if case.is_last { id.clone() } else { OperationId("zz".to_owned()) }),
        protected: false,
    };
    let failed = TaskState::Failed { kind: "permanent".to_owned(), message: "no".to_owned() };
    let state = if case.status == OperationStatus::Failed { failed } else { TaskState::Done };
    let tasks = [task(0, TaskState::Done, false), task(1, state, case.rolled_back)];
    let key = Key::new().text(&id.0);
    let row_of_timer = ended.map_or_else(|| open_key(&id), |ended| kept_key(ended, &id));
    let mut txn = Txn::new()
        .put_json(Table::Operation, &key, &operation)
        .and_then(|txn| txn.put_json(Table::Environment, Key::new().text(name.as_str()), &environment))
        .unwrap()
        .put(Table::Timer, row_of_timer, "");
    for task in tasks {
        let key = task.id(&id).key();
        txn = txn.put_json(Table::Task, &key, &task).unwrap().put(Table::Lease, &key, "stray").put(
            Table::Call,
            &key,
            "called",
        );
        for position in 0..3 {
            let request = format!("entry {position} of {key:?}");
            let body = Body::Note(Note { function: "operation.name".to_owned(), request, result: "{}".to_owned() });
            let entry = Entry::new(Millis(1), Millis(1), body);
            txn = txn.put_json(Table::Journal, key.clone().u32(position), &entry).unwrap();
        }
    }
    txn = (1..=5).fold(txn, |txn, event| txn.put(Table::Event, key.clone().u64(event), format!("event {event}")));
    // What is the environment's, and nobody here may touch.
    let of_environment = Key::new().text(&environment_id.0).text("resource/it");
    [Table::Record, Table::Name, Table::Owned, Table::Secret, Table::History, Table::Idempotency]
        .into_iter()
        .fold(txn, |txn, table| txn.put(table, &of_environment, "of the environment"))
}

/// What may be lost when an operation is forgotten.
const SINGLE_CALLS: [Table; 6] =
    [Table::Journal, Table::Archive, Table::Call, Table::Event, Table::Lease, Table::Timer];
const EVERYTHING_ELSE: [Table; 9] = [
    Table::Operation,
    Table::Task,
    Table::Environment,
    Table::Record,
    Table::Name,
    Table::Owned,
    Table::Secret,
    Table::History,
    Table::Idempotency,
];

struct World {
    store: Arc<MemoryStore>,
    retention: Retention,
}

impl World {
    async fn new(cases: &[Case]) -> Self {
        let store = Arc::new(MemoryStore::new());
        for (number, case) in cases.iter().enumerate() {
            store.commit(rows(number, case)).await.unwrap();
        }
        Self { retention: Retention::new(store.clone(), KEEP), store }
    }

    async fn all(&self, tables: &[Table]) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        for table in tables {
            let rows = self.store.scan(*table, &[], None, usize::MAX, false).await.unwrap();
            all.extend(rows.into_iter().map(|row| (*table, row.key, row.value)));
        }
        all
    }

    async fn count(&self, table: Table, number: usize) -> usize {
        let key = Key::new().text(&id(number).0);
        self.store.scan(table, &key, None, usize::MAX, false).await.unwrap().len()
    }

    async fn journals(&self, number: usize) -> Vec<Vec<Entry>> {
        let key = Key::new().text(&id(number).0);
        let mut journals = Vec::new();
        for task in 0..2 {
            journals.push(archive::read(&*self.store, &key.clone().u32(task)).await.unwrap());
        }
        journals
    }

    async fn sweep(&self, day: u64) -> (usize, usize) {
        self.retention.sweep(Millis(day * DAY)).await.unwrap()
    }
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let status = prop_oneof![
        Just(OperationStatus::Succeeded),
        Just(OperationStatus::Failed),
        Just(OperationStatus::Cancelled),
        Just(OperationStatus::Running),
        Just(OperationStatus::RollingBack),
        Just(OperationStatus::Queued),
    ];
    let case = (status, 0..300_u64, any::<bool>(), any::<bool>()).prop_map(|(status, day, rolled_back, is_last)| {
        Case { status, ended: status.is_final().then_some(day), rolled_back, is_last }
    });
    prop::collection::vec(case, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn only_the_single_calls_of_old_ended_operations_ever_go(cases in cases(), days in prop::collection::vec(0..500_u64, 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new(&cases).await;
            let kept = world.all(&EVERYTHING_ELSE).await;
            let mut journals = Vec::new();
            for number in 0..cases.len() {
                journals.push(world.journals(number).await);
            }
            let mut latest = 0;
            for day in days {
                world.sweep(day).await;
                latest = latest.max(day);
                for (number, case) in cases.iter().enumerate() {
                    let gone = case.may_be_forgotten(latest);
                    let has_ended = case.ended.is_some();
                    let expected = if gone { vec![Vec::new(); 2] } else { journals[number].clone() };
                    assert_eq!(world.journals(number).await, expected, "{case:?} on day {latest}");
                    assert_eq!(world.count(Table::Event, number).await, if gone { 1 } else { 5 }, "{case:?}");
                    assert_eq!(world.count(Table::Call, number).await, if gone { 0 } else { 2 }, "{case:?}");
                    assert_eq!(world.count(Table::Journal, number).await, if has_ended { 0 } else { 6 }, "{case:?}");
                    assert_eq!(world.count(Table::Lease, number).await, if has_ended { 0 } else { 2 }, "{case:?}");
                }
            }
            assert_eq!(world.all(&EVERYTHING_ELSE).await, kept);
            let before = world.all(&SINGLE_CALLS).await;
            assert_eq!(world.sweep(latest).await, (0, 0), "there is nothing left to do");
            assert_eq!(world.all(&SINGLE_CALLS).await, before);
        });
    }
}

#[tokio::test]
async fn what_ended_is_packed_at_once_and_forgotten_in_time() {
    let world = World::new(&[Case::succeeded(10)]).await;
    assert_eq!(world.sweep(10).await, (2, 0));
    assert_eq!(world.count(Table::Archive, 0).await, 2);
    assert_eq!(world.sweep(99).await, (0, 0));
    let row = world.store.get_json::<OperationRow>(Table::Operation, &Key::new().text("00op")).await.unwrap().unwrap();
    assert!(world.retention.is_kept(&row.value).await.unwrap());
    assert_eq!(world.sweep(100).await, (0, 1));
    assert!(!world.retention.is_kept(&row.value).await.unwrap());
    assert_eq!(world.count(Table::Archive, 0).await, 0);
    let last = world.store.scan(Table::Event, &[], None, 9, false).await.unwrap();
    assert_eq!(last[0].value, b"event 5", "the event of its end");
}

#[tokio::test]
async fn an_operation_that_can_still_be_retried_is_kept_whole() {
    let failed = Case { status: OperationStatus::Failed, ..Case::succeeded(10) };
    let rolled_back = Case { rolled_back: true, ..failed.clone() };
    let superseded = Case { is_last: false, ..failed.clone() };
    let world = World::new(&[failed, rolled_back, superseded]).await;
    assert_eq!(world.sweep(5_000).await, (6, 2));
    assert_eq!(world.count(Table::Event, 0).await, 5);
    assert_eq!(world.count(Table::Archive, 0).await, 2);
}

#[tokio::test]
async fn an_operation_that_goes_on_again_meanwhile_loses_nothing() {
    let world = World::new(&[Case::succeeded(10)]).await;
    let key = Key::new().text(&id(0).0);
    let row = world.store.get_json::<OperationRow>(Table::Operation, &key).await.unwrap().unwrap();
    let forgetting = world.retention.forgetting(&row, &key).await.unwrap();
    let again = OperationRow { status: OperationStatus::Running, ended: None, ..row.value };
    world.store.commit(Txn::new().put_json(Table::Operation, &key, &again).unwrap()).await.unwrap();
    assert!(matches!(world.store.commit(forgetting).await, Err(StoreError::Conflict { .. })));
    assert_eq!(world.sweep(5_000).await, (0, 0));
    assert_eq!(world.count(Table::Journal, 0).await, 6);
}

#[tokio::test]
async fn a_store_of_before_gets_its_operations_forgotten_too() {
    let world = World::new(&[Case::succeeded(10)]).await;
    // Nothing but the journals tells of an operation that ended under an older server.
    world.store.commit(Txn::new().delete(Table::Timer, kept_key(Millis(10 * DAY), &id(0)))).await.unwrap();
    assert_eq!(world.sweep(100).await, (2, 1));
}
