//! The capability `http`: calls to granted origins.
//!
//! In this order: the journal is asked; the grant is checked; the intents of all calls that change the world
//! are durable; the calls are sent, each on a task of its own; their results are durable; the extension sees
//! them. What leaves and what comes back is in [`perform`]; how calls look in the journal in [`record`].

mod perform;
mod record;

use std::sync::Arc;

use cloudark_api::operation::EventKind;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

pub use perform::Performed;
use perform::Window;
pub use record::{RecordedRequest, RecordedResult};

use crate::crash::{self, Phase, Rule};

use super::parked::{MOMENT, ParkedCalls};
use super::trail::clean;
use super::{Host as RunHost, Scope, identity::Identity, wall};
use crate::extensions::grants::{self, Facts, Permit};
use crate::journal::{Answer, Body, Call, Effect, JournalError, Millis, Proof, State, durable};
use crate::sandbox::bindings::http::{Denial, Error, Host, Origin, Request, Response};
use crate::sandbox::bindings::types::{Failure, FailureKind};
use crate::sandbox::{Interrupt, RunState};

/// The function's name in journals.
const SEND: &str = "http.send";

/// At most so many calls at once.
const AT_ONCE: usize = 64;

impl Host for RunState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let mut answers = self.send_together(vec![request]).await?;
        answers.pop().ok_or_else(|| wasmtime::Error::msg("a call without an answer"))
    }

    async fn send_all(&mut self, requests: Vec<Request>) -> wasmtime::Result<Vec<Result<Response, Error>>> {
        if requests.len() > AT_ONCE {
            let message = format!("{} calls at once; at most {AT_ONCE} are allowed", requests.len());
            return Ok(requests.iter().map(|_| Err(Error::Denied(Denial { message: message.clone() }))).collect());
        }
        self.send_together(requests).await
    }

    async fn trust(&mut self, call: u64) -> wasmtime::Result<Result<Origin, Failure>> {
        self.noted("http.trust", &call, async |_| {
            Ok(Err(Failure {
                kind: FailureKind::Denied,
                message: "http.trust: this server does not learn endpoints".to_owned(),
                pointer: None,
                retry_after_s: None,
            }))
        })
        .await
    }
}

/// A call of a batch: answered, or to be sent.
enum Slot {
    Answered(u32, RecordedResult),
    ToSend(u32, Box<Permit>, RecordedRequest),
}

/// The first call of a batch that is to be sent.
fn to_send(slots: &[Slot]) -> Option<u32> {
    slots.iter().find_map(|slot| match slot {
        Slot::ToSend(position, ..) => Some(*position),
        Slot::Answered(..) => None,
    })
}

impl RunState {
    async fn send_together(&mut self, requests: Vec<Request>) -> wasmtime::Result<Vec<Result<Response, Error>>> {
        self.enter();
        let result = self.journaled(requests).await;
        self.leave();
        match result {
            Ok(answers) => {
                Ok(answers.into_iter().map(|(position, result)| result.into_wit(u64::from(position))).collect())
            }
            Err(interrupt) => Err(self.interrupt(interrupt)),
        }
    }

    async fn journaled(&mut self, requests: Vec<Request>) -> Result<Vec<(u32, RecordedResult)>, Interrupt> {
        let mut slots = Vec::with_capacity(requests.len());
        for request in requests {
            let request = RecordedRequest::from(request);
            slots.push(self.slot(request)?);
        }
        let must_be_durable =
            slots.iter().any(|slot| matches!(slot, Slot::ToSend(_, permit, _) if permit.effect.changes_the_world()));
        let first = to_send(&slots);
        if let Some(first) = first {
            crash::reach(&self.host.scope.label, first, Phase::BeforeIntent);
        }
        if must_be_durable && !Rule::Intents.is_broken() {
            self.write_out().await?;
        }
        if let Some(first) = first {
            crash::reach(&self.host.scope.label, first, Phase::AfterIntent);
        }
        let under_way = self.start(&slots);
        let ended = self.wait(under_way).await?;
        self.finish(slots, ended).await
    }

