//! The rules, one readable example each.

use crate::journal::entry::{Body, Call, Effect, Entry, Millis, Proof, State};
use crate::journal::replay::{Answer, AttemptAnswer, Journal, JournalError, Suspension};

const MINUTE: u64 = 60_000;

/// A time, in seconds.
fn at(seconds: u64) -> Millis {
    Millis(seconds * 1_000)
}

fn call(effect: Effect, request: &str) -> Call {
    Call {
        function: "http.send".to_owned(),
        request: request.to_owned(),
        effect,
        summary: request.to_owned(),
        send_before: Millis(0),
        settles_at: at(100),
        sent_again: false,
        state: State::Open,
    }
}

/// What a guest does, in short.
trait Guest {
    fn does(&mut self, now: Millis, effect: Effect, request: &str, proof: Proof) -> u32;
    fn reads(&mut self, now: Millis, request: &str) -> u32;
    /// The next look's mark.
    fn looks(&mut self, now: Millis) -> AttemptAnswer;
    fn replays(&mut self, request: &str) -> Answer;
    fn woken(&self, at: Millis) -> Journal;
    fn shape(&self) -> String;
}

impl Guest for Journal {
    fn does(&mut self, now: Millis, effect: Effect, request: &str, proof: Proof) -> u32 {
        let position = self.intend(now, call(effect, request)).unwrap();
        self.finish(position, format!("{proof:?}"), proof, Vec::new()).unwrap();
        position
    }

    fn reads(&mut self, now: Millis, request: &str) -> u32 {
        self.does(now, Effect::Read, request, Proof::Performed)
    }

    fn looks(&mut self, now: Millis) -> AttemptAnswer {
        self.attempt(now, MINUTE).unwrap()
    }

    fn replays(&mut self, request: &str) -> Answer {
        self.ask("http.send", request).unwrap()
    }

    fn woken(&self, at: Millis) -> Journal {
        Journal::load(self.entries().to_vec(), at)
    }

    /// One letter an entry: note, read, change, attempt, slept.
    fn shape(&self) -> String {
        let letter = |entry: &Entry| match &entry.body {
            Body::Note(_) => 'n',
            Body::Call(call) if call.effect == Effect::Read => 'r',
            Body::Call(_) => 'c',
            Body::Attempt(_) => 'a',
            Body::Slept(_) => 's',
        };
        self.entries().iter().map(letter).collect()
    }
}

fn new() -> Journal {
    Journal::load(Vec::new(), at(1))
}

fn look(id: u32, count: u32, first: u64, now: u64) -> AttemptAnswer {
    AttemptAnswer::Look { id, count, first_start: at(first), now: at(now) }
}

fn until(wake_at: u64, after_ms: u64) -> Suspension {
    Suspension::Until { wake_at: at(wake_at), after_ms }
}

#[test]
fn a_suspension_removes_the_reads_of_its_look_and_comes_back_to_its_mark() {
    let mut journal = new();
    journal.does(at(1), Effect::Once, "create", Proof::Performed);
    assert_eq!(journal.looks(at(2)), look(1, 1, 2, 2));
    journal.reads(at(2), "describe");
    assert_eq!(journal.suspend(at(3), 1, 15_000, "creating").unwrap(), until(18, 15_000));
    assert_eq!(journal.shape(), "ca");

    let mut journal = journal.woken(at(18));
    assert!(matches!(journal.replays("create"), Answer::Replayed { position: 0, .. }));
    assert_eq!(journal.looks(at(19)), look(1, 2, 2, 19));
    assert_eq!(journal.replays("describe"), Answer::Live { position: 2 });
}

#[test]
fn a_look_that_changed_something_stays_and_its_suspension_is_passed_over() {
    let mut journal = new();
    journal.looks(at(2));
    journal.does(at(2), Effect::Idempotent, "delete", Proof::Answered);
    assert_eq!(journal.suspend(at(3), 0, 10_000, "in use").unwrap(), until(13, 10_000));
    assert_eq!(journal.shape(), "acs");

    let mut journal = journal.woken(at(13));
    assert_eq!(journal.looks(at(13)), look(0, 1, 2, 2), "as it was then");
    assert!(matches!(journal.replays("delete"), Answer::Replayed { .. }));
    assert_eq!(journal.suspend(at(13), 0, 10_000, "in use").unwrap(), Suspension::PassedOver);
    assert_eq!(journal.looks(at(13)), look(3, 2, 2, 13), "the clock of the wait goes on");
}

