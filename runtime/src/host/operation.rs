//! The capability `operation`: names, tokens, the ownership mark, waits, progress.

use super::trail::clean;
use super::wall;
use crate::journal::{AttemptAnswer, Suspension};
use crate::sandbox::bindings::operation::{AttemptInfo, Host, Letters, NameRules};
use crate::sandbox::bindings::types::{Failure, FailureKind};
use crate::sandbox::{Interrupt, RunState};

/// The longest wait: what a user would still believe in, and a bound on waits without sense.
const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;

fn failure(kind: FailureKind, message: String) -> Failure {
    Failure { kind, message, pointer: None, retry_after_s: None }
}

/// The rules for a token: what all clouds' idempotency fields take.
fn token_rules(max: u32) -> NameRules {
    NameRules { max, letters: Letters::LowerCase, digits: true, punctuation: String::new(), prefix: String::new() }
}

impl Host for RunState {
    async fn name(&mut self, label: String, rules: NameRules) -> wasmtime::Result<Result<String, Failure>> {
        let request = (label.clone(), rules.clone());
        self.noted("operation.name", &request, async |state| {
            let host = &mut state.host;
            match host.identity.name(&host.scope, &label, &rules) {
                Ok((name, write)) => {
                    state.journal.stage(write);
                    Ok(Ok(name))
                }
                Err(reason) => Ok(Err(failure(FailureKind::Invalid, reason))),
            }
        })
        .await
    }

    async fn token(&mut self, label: String, max: u32) -> wasmtime::Result<String> {
        let request = (label.clone(), max);
        self.noted("operation.token", &request, async |state| {
            let host = &mut state.host;
            let label = format!("token {label}");
            let token = if max == 36 {
                host.identity.uuid(&host.scope, &label)
            } else {
                host.identity.name(&host.scope, &label, &token_rules(max.max(16)))
            };
            let (token, write) = token.map_err(Interrupt::Journal)?;
            state.journal.stage(write);
            Ok(token)
        })
        .await
    }

    async fn tags(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.enter();
        // It is not journaled, so what a replay asks again counts only once the replay is over.
        if !self.journal.journal().is_replaying()
            && let Err(hit) = self.meter.live_call()
        {
            return Err(self.interrupt(Interrupt::Limit(hit.to_string())));
        }
        Ok(self.host.scope.mark.clone())
    }

    async fn attempt(&mut self, give_up_after_ms: u64) -> wasmtime::Result<Result<AttemptInfo, Failure>> {
        self.enter();
        let give_up_after_ms = give_up_after_ms.min(LONGEST_WAIT_MS);
        let answer = match self.journal.journal_mut().attempt(wall(), give_up_after_ms) {
            Ok(answer) => answer,
            Err(error) => return Err(self.interrupt(Interrupt::Journal(error.to_string()))),
        };
        self.leave();
        Ok(match answer {
            AttemptAnswer::Look { id, count, first_start, now } => {
                Ok(AttemptInfo { id, count, first_start_ms: first_start.0, now_ms: now.0 })
            }
            AttemptAnswer::Expired { note } => {
                let waited = give_up_after_ms / 1_000;
                Err(failure(FailureKind::Expired, format!("gave up after {waited} s; the last that was seen: {note}")))
            }
        })
    }

    async fn suspend(&mut self, attempt: u32, after_ms: u64, note: String) -> wasmtime::Result<()> {
        self.enter();
        let note = clean(&self.host.identity.scrub(&note));
        match self.journal.journal_mut().suspend(wall(), attempt, after_ms, &note) {
            Ok(Suspension::PassedOver) => {
                self.leave();
                Ok(())
            }
            Ok(Suspension::Until { wake_at, after_ms }) => {
                Err(self.interrupt(Interrupt::Suspended { wake_at, after_ms, note }))
            }
            Err(error) => Err(self.interrupt(Interrupt::Journal(error.to_string()))),
        }
    }

    async fn progress(&mut self, note: String) -> wasmtime::Result<()> {
        if !self.journal.journal().is_replaying() {
            let note = self.host.identity.scrub(&note);
            self.host.trail.progress(&note);
        }
        Ok(())
    }
}
