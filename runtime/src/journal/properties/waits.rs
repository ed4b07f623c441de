//! A wait ends: ready, or expired after one look at or after its deadline.

use proptest::prelude::*;

use super::guest::Step;
use super::runs::{Task, TaskEnd};
use crate::journal::Journal;
use crate::journal::entry::Effect;

/// Waits in waits, around this body.
fn nested(body: Vec<Step>, waits: &[(u64, u64)]) -> Vec<Step> {
    waits.iter().fold(body, |body, &(every, at_most)| vec![Step::Wait { every, at_most, catches: false, body }])
}

fn waits() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec(
        (1..20_000_u64, 0..60_000_u64).prop_map(|(every, at_most)| (every.max(at_most / 20), at_most)),
        1..4,
    )
}

/// What is decided in a world in which nothing is ever ready.
fn delays() -> impl Strategy<Value = Vec<u8>> {
    let choice = prop_oneof![4 => 0..230_u8, 1 => 240..255_u8].prop_map(|choice| choice.max(1));
    prop::collection::vec(choice, 0..60)
}

fn runs_until_expired(program: &[Step], choices: Vec<u8>, answer: u8) -> u32 {
    let mut task = Task::new(program, choices);
    task.world.answer = answer;
    assert_eq!(task.run_to_end(), TaskEnd::Expired);
    task.runs
}

proptest! {
    #[test]
    fn a_wait_that_never_becomes_ready_expires(waits in waits(), changes in any::<bool>(), delays in delays()) {
        let mut body = vec![Step::Call(Effect::Read, 0)];
        if changes {
            body.push(Step::Call(Effect::Idempotent, 1));
            body.push(Step::Call(Effect::Read, 2));
        }
        let most = 25 + 2 * delays.len();
        let runs = runs_until_expired(&nested(body, &waits), delays, 1);
        prop_assert!(runs as usize <= most, "{runs} runs");
    }

    #[test]
    fn a_wait_whose_looks_all_fail_expires(waits in waits(), is_answered in any::<bool>(), delays in delays()) {
        let body = vec![Step::Call(Effect::Read, 0)];
        let most = 25 + 2 * delays.len() + Journal::MAX_LATE_FAULTS as usize + 60;
        let fault = if is_answered { super::guest::FAULT } else { u8::MAX };
        let runs = runs_until_expired(&nested(body, &waits), delays, fault);
        prop_assert!(runs as usize <= most, "{runs} runs");
    }
}
