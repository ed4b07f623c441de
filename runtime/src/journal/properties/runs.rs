//! A host and an engine as the real ones are, for guests in a [`World`].

use std::collections::BTreeSet;

use super::guest::{Guest, Host, Look, Reply, Step, Stop};
use super::world::{Happened, SEND_WITHIN_MS, TIMEOUT_MS, World, now};
use crate::journal::durable::{DurableJournal, Finished};
use crate::journal::entry::{Body, Call, Effect, Millis, Proof, State};
use crate::journal::replay::{Answer, AttemptAnswer, JournalError, Suspension};
use crate::store::{Table, Txn, Typed};

/// How a run ends.
#[derive(Debug)]
pub enum End {
    Suspended(Millis),
    Retry,
    Crash,
    Rules(JournalError),
}

/// How a task ends.
#[derive(Debug, PartialEq, Eq)]
pub enum TaskEnd {
    Done,
    Expired,
    /// The rules refused it.
    Refused,
}

/// A task, over all its runs.
pub struct Task<'p> {
    pub world: World,
    program: &'p [Step],
    /// Waits that have had a look at or after the deadline.
    had_last_look: BTreeSet<Wait>,
    /// Waits whose look at or after the deadline has ended, and nothing was ready.
    is_over: BTreeSet<Wait>,
    pub runs: u32,
}

/// A wait: where its first look was, and its deadline.
type Wait = (usize, Millis);

struct Run<'t, 'p> {
    task: &'t mut Task<'p>,
    journal: DurableJournal,
    /// The looks that this run has begun: of which wait, and whether it is the last.
    looks: Vec<(u32, Wait, bool)>,
    /// The wait whose last look this run has ended.
    ended: Option<Wait>,
    last_seen: std::cell::Cell<Millis>,
}

impl<'p> Task<'p> {
    pub fn new(program: &'p [Step], choices: Vec<u8>) -> Self {
        let world = World::new(choices);
        Self { world, program, had_last_look: BTreeSet::new(), is_over: BTreeSet::new(), runs: 0 }
    }

    /// Runs it to its end, through all crashes.
    pub fn run_to_end(&mut self) -> TaskEnd {
        loop {
            self.runs += 1;
            assert!(self.runs < 1_000, "the task does not end");
            if let Some(end) = self.run_once() {
                return end;
            }
        }
    }

    fn run_once(&mut self) -> Option<TaskEnd> {
        self.world.look_at_disk();
        let lease = self.world.claim();
        let store = self.world.store.clone();
        let woken = now(store.get_json::<Millis>(Table::Task, &World::task())).unwrap();
        let woken = woken.map_or(Millis(1_000_000), |row| row.value);
        self.world.wall = self.world.wall.max(woken).plus(u64::from(self.world.choose()));
        let journal = now(DurableJournal::open(store, World::task(), lease, woken)).unwrap();
        let last_seen = std::cell::Cell::new(journal.journal().now());
        let mut run = Run { task: self, journal, looks: Vec::new(), ended: None, last_seen };
        let program = run.task.program;
        let end = match Guest::run(&mut run, program) {
            Ok(()) => Err(TaskEnd::Done),
            Err(Stop::Expired) => Err(TaskEnd::Expired),
            Err(Stop::Fault) => Ok(End::Retry),
            Err(Stop::Ended(end)) => Ok(end),
        };
        run.close(end)
    }
}

impl Run<'_, '_> {
    /// As the engine does: one transaction for the journal and the task, and the lease is free.
    fn close(mut self, end: Result<End, TaskEnd>) -> Option<TaskEnd> {
        let world = &mut self.task.world;
        let (woken, ended) = match end {
            Ok(End::Crash) => return None,
            Ok(End::Suspended(wake_at)) => (wake_at, None),
            Ok(End::Retry) => {
                let wake_at = self.journal.journal().live_now(world.wall).plus(1_000);
                self.journal.journal_mut().retry(wake_at);
                (wake_at, None)
            }
            Ok(End::Rules(JournalError::Repeated { .. })) => (world.wall, Some(TaskEnd::Refused)),
            Ok(End::Rules(error)) => panic!("{error}"),
            Err(ended) => (world.wall, Some(ended)),
        };
        let world = &mut self.task.world;
        if world.dies() {
            return None;
        }
        let txn = Txn::new().put_json(Table::Task, World::task(), &woken).unwrap();
        let seen = self.last_seen.get();
        let journal = now(self.journal.close(txn)).unwrap();
        assert_eq!(world.stored(), journal.entries());
        world.seen = world.seen.max(seen);
        world.look_at_disk();
        self.task.is_over.extend(self.ended);
        if self.task.world.dies() && ended != Some(TaskEnd::Done) { None } else { ended }
    }

    /// Where the first look was of the wait that has a look here.
    fn first_look(&self, at: usize) -> usize {
        let entries = self.journal.journal().entries();
        let slept = at.checked_sub(1).map(|before| &entries[before].body);
        let (Some(Body::Slept(slept)), Body::Attempt(look)) = (slept, &entries[at].body) else { return at };
        match &entries[slept.attempt as usize].body {
            Body::Attempt(before) if before.give_up_after_ms == look.give_up_after_ms => {
                self.first_look(slept.attempt as usize)
            }
            _ => at,
        }
    }

    fn crash_point(&mut self) -> Result<(), End> {
        if self.task.world.dies() { Err(End::Crash) } else { Ok(()) }
    }

