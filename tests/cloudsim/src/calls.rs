//! The call log: every call that arrived, in order, with what became of it.

use serde::Serialize;
use serde_json::Value;

use crate::cloud::{Effect, Label, Reply};

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Its number, from 1; never reused, also not after the log was emptied.
    pub n: u64,
    /// Arrival, Unix time in milliseconds.
    pub time: u64,
    /// `ec2`
    pub service: String,
    /// `CreateVpc`
    pub action: String,
    /// The region of its signature.
    pub region: String,
    /// The account, once the signature was checked.
    pub account: Option<String>,
    /// The key that it claims to be signed with.
    pub access_key: Option<String>,
    /// Whether it can change anything.
    pub effect: Effect,
    /// The first 16 digits of the body's SHA-256.
    pub digest: String,
    /// Its parameters, secrets masked.
    pub params: Value,
    /// Whether the cloud acted on it; a refused call was processed, one that a fault kept away was not.
    pub processed: bool,
    /// The status of the answer; null while the call is in flight and when it was never answered.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub code: Option<String>,
    /// The fault that struck it.
    pub fault: Option<Value>,
    /// Parameters that the simulated operation did not look at.
    pub ignored: Vec<String>,
}

/// The log.
#[derive(Debug, Default)]
pub struct CallLog {
    next: u64,
    calls: Vec<Call>,
}

impl CallLog {
    /// Notes a call's arrival, and gives it its number.
    pub fn arrived(&mut self, label: &Label, digest: String, now: u64) -> u64 {
        self.next += 1;
        self.calls.push(Call {
            n: self.next,
            time: now,
            service: label.service.clone(),
            action: label.action.clone(),
            region: label.region.clone(),
            account: None,
            access_key: label.access_key.clone(),
            effect: label.effect,
            digest,
            params: label.shown.clone(),
            processed: false,
            status: None,
            code: None,
            fault: None,
            ignored: Vec::new(),
        });
        self.next
    }

    /// Notes that a fault struck the call.
    pub fn struck(&mut self, n: u64, fault: Value) {
        if let Some(call) = self.find(n) {
            call.fault = Some(fault);
        }
    }

    /// Notes that the cloud acted on the call.
    pub fn processed(&mut self, n: u64, reply: &Reply) {
        if let Some(call) = self.find(n) {
            call.processed = true;
            call.account.clone_from(&reply.account);
            call.code.clone_from(&reply.code);
            call.ignored.clone_from(&reply.ignored);
        }
    }

    /// Notes what was answered.
    pub fn answered(&mut self, n: u64, reply: &Reply) {
        if let Some(call) = self.find(n) {
            call.status = Some(reply.status);
            call.code.clone_from(&reply.code);
        }
    }

    /// Everything since the log was last emptied.
    pub fn all(&self) -> &[Call] {
        &self.calls
    }

    /// Empties the log; numbers go on.
    pub fn clear(&mut self) {
        self.calls.clear();
    }

    fn find(&mut self, n: u64) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.n == n)
    }
}
