//! A little language of extensions, and its interpreter: what a guest may do, in any order.
//!
//! Each request has a digest of all that the guest has seen before in it, answers and times, so that a replay
//! that shows it anything else is a determinism error at once.

use proptest::prelude::*;

use crate::journal::entry::{Effect, Millis};

/// One step of a guest.
#[derive(Debug, Clone)]
pub enum Step {
    /// Asks the host for a name.
    Name,
    /// One call.
    Call(Effect, u8),
    /// Several calls at once.
    Together(Vec<(Effect, u8)>),
    /// Finds a thing or creates it, as the SDK does.
    Make(u8),
    /// One or the other, as the last answer was.
    Branch(Vec<Step>, Vec<Step>),
    /// Some times over.
    Repeat(u8, Vec<Step>),
    /// Waits until the last answer of the body is 0.
    Wait { every: u64, at_most: u64, catches: bool, body: Vec<Step> },
}

/// What a call of a guest comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A number. 0 is what guests wait for; from [`FAULT`] on it is a passing fault.
    Answer(u8),
    /// Nothing happened.
    Refused,
    /// It may have happened, or may until this time.
    Lost(Millis),
}

/// The least answer that is a passing fault.
pub const FAULT: u8 = 230;

impl Reply {
    pub fn to_text(&self) -> String {
        match self {
            Self::Answer(number) => format!("answer {number}"),
            Self::Refused => "refused".to_owned(),
            Self::Lost(settles_at) => format!("lost {}", settles_at.0),
        }
    }

    pub fn from_text(text: &str) -> Self {
        match text.split_once(' ') {
            Some(("answer", number)) => Self::Answer(number.parse().unwrap()),
            Some(("lost", settles_at)) => Self::Lost(Millis(settles_at.parse().unwrap())),
            _ => Self::Refused,
        }
    }
}

/// One look of a wait.
pub struct Look {
    pub id: u32,
    pub count: u32,
    pub now: Millis,
}

/// Why a guest stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop<E> {
    /// A passing fault: the engine runs it again.
    Fault,
    /// A wait expired.
    Expired,
    /// The host ended the run.
    Ended(E),
}

/// What a guest can ask for.
pub trait Host {
    /// Why the host ends a run.
    type End;
    fn now(&self) -> Millis;
    fn name(&mut self, request: &str) -> Result<String, Self::End>;
    fn send(&mut self, calls: Vec<(Effect, String)>) -> Result<Vec<Reply>, Self::End>;
    /// None if the wait has expired.
    fn attempt(&mut self, at_most: u64) -> Result<Option<Look>, Self::End>;
    fn suspend(&mut self, look: u32, every: u64) -> Result<(), Self::End>;
}

/// A guest under way.
pub struct Guest<'h, H> {
    host: &'h mut H,
    digest: u64,
    last: u8,
}

type Outcome<H> = Result<(), Stop<<H as Host>::End>>;

impl<'h, H: Host> Guest<'h, H> {
    /// Runs a program from its first step.
    pub fn run(host: &'h mut H, program: &[Step]) -> Outcome<H> {
        Self { host, digest: 0, last: 0 }.steps(program)
    }

    fn steps(&mut self, steps: &[Step]) -> Outcome<H> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Outcome<H> {
        match step {
            Step::Name => {
                let request = self.with_history("name");
                let name = self.host.name(&request).map_err(Stop::Ended)?;
                self.see(&name);
                Ok(())
            }
            Step::Call(effect, thing) => self.send(&[(*effect, *thing)]),
            Step::Together(calls) => self.send(calls),
            Step::Make(thing) => self.make(*thing),
            Step::Branch(one, other) => self.steps(if self.last.is_multiple_of(2) { one } else { other }),
            Step::Repeat(times, body) => (0..*times).try_for_each(|_| self.steps(body)),
            Step::Wait { every, at_most, catches, body } => {
                let waited = self.wait(*every, *at_most, |guest, _| {
                    guest.steps(body)?;
                    Ok(guest.last == 0)
                });
                match waited {
                    Err(Stop::Expired) if *catches => {
                        self.see("expired");
                        Ok(())
                    }
                    waited => waited,
                }
            }
        }
    }

