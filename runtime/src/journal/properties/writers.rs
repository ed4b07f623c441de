//! What is stored is what one run has in memory, and of two runs only one writes.

use std::sync::Arc;

use proptest::prelude::*;

use super::world::{World, now};
use crate::journal::durable::{DurableError, DurableJournal, Finished};
use crate::journal::entry::{Body, Call, Effect, Entry, Millis, Proof, State};
use crate::store::{Lease, MemoryStore, Row, Store, StoreError, Table, Txn};

/// One thing that a host or an engine does with a journal.
#[derive(Debug, Clone)]
enum Deed {
    Note,
    Intend(Effect),
    /// Ends one of the open calls.
    Finish(usize, Proof),
    Attempt,
    Suspend,
    Retry,
    Flush,
    /// The run ends, and another begins: what was not written is forgotten.
    Reopen,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let effect = prop_oneof![Just(Effect::Read), Just(Effect::Idempotent), Just(Effect::Once)];
    let proof =
        prop_oneof![Just(Proof::Performed), Just(Proof::Answered), Just(Proof::NotPerformed), Just(Proof::Lost)];
    let deed = prop_oneof![
        2 => Just(Deed::Note),
        4 => effect.prop_map(Deed::Intend),
        3 => (any::<usize>(), proof).prop_map(|(which, proof)| Deed::Finish(which, proof)),
        2 => Just(Deed::Attempt),
        2 => Just(Deed::Suspend),
        1 => Just(Deed::Retry),
        3 => Just(Deed::Flush),
        1 => Just(Deed::Reopen),
    ];
    prop::collection::vec(deed, 0..60)
}

/// A run that does as it is told.
struct Writer {
    store: Arc<MemoryStore>,
    lease: Lease,
    journal: DurableJournal,
    /// The rows as this run has read or written them.
    known: Vec<Row>,
    wall: Millis,
}

fn rows(store: &MemoryStore) -> Vec<Row> {
    now(store.scan(Table::Journal, &World::task(), None, usize::MAX, false)).unwrap()
}

fn entries(store: &MemoryStore) -> Vec<Entry> {
    rows(store).iter().map(|row| serde_json::from_slice(&row.value).unwrap()).collect()
}

impl Writer {
    fn open(store: &Arc<MemoryStore>, lease: &Lease) -> Self {
        let known = rows(store);
        let opened = DurableJournal::open(store.clone(), World::task(), lease.clone(), Millis(1_000));
        let mut writer = Self {
            store: store.clone(),
            lease: lease.clone(),
            journal: now(opened).unwrap(),
            known,
            wall: Millis(1_000),
        };
        writer.replay();
        writer
    }

    /// Passes all entries there are.
    fn replay(&mut self) {
        let journal = self.journal.journal_mut();
        for entry in journal.entries().to_vec() {
            match entry.body {
                Body::Call(call) => drop(journal.ask(&call.function, &call.request).unwrap()),
                Body::Note(note) => drop(journal.ask(&note.function, &note.request).unwrap()),
                Body::Attempt(attempt) => drop(journal.attempt(self.wall, attempt.give_up_after_ms).unwrap()),
                Body::Slept(slept) => drop(journal.suspend(self.wall, slept.attempt, 0, "").unwrap()),
            }
        }
    }

    /// Whether the run goes on.
    fn act(&mut self, deed: &Deed) -> Result<bool, DurableError> {
        self.wall = self.wall.plus(7);
        let journal = self.journal.journal_mut();
        let at = journal.entries().len();
        match deed {
            Deed::Note => drop(journal.note(self.wall, "name", format!("{at}"), String::new())?),
            Deed::Intend(effect) => {
                let call = call(*effect, &format!("{at} at {}", self.wall.0));
                journal.intend(self.wall, call)?;
            }
            Deed::Finish(which, proof) => {
                let open: Vec<u32> =
                    (0..).zip(journal.entries()).filter(|(_, entry)| entry.is_open()).map(|(at, _)| at).collect();
                if !open.is_empty() {
                    let position = open[which % open.len()];
                    journal.finish(position, "done".to_owned(), *proof, Vec::new())?;
                }
            }
            Deed::Attempt => drop(journal.attempt(self.wall, 50)?),
            Deed::Suspend => {
                let look = journal.entries().iter().rposition(|entry| matches!(entry.body, Body::Attempt(_)));
                let look = look.map_or(0, |at| u32::try_from(at).unwrap());
                drop(journal.suspend(self.wall, look, 10, "not yet"));
            }
            // Runs end here; what is written of the journal does not depend on that.
            Deed::Retry => drop(journal.retry(self.wall)),
            Deed::Flush => self.flush()?,
            Deed::Reopen => return Ok(false),
        }
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), DurableError> {
        let is_alone = rows(&self.store) == self.known;
        let flushed = now(self.journal.flush(Txn::new()));
        match &flushed {
            Ok(()) => {
                assert!(is_alone, "two runs have written");
                assert_eq!(entries(&self.store), self.journal.journal().entries());
                self.known = rows(&self.store);
            }
            Err(error) => assert!(is_conflict(error) && !is_alone, "{error}"),
        }
        flushed
    }
}