#[test]
fn a_look_ends_once() {
    let mut journal = new();
    journal.looks(at(2));
    journal.does(at(2), Effect::Idempotent, "delete", Proof::Answered);
    journal.suspend(at(3), 0, 10_000, "in use").unwrap();
    assert_eq!(journal.suspend(at(4), 0, 10_000, ""), Err(JournalError::NoSuchAttempt { attempt: 0 }));
    assert_eq!(journal.suspend(at(4), 1, 10_000, ""), Err(JournalError::NoSuchAttempt { attempt: 1 }));
    assert_eq!(journal.suspend(at(4), 9, 10_000, ""), Err(JournalError::NoSuchAttempt { attempt: 9 }));
}

#[test]
fn the_last_look_is_at_the_deadline_and_the_wait_expires_after_it() {
    let mut journal = new();
    journal.looks(at(2));
    assert_eq!(journal.suspend(at(50), 0, 15_000, "creating").unwrap(), until(62, 12_000), "not behind the deadline");
    let mut journal = journal.woken(at(62));
    assert_eq!(journal.looks(at(62)), look(0, 2, 2, 62));
    journal.suspend(at(63), 0, 15_000, "still creating").unwrap();
    for seconds in [63, 100] {
        let expired = AttemptAnswer::Expired { note: "still creating".to_owned() };
        assert_eq!(journal.woken(at(seconds)).looks(at(seconds)), expired, "and it stays so");
    }
}

#[test]
fn a_look_that_began_in_time_is_not_the_last_one() {
    let mut journal = new();
    journal.looks(at(2));
    assert_eq!(journal.suspend(at(90), 0, 15_000, "slow").unwrap(), until(90, 0));
    assert_eq!(journal.woken(at(90)).looks(at(90)), look(0, 2, 2, 90));
}

#[test]
fn a_deadline_comes_nearer_where_the_clock_stands_still() {
    let mut journal = new();
    journal.looks(at(2));
    let Suspension::Until { after_ms, .. } = journal.suspend(at(2), 0, 0, "").unwrap() else { panic!("it is live") };
    assert_eq!(after_ms, 1);
}

#[test]
fn an_inner_wait_begins_anew_with_each_look_of_the_outer_one() {
    let mut journal = new();
    journal.looks(at(2));
    journal.reads(at(2), "list");
    assert_eq!(journal.looks(at(3)), look(2, 1, 3, 3));
    journal.suspend(at(3), 2, 5_000, "inner").unwrap();
    let mut journal = journal.woken(at(8));
    journal.looks(at(8));
    journal.replays("list");
    assert_eq!(journal.looks(at(8)), look(2, 2, 3, 8));
    journal.suspend(at(9), 0, 5_000, "outer").unwrap();
    assert_eq!(journal.shape(), "a");
    let mut journal = journal.woken(at(14));
    assert_eq!(journal.looks(at(14)), look(0, 2, 2, 14));
    assert_eq!(journal.looks(at(15)), look(1, 1, 15, 15));
}

#[test]
fn a_retry_removes_what_was_read_and_keeps_what_was_done() {
    let mut journal = new();
    journal.reads(at(1), "list");
    journal.does(at(2), Effect::Once, "create", Proof::Performed);
    journal.reads(at(3), "describe");
    journal.does(at(4), Effect::Once, "tag", Proof::NotPerformed);
    assert_eq!(journal.retry(at(9)), 2);
    assert_eq!(journal.shape(), "rc");
}

#[test]
fn a_retry_keeps_the_mark_of_a_wait_and_its_deadline() {
    let mut journal = new();
    journal.looks(at(2));
    journal.reads(at(30), "describe");
    assert_eq!(journal.retry(at(40)), 1);
    let mut journal = journal.woken(at(40));
    assert_eq!(journal.looks(at(40)), look(0, 2, 2, 40));
    assert_eq!(journal.suspend(at(41), 0, MINUTE, "").unwrap(), until(62, 21_000));
}

#[test]
fn a_fault_behind_a_wait_that_was_over_does_not_let_it_expire() {
    let mut journal = new();
    journal.looks(at(2));
    journal.reads(at(3), "ready");
    for seconds in [70, 80, 90] {
        journal.retry(at(seconds));
        journal = journal.woken(at(seconds));
        assert!(matches!(journal.looks(at(seconds)), AttemptAnswer::Look { .. }));
        journal.reads(at(seconds), "ready");
        journal.reads(at(seconds), "503");
    }
}