    fn send(&mut self, calls: &[(Effect, u8)]) -> Outcome<H> {
        // The same `once` call, whatever came before: so that there are repetitions to refuse.
        let text = |guest: &Self, effect, thing: u8| match effect {
            Effect::Once => format!("once {thing}"),
            effect => guest.with_history(&format!("{effect:?} {thing}")),
        };
        let is_alone = calls.len() == 1;
        let calls = calls.iter().map(|(effect, thing)| (*effect, text(self, *effect, *thing))).collect();
        for reply in self.host.send(calls).map_err(Stop::Ended)? {
            self.see(&reply.to_text());
            self.last = match reply {
                // What is beside a call that lasts stays as it is: to fail for it would be to fail for ever.
                Reply::Answer(answer) if answer >= FAULT && is_alone => return Err(Stop::Fault),
                Reply::Refused if is_alone => return Err(Stop::Fault),
                Reply::Answer(answer) => answer,
                Reply::Refused | Reply::Lost(_) => 1,
            }
        }
        Ok(())
    }

    /// As the SDK's `create_or_adopt`.
    fn make(&mut self, thing: u8) -> Outcome<H> {
        let mut unsettled = None;
        for _ in 0..4 {
            let mut found = false;
            match unsettled {
                None => found = self.find(thing)?,
                Some(settles_at) => self.wait(5_000, 30 * 60_000, |guest, look| {
                    found = guest.find(thing)?;
                    Ok(found || look.now >= settles_at)
                })?,
            }
            if found {
                return Ok(());
            }
            let replies = self.host.send(vec![(Effect::Once, format!("create {thing}"))]).map_err(Stop::Ended)?;
            let [reply] = replies.as_slice() else { panic!("one answer for one call") };
            self.see(&reply.to_text());
            match reply {
                Reply::Lost(settles_at) => unsettled = Some(*settles_at),
                Reply::Refused => return Err(Stop::Fault),
                Reply::Answer(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn find(&mut self, thing: u8) -> Result<bool, Stop<H::End>> {
        let request = self.with_history(&format!("find {thing}"));
        let replies = self.host.send(vec![(Effect::Read, request)]).map_err(Stop::Ended)?;
        let [Reply::Answer(answer)] = replies.as_slice() else { panic!("reads are answered: {replies:?}") };
        self.see(&answer.to_string());
        if *answer >= FAULT { Err(Stop::Fault) } else { Ok(*answer == 0) }
    }

    /// As the SDK's `wait::until`.
    fn wait(
        &mut self,
        every: u64,
        at_most: u64,
        mut is_ready: impl FnMut(&mut Self, &Look) -> Result<bool, Stop<H::End>>,
    ) -> Outcome<H> {
        loop {
            let Some(look) = self.host.attempt(at_most).map_err(Stop::Ended)? else { return Err(Stop::Expired) };
            self.see(&format!("look {} at {}", look.count, look.now.0));
            if is_ready(self, &look)? {
                return Ok(());
            }
            self.host.suspend(look.id, every).map_err(Stop::Ended)?;
        }
    }

    /// Takes in what the host has shown, and the time.
    fn see(&mut self, text: &str) {
        for byte in text.bytes().chain(self.host.now().0.to_be_bytes()) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn with_history(&self, what: &str) -> String {
        format!("{what}, at {} after {:x}", self.host.now().0, self.digest)
    }
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![3 => Just(Effect::Read), 2 => Just(Effect::Idempotent), 1 => Just(Effect::Once)]
}

fn call() -> impl Strategy<Value = (Effect, u8)> {
    (effect(), 0..12_u8)
}

/// Guests of all kinds.
pub fn programs() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        2 => Just(Step::Name),
        6 => call().prop_map(|(effect, thing)| Step::Call(effect, thing)),
        1 => prop::collection::vec(call(), 1..4).prop_map(Step::Together),
        2 => (0..3_u8).prop_map(Step::Make),
    ];
    let step = leaf.prop_recursive(3, 16, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            1 => (some(), some()).prop_map(|(one, other)| Step::Branch(one, other)),
            1 => (1..4_u8, some()).prop_map(|(times, body)| Step::Repeat(times, body)),
            3 => (4_000..20_000_u64, 0..30_000_u64, any::<bool>(), some())
                .prop_map(|(every, at_most, catches, body)| Step::Wait { every, at_most, catches, body }),
        ]
    });
    prop::collection::vec(step, 1..7)
}