    /// Asks the journal; where it ends, checks the grant and records the intent.
    fn slot(&mut self, request: RecordedRequest) -> Result<Slot, Interrupt> {
        let rules = |error: crate::journal::JournalError| Interrupt::Journal(error.to_string());
        let text = request.to_text();
        match self.journal.journal_mut().ask(SEND, &text).map_err(rules)? {
            Answer::Replayed { position, result } => Ok(Slot::Answered(position, RecordedResult::from_text(&result)?)),
            Answer::Lost { position, settles_at } => {
                let result = RecordedResult::lost("the server was stopped while this call was under way", settles_at);
                let finished = result.to_text();
                self.journal
                    .journal_mut()
                    .finish(position, finished, crate::journal::Proof::Lost, Vec::new())
                    .map_err(rules)?;
                Ok(Slot::Answered(position, result))
            }
            // Sent before, as a read or idempotent: the same request once more, if the grant still has it.
            Answer::Unfinished { position } => match self.check(&request) {
                Ok(permit) => {
                    if permit.effect.changes_the_world() {
                        let call = self.call(&permit, text);
                        let journal = self.journal.journal_mut();
                        journal.intend_again(position, call.send_before, call.settles_at).map_err(rules)?;
                    }
                    Ok(Slot::ToSend(position, Box::new(permit), request))
                }
                Err(refused) => {
                    let (result, proof) = (refused.to_text(), crate::journal::Proof::Answered);
                    self.journal.journal_mut().finish(position, result, proof, Vec::new()).map_err(rules)?;
                    Ok(Slot::Answered(position, refused))
                }
            },
            Answer::Live { .. } => {
                self.meter.live_call().map_err(|hit| Interrupt::Limit(hit.to_string()))?;
                self.meter.request(request.size()).map_err(|hit| Interrupt::Limit(hit.to_string()))?;
                self.meter.traffic(request.size() as u64).map_err(|hit| Interrupt::Limit(hit.to_string()))?;
                let checked =
                    if self.host.scope.is_cancelled() { Err(RecordedResult::Cancelled) } else { self.check(&request) };
                match checked {
                    Ok(permit) => {
                        let call = self.call(&permit, text.clone());
                        match self.journal.journal_mut().intend(wall(), call) {
                            Ok(position) => Ok(Slot::ToSend(position, Box::new(permit), request)),
                            Err(error) => {
                                let result = self.lost_before(&error).ok_or_else(|| rules(error))?;
                                let answer = result.to_text();
                                let position =
                                    self.journal.journal_mut().note(wall(), SEND, text, answer).map_err(rules)?;
                                Ok(Slot::Answered(position, result))
                            }
                        }
                    }
                    Err(refused) => {
                        let answer = refused.to_text();
                        let position = self.journal.journal_mut().note(wall(), SEND, text, answer).map_err(rules)?;
                        self.host.tell(&request.summary(), &refused.outcome(), true);
                        Ok(Slot::Answered(position, refused))
                    }
                }
            }
        }
    }

    /// A call like an earlier one, whose result was lost, is not sent: it has the earlier one's outcome, which is
    /// still unknown. The extension waits until that has settled and looks again.
    fn lost_before(&self, error: &JournalError) -> Option<RecordedResult> {
        let JournalError::Repeated { position, reason } = error else { return None };
        match self.journal.journal().entries().get(*position as usize).map(|entry| &entry.body) {
            Some(Body::Call(Call {
                state: State::Open | State::Done { proof: Proof::Lost, .. }, settles_at, ..
            })) => Some(RecordedResult::lost(&format!("this call was made before: {reason}"), *settles_at)),
            _ => None,
        }
    }

    fn check(&self, request: &RecordedRequest) -> Result<Permit, RecordedResult> {
        let host = &self.host;
        let facts = HostFacts { scope: &host.scope, identity: &host.identity };
        let checked = request.with_call(|call| host.scope.grants.check(call, &facts, host.scope.mode));
        checked.map_err(|denial| RecordedResult::Denied { message: denial.message })
    }