#[test]
fn a_wait_that_only_ever_fails_expires_in_the_end() {
    let mut journal = new();
    journal.looks(at(2));
    let looks = (0..1_000).take_while(|second| {
        journal.retry(at(62 + second));
        journal = journal.woken(at(62 + second));
        matches!(journal.looks(at(62 + second)), AttemptAnswer::Look { .. })
    });
    assert_eq!(looks.count(), Journal::MAX_LATE_FAULTS as usize);
}

#[test]
fn a_once_call_without_a_result_is_lost_and_others_are_sent_again() {
    let mut journal = new();
    journal.intend(at(1), call(Effect::Once, "create")).unwrap();
    journal.intend(at(1), call(Effect::Idempotent, "put")).unwrap();
    journal.intend(at(1), call(Effect::Read, "get")).unwrap();
    let mut journal = journal.woken(at(1));
    assert_eq!(journal.replays("create"), Answer::Lost { position: 0, settles_at: at(100) });
    assert_eq!(journal.replays("put"), Answer::Unfinished { position: 1 });
    assert_eq!(journal.replays("get"), Answer::Unfinished { position: 2 });
    let written: Vec<u32> = journal.changes().put.iter().map(|(position, _)| *position).collect();
    assert!(written.contains(&1), "that it is sent again is durable before it is");
}

#[test]
fn a_call_that_is_sent_again_settles_later() {
    let mut journal = new();
    journal.intend(at(1), call(Effect::Idempotent, "put")).unwrap();
    journal.intend_again(0, at(510), at(600)).unwrap();
    assert_eq!(journal.unsettled().map(|call| call.settles_at).collect::<Vec<_>>(), [at(600)]);
    journal.finish(0, "done".to_owned(), Proof::Performed, Vec::new()).unwrap();
    assert_eq!(journal.intend_again(0, at(1), at(1)), Err(JournalError::NotOpen { position: 0 }));
}

#[test]
fn what_was_made_lately_may_not_show_until_it_has_settled() {
    let mut journal = new();
    let answers = [(Effect::Once, "made"), (Effect::Once, "refused"), (Effect::Idempotent, "put")];
    for (position, (effect, request)) in (0..).zip(answers) {
        let proof = if request == "refused" { Proof::NotPerformed } else { Proof::Performed };
        journal.intend(at(1), call(effect, request)).unwrap();
        journal.finish(position, "done".to_owned(), proof, Vec::new()).unwrap();
    }
    let fresh = |now| journal.fresh(now).map(|call| call.request.as_str()).collect::<Vec<_>>();
    assert_eq!(fresh(at(99)), ["made"]);
    assert_eq!(fresh(at(100)), Vec::<&str>::new());
}

#[test]
fn a_refusal_of_a_call_that_was_sent_before_proves_nothing_and_is_asked_again() {
    let mut journal = new();
    journal.intend(at(1), call(Effect::Idempotent, "put")).unwrap();
    let mut journal = journal.woken(at(2));
    journal.replays("put");
    journal.finish(0, "throttled".to_owned(), Proof::NotPerformed, Vec::new()).unwrap();
    assert_eq!(journal.unsettled().count(), 1, "the first may have been performed");
    assert_eq!(journal.retry(at(3)), 0);
    assert_eq!(journal.woken(at(3)).replays("put"), Answer::Unfinished { position: 0 });
}

#[test]
fn a_refusal_that_something_followed_stays() {
    let mut journal = new();
    journal.intend(at(1), call(Effect::Idempotent, "put")).unwrap();
    let mut journal = journal.woken(at(2));
    journal.replays("put");
    journal.finish(0, "throttled".to_owned(), Proof::NotPerformed, Vec::new()).unwrap();
    journal.intend(at(2), call(Effect::Idempotent, "put after throttled")).unwrap();
    let mut journal = journal.woken(at(3));
    journal.replays("put");
    journal.replays("put after throttled");
    journal.finish(1, "throttled".to_owned(), Proof::NotPerformed, Vec::new()).unwrap();
    journal.retry(at(4));
    let mut journal = journal.woken(at(4));
    assert!(matches!(journal.replays("put"), Answer::Replayed { .. }));
    assert_eq!(journal.replays("put after throttled"), Answer::Unfinished { position: 1 });
}