fn call(effect: Effect, request: &str) -> Call {
    Call {
        function: "send".to_owned(),
        request: request.to_owned(),
        effect,
        summary: String::new(),
        send_before: Millis(0),
        settles_at: Millis(0),
        sent_again: false,
        state: State::Open,
    }
}

fn is_conflict(error: &DurableError) -> bool {
    matches!(error, DurableError::Store(StoreError::Conflict { .. }))
}

proptest! {
    #[test]
    fn the_store_has_what_memory_has_after_each_write(deeds in deeds()) {
        let world = World::new(Vec::new());
        let lease = world.claim();
        let mut writer = Writer::open(&world.store, &lease);
        for deed in &deeds {
            if !writer.act(deed).unwrap() {
                writer = Writer::open(&world.store, &lease);
            }
        }
        writer.flush().unwrap();
    }

    #[test]
    fn of_two_runs_with_one_token_only_one_writes(deeds in deeds(), turns in any::<u64>()) {
        let world = World::new(Vec::new());
        let lease = world.claim();
        let mut writers = [Writer::open(&world.store, &lease), Writer::open(&world.store, &lease)];
        for (turn, deed) in deeds.iter().enumerate() {
            let writer = &mut writers[usize::from(turns >> turn & 1 == 1)];
            match writer.act(deed) {
                Ok(true) => {}
                Ok(false) => *writer = Writer::open(&world.store, &lease),
                Err(error) if is_conflict(&error) => *writer = Writer::open(&world.store, &lease),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }

    #[test]
    fn a_run_whose_lease_was_taken_over_writes_nothing(before in deeds(), after in deeds()) {
        let world = World::new(Vec::new());
        let mut old = Writer::open(&world.store, &world.claim());
        for deed in &before {
            if !old.act(deed).unwrap() {
                old = Writer::open(&world.store, &old.lease);
            }
        }
        world.claim();
        let then = rows(&world.store);
        for deed in after.iter().filter(|deed| !matches!(deed, Deed::Flush | Deed::Reopen)) {
            old.act(deed).unwrap();
        }
        let flushed = now(old.journal.flush(Txn::new()));
        prop_assert!(matches!(flushed, Err(DurableError::Store(StoreError::Conflict { table: Table::Lease, .. }))), "{flushed:?}");
        prop_assert_eq!(rows(&world.store), then);
    }
}

#[test]
fn results_of_calls_that_change_the_world_are_durable_when_finish_returns() {
    let world = World::new(Vec::new());
    let mut journal = now(DurableJournal::open(world.store.clone(), World::task(), world.claim(), Millis(1))).unwrap();
    let position = journal.journal_mut().intend(Millis(1), call(Effect::Once, "create")).unwrap();
    now(journal.flush(Txn::new())).unwrap();
    let result = Finished { position, result: "made".to_owned(), proof: Proof::Performed, owned: Vec::new() };
    now(journal.finish(vec![result])).unwrap();
    assert_eq!(entries(&world.store), journal.journal().entries());
}

#[test]
fn many_reads_are_written_before_they_are_too_large_for_a_transaction() {
    let world = World::new(Vec::new());
    let mut journal = now(DurableJournal::open(world.store.clone(), World::task(), world.claim(), Millis(1))).unwrap();
    for page in 0..12 {
        let position = journal.journal_mut().intend(Millis(1), call(Effect::Read, &format!("page {page}"))).unwrap();
        let result = "x".repeat(4_000_000);
        now(journal.finish(vec![Finished { position, result, proof: Proof::Performed, owned: Vec::new() }])).unwrap();
    }
    now(journal.flush(Txn::new())).unwrap();
    assert_eq!(entries(&world.store).len(), 12);
}

#[test]
fn a_journal_with_a_gap_is_not_read() {
    let world = World::new(Vec::new());
    let lease = world.claim();
    let mut journal = now(DurableJournal::open(world.store.clone(), World::task(), lease.clone(), Millis(1))).unwrap();
    for name in ["a", "b", "c"] {
        journal.journal_mut().note(Millis(1), "name", name.to_owned(), String::new()).unwrap();
    }
    now(journal.flush(Txn::new())).unwrap();
    now(world.store.commit(Txn::new().delete(Table::Journal, World::task().u32(1)))).unwrap();
    let opened = now(DurableJournal::open(world.store.clone(), World::task(), lease, Millis(1)));
    assert!(matches!(opened, Err(DurableError::Format { position: 1, .. })));
}

#[test]
fn an_entry_of_a_newer_server_is_not_read() {
    let world = World::new(Vec::new());
    let newer = Txn::new().put(Table::Journal, World::task().u32(0), r#"{"format":2,"what":"nobody knows"}"#);
    now(world.store.commit(newer)).unwrap();
    let opened = now(DurableJournal::open(world.store.clone(), World::task(), world.claim(), Millis(1)));
    let Err(error) = opened else { panic!("it was read") };
    assert!(error.to_string().contains("format 2, this server reads up to 1"), "{error}");
}