    fn call(&self, permit: &Permit, request: String) -> Call {
        let now = self.journal.journal().live_now(wall());
        let send_before = now.plus(SEND_WITHIN_MS);
        Call {
            function: SEND.to_owned(),
            request,
            effect: permit.effect.into(),
            summary: permit.summary.clone(),
            send_before,
            settles_at: send_before.plus(u64::from(permit.timeout_ms)).plus(permit.settle_ms),
            sent_again: false,
            state: State::Open,
        }
    }

    /// Sends what is to be sent, each call on a task of its own: neither a limit nor a cancel drops one
    /// half-sent.
    fn start(&self, slots: &[Slot]) -> Vec<(u32, oneshot::Receiver<Performed>)> {
        let mut under_way = Vec::new();
        for slot in slots {
            let Slot::ToSend(position, permit, request) = slot else { continue };
            let (done, receiver) = oneshot::channel();
            let window = self.window(*position);
            let call = perform::perform(&self.host, permit, request, window, self.meter.limits().response_bytes);
            let (scope, position) = (Arc::clone(&self.host.scope), *position);
            tokio::spawn(async move {
                let performed = call.await;
                crash::reach(&scope.label, position, Phase::AfterSend);
                // A run that has gone finds the call in its journal: open, or lost.
                let _ = done.send(performed);
            });
            under_way.push((position, receiver));
        }
        under_way
    }

    fn window(&self, position: u32) -> Window {
        match self.journal.journal().entries().get(position as usize).map(|entry| &entry.body) {
            Some(Body::Call(call)) => Window { send_before: call.send_before, settles_at: call.settles_at },
            // There is no call without its intent; without one, nothing is sent.
            _ => Window { send_before: Millis::default(), settles_at: Millis::default() },
        }
    }

    /// Waits a moment for calls; what takes longer is parked.
    async fn wait(
        &mut self,
        under_way: Vec<(u32, oneshot::Receiver<Performed>)>,
    ) -> Result<Vec<(u32, Performed)>, Interrupt> {
        let until = Instant::now() + MOMENT;
        let is_query = self.host.scope.task.is_none();
        let mut ended = Vec::with_capacity(under_way.len());
        let mut waiting = under_way.into_iter();
        while let Some((position, mut receiver)) = waiting.next() {
            // A query has nobody to wake it: it waits.
            let performed = if is_query { Ok((&mut receiver).await) } else { timeout_at(until, &mut receiver).await };
            match performed {
                Ok(Ok(performed)) => ended.push((position, performed)),
                Ok(Err(_)) => return Err(Interrupt::Store("the server is stopping".to_owned())),
                Err(_) => {
                    let calls = ended.into_iter().map(|(position, performed)| {
                        let (done, receiver) = oneshot::channel();
                        let _ = done.send(performed);
                        (position, receiver)
                    });
                    let calls = calls.chain([(position, receiver)]).chain(waiting).collect();
                    return Err(Interrupt::Parked(ParkedCalls { calls }));
                }
            }
        }
        Ok(ended)
    }

    async fn finish(
        &mut self,
        slots: Vec<Slot>,
        ended: Vec<(u32, Performed)>,
    ) -> Result<Vec<(u32, RecordedResult)>, Interrupt> {
        let mut retry = None;
        let mut results = Vec::new();
        let mut live = Vec::with_capacity(ended.len());
        let mut bytes = 0_u64;
        let mut unreadable = None;
        for (position, performed) in ended {
            bytes = bytes.saturating_add(performed.bytes);
            match self.host.take_in(position, performed) {
                Ok(Taken::Finished { finished, result, write }) => {
                    self.journal.stage(write);
                    live.push((position, result));
                    results.push(finished);
                }
                Ok(Taken::Again { reason }) => retry = Some(reason),
                Err(interrupt) => unreadable = Some(interrupt),
            }
        }
        let first = to_send(&slots);
        if let Some(first) = first {
            crash::reach(&self.host.scope.label, first, Phase::AfterAnswer);
        }
        self.journal.finish(results).await?;
        if let Some(first) = first {
            crash::reach(&self.host.scope.label, first, Phase::AfterResult);
        }
        // After the results are recorded: what goes wrong with one, or a limit, never drops what has happened.
        if let Some(interrupt) = unreadable {
            return Err(interrupt);
        }
        self.meter.traffic(bytes).map_err(|hit| Interrupt::Limit(hit.to_string()))?;
        if let Some(reason) = retry {
            return Err(Interrupt::Retry { reason, retry_after_s: None });
        }
        Ok(slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Answered(position, result) => (position, result),
                Slot::ToSend(position, ..) => {
                    let result = live.iter().find(|(at, _)| *at == position).map(|(_, result)| result.clone());
                    (position, result.unwrap_or(RecordedResult::Cancelled))
                }
            })
            .collect())
    }

    async fn write_out(&mut self) -> Result<(), Interrupt> {
        let events = self.host.events();
        self.journal.flush(events).await.map_err(Interrupt::from)
    }
}

