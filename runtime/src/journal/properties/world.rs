//! A world for guests: what calls come to, when the server dies, and a record of all that was sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::guest::Reply;
use crate::journal::entry::{Body, Call, Effect, Entry, Millis, Proof, State};
use crate::store::lease::{self, Standing};
use crate::store::{Incarnation, Key, Lease, MemoryStore, Store, Table, Typed};

/// How long a request may take.
pub const TIMEOUT_MS: u64 = 20_000;
/// How long after an intent the call may be handed to the network.
pub const SEND_WITHIN_MS: u64 = 10_000;

/// A call that reached the network.
#[derive(Debug, Clone)]
pub struct Sent {
    pub position: u32,
    pub request: String,
    /// It is certain that nothing happened.
    pub did_nothing: bool,
}

/// The world, the store in it, and what has happened.
pub struct World {
    pub store: Arc<MemoryStore>,
    pub me: Incarnation,
    /// What is decided next; when it is used up, all goes well.
    choices: std::vec::IntoIter<u8>,
    /// The wall clock.
    pub wall: Millis,
    /// What reads answer when nothing else is decided.
    pub answer: u8,
    /// All calls that change the world.
    pub sent: Vec<Sent>,
    /// When each creation of a thing takes effect.
    pub made: BTreeMap<String, Vec<Millis>>,
    /// The stored journal as it was last seen.
    disk: Vec<Entry>,
    /// All stored journals there have been.
    pub past: Vec<Vec<Entry>>,
    /// The latest time that a guest has seen, of what cannot be forgotten.
    pub seen: Millis,
}

/// The outcome of a call: none if its result never came.
pub struct Happened {
    pub reply: Option<(Reply, Proof)>,
}

impl World {
    pub fn new(choices: Vec<u8>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let me = now(store.incarnate("here")).unwrap();
        Self {
            store,
            me,
            choices: choices.into_iter(),
            wall: Millis(1_000_000),
            answer: 0,
            sent: Vec::new(),
            made: BTreeMap::new(),
            disk: Vec::new(),
            past: Vec::new(),
            seen: Millis(0),
        }
    }

    pub fn task() -> Key {
        Key::new().text("task")
    }

    /// A new run's claim.
    pub fn claim(&self) -> Lease {
        match now(lease::standing(&*self.store, &self.me, &Self::task())).unwrap() {
            Standing::Free(claim) | Standing::Ours(claim) => now(claim.take(&*self.store)).unwrap(),
            Standing::Held(other) => panic!("{other} has it"),
        }
    }

    /// 0 unless the test has chosen otherwise.
    pub fn choose(&mut self) -> u8 {
        self.choices.next().unwrap_or(0)
    }

    /// Whether the server dies here.
    pub fn dies(&mut self) -> bool {
        self.wall = self.wall.plus(u64::from(self.choose()) * 10);
        self.choose() >= 236
    }

    /// A call on its way. What changes something does so only after its intent is durable, with all before it.
    pub fn send(&mut self, entries: &[Entry], position: u32) -> Happened {
        let at = position as usize;
        let Body::Call(call) = &entries[at].body else { panic!("only calls are sent") };
        if call.effect == Effect::Read {
            return Happened { reply: self.read(call) };
        }
        let stored = self.stored();
        assert!(stored.len() > at, "{} is sent without a durable intent", call.request);
        assert_eq!(stored[..=at], entries[..=at], "an intent is durable, and what came before it is not");
        assert!(call.send_before >= self.wall, "{} is sent after its time", call.request);
        assert!(call.settles_at >= self.wall.plus(TIMEOUT_MS), "{} can outlast its settling", call.request);
        self.refuse_a_second(call, &stored);
        let (happens, reply) = match self.choose() {
            0..=119 => (true, Some((Reply::Answer(0), Proof::Performed))),
            120..=149 => (false, Some((Reply::Answer(7), Proof::Answered))),
            150..=179 => (false, Some((Reply::Refused, Proof::NotPerformed))),
            180..=204 => (true, None),
            _ => (false, None),
        };
        let did_nothing = matches!(reply, Some((_, Proof::NotPerformed)));
        self.sent.push(Sent { position, request: call.request.clone(), did_nothing });
        if happens && call.request.starts_with("create") {
            let latency = if reply.is_some() { 0 } else { u64::from(self.choose()) * 100 };
            let at = self.wall.plus(latency).min(call.settles_at);
            self.made.entry(call.request.clone()).or_default().push(at);
        }
        let reply = match (reply, call.effect) {
            (None, Effect::Once) => Some((Reply::Lost(call.settles_at), Proof::Lost)),
            (reply, _) => reply,
        };
        Happened { reply }
    }