    fn intent(&mut self, effect: Effect, request: String) -> Call {
        let send_before = self.journal.journal().live_now(self.task.world.wall).plus(SEND_WITHIN_MS);
        let settles_at = send_before.plus(TIMEOUT_MS);
        Call {
            function: "send".to_owned(),
            request,
            effect,
            summary: String::new(),
            send_before,
            settles_at,
            sent_again: false,
            state: State::Open,
        }
    }

    fn written(&mut self) {
        assert_eq!(self.task.world.stored(), self.journal.journal().entries(), "the store has what memory has");
        self.task.world.seen = self.task.world.seen.max(self.last_seen.get());
        self.task.world.look_at_disk();
    }
}

impl Host for Run<'_, '_> {
    type End = End;

    fn now(&self) -> Millis {
        let now = self.journal.journal().now();
        assert!(now >= self.last_seen.get(), "time goes back within a run");
        if !self.journal.journal().is_replaying() {
            assert!(now >= self.task.world.seen, "time goes back from run to run");
        }
        self.last_seen.set(now);
        now
    }

    fn name(&mut self, request: &str) -> Result<String, End> {
        let wall = self.task.world.wall;
        match self.journal.journal_mut().ask("name", request).map_err(End::Rules)? {
            Answer::Replayed { result, .. } => Ok(result),
            Answer::Live { .. } => {
                let name = format!("name-{}", self.task.world.choose());
                self.journal.journal_mut().note(wall, "name", request.to_owned(), name.clone()).map_err(End::Rules)?;
                Ok(name)
            }
            answer => panic!("a name was a call: {answer:?}"),
        }
    }

    fn send(&mut self, calls: Vec<(Effect, String)>) -> Result<Vec<Reply>, End> {
        let mut replies = vec![Reply::Refused; calls.len()];
        let mut to_send = Vec::new();
        let mut changes = false;
        for (slot, (effect, request)) in calls.into_iter().enumerate() {
            let wall = self.task.world.wall;
            let call = self.intent(effect, request);
            let journal = self.journal.journal_mut();
            match journal.ask("send", &call.request).map_err(End::Rules)? {
                Answer::Replayed { result, .. } => replies[slot] = Reply::from_text(&result),
                Answer::Lost { position, settles_at } => {
                    replies[slot] = Reply::Lost(settles_at);
                    let text = replies[slot].to_text();
                    journal.finish(position, text, Proof::Lost, Vec::new()).map_err(End::Rules)?;
                }
                Answer::Unfinished { position } => {
                    if effect.changes_the_world() {
                        journal.intend_again(position, call.send_before, call.settles_at).map_err(End::Rules)?;
                    }
                    changes |= effect.changes_the_world();
                    to_send.push((slot, position));
                }
                Answer::Live { .. } => {
                    changes |= effect.changes_the_world();
                    to_send.push((slot, journal.intend(wall, call).map_err(End::Rules)?));
                }
            }
        }
        self.crash_point()?;
        if changes {
            now(self.journal.flush(Txn::new())).unwrap();
            self.written();
            self.crash_point()?;
        }
        let mut finished = Vec::new();
        let mut retry = false;
        for (slot, position) in to_send {
            let Happened { reply } = self.task.world.send(self.journal.journal().entries(), position);
            self.crash_point()?;
            match reply {
                None => retry = true,
                Some((reply, proof)) => {
                    finished.push(Finished { position, result: reply.to_text(), proof, owned: Vec::new() });
                    replies[slot] = reply;
                }
            }
        }
        now(self.journal.finish(finished)).unwrap();
        if changes {
            self.task.world.look_at_disk();
        }
        self.crash_point()?;
        if retry { Err(End::Retry) } else { Ok(replies) }
    }

    fn attempt(&mut self, at_most: u64) -> Result<Option<Look>, End> {
        let wall = self.task.world.wall;
        let at = self.journal.journal().cursor();
        let answer = self.journal.journal_mut().attempt(wall, at_most).map_err(End::Rules)?;
        let Body::Attempt(attempt) = self.journal.journal().entries()[at].body.clone() else { panic!("a mark") };
        let wait = (self.first_look(at), attempt.deadline());
        match answer {
            AttemptAnswer::Expired { .. } => {
                assert!(self.task.had_last_look.contains(&wait), "a wait expires without a last look");
                Ok(None)
            }
            AttemptAnswer::Look { id, count, now, .. } => {
                let is_last = attempt.is_last_look();
                if is_last {
                    let is_live = !self.journal.journal().is_replaying();
                    assert!(!is_live || !self.task.is_over.contains(&wait), "a wait goes on behind its deadline");
                    self.task.had_last_look.insert(wait);
                }
                self.looks.push((id, wait, is_last));
                Ok(Some(Look { id, count, now }))
            }
        }
    }

    fn suspend(&mut self, look: u32, every: u64) -> Result<(), End> {
        let wall = self.task.world.wall;
        match self.journal.journal_mut().suspend(wall, look, every, "not yet").map_err(End::Rules)? {
            Suspension::PassedOver => Ok(()),
            Suspension::Until { wake_at, .. } => {
                let begun = self.looks.iter().find(|(id, ..)| *id == look);
                let Some((_, wait, is_last)) = begun else { panic!("a look that was not begun ends") };
                self.ended = is_last.then_some(*wait);
                Err(End::Suspended(wake_at))
            }
        }
    }
}