/// The time within which a recorded intent must have been handed to the network, in milliseconds. A takeover
/// by another server waits it out.
const SEND_WITHIN_MS: u64 = 10_000;

/// What becomes of a call that has ended.
pub(crate) enum Taken {
    /// It is recorded.
    Finished {
        /// For the journal.
        finished: durable::Finished,
        /// For the extension.
        result: RecordedResult,
        /// Captured secrets and ids that are ours.
        write: crate::store::Txn,
    },
    /// Nothing was changed, or sending it again changes nothing more: the run begins anew, and finds the call
    /// without a result.
    Again {
        /// What happened.
        reason: String,
    },
}

impl RunHost {
    /// Takes in a call that has ended: its secrets, its ids, its event.
    pub(crate) fn take_in(&mut self, position: u32, performed: Performed) -> Result<Taken, Interrupt> {
        let Performed { summary, end, bytes: _ } = performed;
        let end = match end {
            perform::End::Again { reason } => {
                self.tell(&summary, &reason, true);
                return Ok(Taken::Again { reason });
            }
            perform::End::Answered(end) => *end,
        };
        let mut write = self.identity.own(&end.owned);
        let mut result = end.result;
        for (placeholder, value) in end.captured {
            let (reference, secret) = self.identity.captured(&self.services.vault, &value)?;
            write = write.and(secret);
            result.replace(&placeholder, &reference);
        }
        if end.changes || end.failed {
            self.tell(&summary, &result.outcome_with(end.code.as_deref()), end.failed);
        }
        let finished = durable::Finished { position, result: result.to_text(), proof: end.proof, owned: end.owned };
        Ok(Taken::Finished { finished, result, write })
    }

    /// An event: a call that changed something, or failed.
    fn tell(&mut self, summary: &str, outcome: &str, failed: bool) {
        let task = self.scope.task.as_ref().map_or(0, |task| task.number);
        let outcome = clean(&self.identity.scrub(outcome));
        self.trail.push(EventKind::Call { task, summary: clean(summary), outcome, failed });
    }
}

impl From<grants::Effect> for Effect {
    fn from(effect: grants::Effect) -> Self {
        match effect {
            grants::Effect::Read => Self::Read,
            grants::Effect::Idempotent => Self::Idempotent,
            grants::Effect::Once => Self::Once,
        }
    }
}

trait Changes {
    fn changes_the_world(self) -> bool;
}

impl Changes for grants::Effect {
    fn changes_the_world(self) -> bool {
        Effect::from(self).changes_the_world()
    }
}

/// What the host knows, for the matcher.
struct HostFacts<'a> {
    scope: &'a Scope,
    identity: &'a Identity,
}

impl Facts for HostFacts<'_> {
    fn is_minted(&self, name: &str) -> bool {
        self.identity.is_minted(name)
    }
    fn is_owned(&self, id: &str) -> bool {
        self.identity.is_owned(id)
    }
    fn is_from_application(&self, value: &str) -> bool {
        self.scope.from_application.contains(value)
    }
    fn account(&self) -> Option<&str> {
        self.scope.account.as_deref()
    }
    fn setting(&self, name: &str) -> Option<&str> {
        self.scope.settings.get(name).map(String::as_str)
    }
    fn mark(&self) -> &[(String, String)] {
        &self.scope.mark
    }
}