#[test]
fn a_once_call_that_was_lost_is_sent_again_after_it_has_settled_and_somebody_looked() {
    let mut journal = new();
    journal.does(at(1), Effect::Once, "create", Proof::Lost);
    let again = |journal: &mut Journal, seconds| journal.intend(at(seconds), call(Effect::Once, "create"));
    journal.reads(at(50), "describe");
    let refusal = |journal: &mut Journal, seconds| again(journal, seconds).unwrap_err().to_string();
    assert!(refusal(&mut journal, 99).contains("it can take effect for another 1000 ms"));
    assert!(refusal(&mut journal, 100).contains("look whether it took effect first"), "the look was before it settled");
    journal.reads(at(100), "describe");
    assert_eq!(again(&mut journal, 101), Ok(3));
}

#[test]
fn a_once_call_is_repeated_only_where_nothing_happened() {
    for (proof, may_repeat) in [(Proof::NotPerformed, true), (Proof::Answered, true), (Proof::Performed, false)] {
        let mut journal = new();
        journal.does(at(1), Effect::Once, "create", proof);
        journal.reads(at(200), "describe");
        assert_eq!(journal.intend(at(300), call(Effect::Once, "create")).is_ok(), may_repeat, "{proof:?}");
        assert!(journal.intend(at(300), call(Effect::Once, "create another")).is_ok());
    }
}

#[test]
fn a_replay_shows_the_times_that_were_seen() {
    let mut journal = new();
    assert_eq!(journal.now(), at(1));
    journal.reads(at(10), "list");
    assert_eq!(journal.now(), at(10));
    let mut journal = journal.woken(at(50));
    assert_eq!(journal.now(), at(1));
    journal.replays("list");
    assert_eq!(journal.now(), at(50), "woken up since");
    journal.reads(at(60), "describe");

    let mut journal = journal.woken(at(99));
    assert_eq!(journal.now(), at(1));
    journal.replays("list");
    assert_eq!(journal.now(), at(50));
    journal.replays("describe");
    assert_eq!(journal.now(), at(99));
}

#[test]
fn nothing_is_added_where_there_is_an_entry_to_come_to() {
    let mut journal = new();
    journal.reads(at(1), "list");
    let mut journal = journal.woken(at(2));
    let note = journal.note(at(2), "operation.name", "db".to_owned(), String::new());
    assert!(matches!(note, Err(JournalError::Mismatch { position: 0, .. })));
    assert!(matches!(journal.intend(at(2), call(Effect::Read, "list")), Err(JournalError::Mismatch { .. })));
    assert!(matches!(journal.attempt(at(2), 5), Err(JournalError::Mismatch { .. })));
    assert!(matches!(journal.suspend(at(2), 0, 5, ""), Err(JournalError::Mismatch { .. })));
    assert_eq!(journal.shape(), "r");
}

#[test]
fn a_call_has_one_result() {
    let mut journal = new();
    journal.reads(at(1), "list");
    let again = journal.finish(0, String::new(), Proof::Performed, Vec::new());
    assert_eq!(again, Err(JournalError::NotOpen { position: 0 }));
}

#[test]
fn a_journal_has_so_many_entries_and_no_more() {
    let mut journal = new();
    let note = |journal: &mut Journal| journal.note(at(1), "operation.name", String::new(), String::new());
    journal.looks(at(1));
    for _ in 1..Journal::MAX_ENTRIES {
        note(&mut journal).unwrap();
    }
    assert!(matches!(note(&mut journal), Err(JournalError::Full { entries: Journal::MAX_ENTRIES, .. })));
    assert!(journal.suspend(at(1), 0, 5_000, "").is_ok(), "what removes entries works");
    let mut journal = journal.woken(at(6));
    journal.looks(at(6));
    assert!(note(&mut journal).is_ok(), "there is room again");
}

#[test]
fn a_journal_has_so_many_bytes_and_no_more() {
    let mut journal = new();
    journal.intend(at(1), call(Effect::Once, "create")).unwrap();
    let note = |journal: &mut Journal| journal.note(at(1), "x", "x".repeat(1_000_000), String::new());
    let notes = (0..1_000).take_while(|_| note(&mut journal).is_ok()).count();
    assert_eq!(notes, Journal::MAX_BYTES / 1_000_100);
    let result = journal.finish(0, "x".repeat(2_000_000), Proof::Performed, vec!["x".repeat(1_000_000)]);
    assert!(result.is_ok(), "what has happened is recorded");
    let Err(JournalError::Full { bytes, .. }) = note(&mut journal) else { panic!("it is full") };
    assert!(bytes > notes * 1_000_000 + 3_000_000, "results and ids count: {bytes}");
}