    fn read(&mut self, call: &Call) -> Option<(Reply, Proof)> {
        let answer = match self.choose() {
            0 => self.answer,
            chosen => chosen,
        };
        if answer >= 250 {
            return None;
        }
        let found = call.request.strip_prefix("find ").map(|thing| {
            let thing = format!("create {}", thing.split(',').next().unwrap());
            self.made.get(&thing).is_some_and(|made| made.iter().any(|at| *at <= self.wall))
        });
        let answer = match found {
            Some(true) if answer < super::guest::FAULT => 0,
            Some(false) if answer < super::guest::FAULT => 1,
            _ => answer,
        };
        Some((Reply::Answer(answer), Proof::Performed))
    }

    /// A `once` call is not sent again while an earlier one like it may have happened.
    fn refuse_a_second(&self, call: &Call, stored: &[Entry]) {
        if call.effect != Effect::Once {
            return;
        }
        for sent in self.sent.iter().filter(|sent| sent.request == call.request && !sent.did_nothing) {
            let Body::Call(earlier) = &stored[sent.position as usize].body else { panic!("a sent call has its entry") };
            match &earlier.state {
                State::Done { proof: Proof::NotPerformed | Proof::Answered, .. } => {}
                State::Done { proof: Proof::Lost, .. } => {
                    assert!(earlier.settles_at <= self.wall, "{} is sent again before it has settled", call.request);
                    let looked = stored.iter().skip(sent.position as usize).any(|entry| {
                        let read = matches!(&entry.body, Body::Call(call) if call.effect == Effect::Read && call.state != State::Open);
                        read && entry.at >= earlier.settles_at
                    });
                    assert!(looked, "{} is sent again, and nobody has looked", call.request);
                }
                state => panic!("{} is sent twice: the first is {state:?}", call.request),
            }
        }
    }

    /// The stored journal.
    pub fn stored(&self) -> Vec<Entry> {
        let rows = now(self.store.scan_json::<Entry>(Table::Journal, &Self::task(), None, usize::MAX, false)).unwrap();
        for (position, row) in (0..).zip(&rows) {
            assert_eq!(row.key, *Self::task().u32(position), "a journal has no gaps");
        }
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Looks at the store after a write, or after a crash: whatever lasts is still there.
    pub fn look_at_disk(&mut self) {
        let after = self.stored();
        for (at, before) in self.disk.iter().enumerate().filter(|(_, entry)| !entry.is_removable()) {
            let Some(after) = after.get(at) else { panic!("entry {at} is gone: {before:?}") };
            assert!(is_continued(before, after), "entry {at} was\n{before:?}\nand is\n{after:?}");
        }
        for sent in self.sent.iter().filter(|sent| !sent.did_nothing) {
            let entry = after.get(sent.position as usize).map(|entry| &entry.body);
            let has_its_entry = matches!(entry, Some(Body::Call(call)) if call.request == sent.request);
            assert!(has_its_entry, "{sent:?} may have happened, and its entry is {entry:?}");
        }
        for pair in after.windows(2) {
            assert!(pair[0].passed_at() <= pair[1].at, "time goes back: {pair:?}");
            assert!(pair[0].seen <= pair[1].seen, "time goes back for the guest: {pair:?}");
        }
        if self.past.last() != Some(&after) {
            self.past.push(after.clone());
        }
        self.disk = after;
    }
}

/// Whether one call has become the other, as calls do: they get a result, or are sent again.
fn is_continued(before: &Entry, after: &Entry) -> bool {
    let (Body::Call(was), Body::Call(is)) = (&before.body, &after.body) else { return false };
    let same = before.at == after.at && before.seen == after.seen;
    let same = same && (&was.function, &was.request, was.effect) == (&is.function, &is.request, is.effect);
    let is_reopened = was.was_refused() && is.state == State::Open;
    same && was.settles_at <= is.settles_at && (was.state == State::Open || was.state == is.state || is_reopened)
}

/// The output of a future that never has to wait: all of a store in memory.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a store in memory never waits"),
    }
}
