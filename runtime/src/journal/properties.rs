//! What the journal promises, held to by guests of all kinds in a world where everything goes wrong.
//!
//! A generated [guest](guest) runs against the journal on a store, on a host and an engine as the real ones
//! are ([`runs`]), in a [world] that answers, refuses, throttles and loses calls, and kills the server at any
//! moment. The world knows what really happened, and the promises are checked at each send and each write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod examples;
mod guest;
mod prefix;
mod runs;
mod waits;
mod world;
mod writers;

use proptest::prelude::*;

use self::guest::{Step, programs};
use self::prefix::{Ask, End, Replay};
use self::runs::Task;
use super::entry::Entry;
use super::replay::JournalError;

/// What is decided in the world, one thing after the other.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..250)
}

/// A guest's whole life; the promises are checked on the way. Returns all journals that were ever stored.
fn life(program: &[Step], choices: Vec<u8>) -> Task<'_> {
    let mut task = Task::new(program, choices);
    task.run_to_end();
    task
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_time: 20_000, ..ProptestConfig::default() })]

    /// No mutation is sent without a durable intent, no `once` call is sent while an earlier one like it may have
    /// happened, nothing that may have happened is ever removed, time never goes back, each deadline fires, a
    /// replay shows what was seen before, and the store has what memory has: see the assertions of
    /// [`world`] and [`runs`].
    #[test]
    fn a_task_keeps_its_promises_through_faults_and_crashes(program in programs(), choices in choices()) {
        let task = life(&program, choices);
        for (thing, made) in &task.world.made {
            prop_assert!(made.len() <= 1, "{thing}: made {} times", made.len());
        }
    }

    #[test]
    fn any_prefix_of_any_journal_replays_to_the_same_next_request(program in programs(), choices in choices()) {
        let task = life(&program, choices);
        let mut before: &[Entry] = &[];
        for journal in &task.world.past {
            // What is as it was before has been looked at before.
            let same = journal.iter().zip(before).take_while(|(one, other)| one == other).count();
            before = journal;
            for (at, entry) in journal.iter().enumerate().skip(same) {
                let asked = match Replay::next(&program, &journal[..at], entry.seen) {
                    Some(End::Asks(asked)) => asked,
                    end => return Err(TestCaseError::fail(format!("position {at}: {end:?}"))),
                };
                let is_unfinished = journal[..at].iter().any(|entry| Ask::of(entry) == asked);
                prop_assert!(asked == Ask::of(entry) || is_unfinished, "position {}: {:?}", at, asked);
            }
        }
    }

    #[test]
    fn a_request_that_differs_anywhere_is_a_mismatch_and_changes_nothing(program in programs(), choices in choices()) {
        let task = life(&program, choices);
        let journal = task.world.stored();
        for at in 0..journal.len() {
            let mut replay = Replay { journal: super::Journal::load(journal.clone(), task.world.wall), instead_at: Some(at) };
            let end = replay.run(&program);
            let is_mismatch = matches!(&end, Some(End::Rules(JournalError::Mismatch { position, .. })) if *position as usize == at);
            prop_assert!(is_mismatch, "position {at}: {end:?}");
            // Calls without a result are marked as sent again; nothing else, and nothing is added.
            prop_assert_eq!(replay.journal.entries().len(), journal.len());
            for (before, after) in journal.iter().zip(replay.journal.entries()) {
                prop_assert!(before == after || before.is_open(), "{:?} became {:?}", before, after);
            }
        }
    }
}
