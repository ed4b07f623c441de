//! `/v1/operations/{id}/tasks/{number}/journal`: what a task has asked the server to do, call by call.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An entry of a task's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// Its place, from 0.
    pub position: u32,
    /// When it was made, in the task's own time: milliseconds since the epoch.
    pub at_ms: u64,
    /// What it records.
    #[serde(flatten)]
    pub what: Recorded,
}

/// What an entry records. Requests are as the extension gave them, with references in the place of secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Recorded {
    /// A call to the world outside.
    Call {
        /// The host function: `http.send`.
        function: String,
        /// `POST https://rds… CreateDBInstance`
        summary: String,
        /// What it could do.
        effect: CallEffect,
        /// What became of it.
        outcome: CallOutcome,
        /// What was asked.
        #[schema(value_type = Object)]
        request: Value,
        /// What the extension got; none while the call is open.
        #[schema(value_type = Option<Object>)]
        result: Option<Value>,
    },
    /// An answer of the server itself: a name, a denial.
    Note {
        /// The host function: `operation.name`.
        function: String,
        /// What was asked.
        #[schema(value_type = Object)]
        request: Value,
        /// What the extension got.
        #[schema(value_type = Object)]
        result: Value,
    },
    /// A wait, with its last look.
    Wait {
        /// How often was looked.
        looks: u32,
        /// When the first look began, in the task's time.
        since_ms: u64,
        /// When the wait gives up, in the task's time.
        until_ms: u64,
        /// For what.
        note: String,
    },
    /// A pause of a wait that changes things as it looks.
    Slept {
        /// Until when, in the task's time.
        until_ms: u64,
        /// For what.
        note: String,
    },
}

/// What a call can do to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallEffect {
    /// Nothing.
    Read,
    /// Sent again, it changes nothing more.
    Idempotent,
    /// Each sending changes something.
    Once,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// It has no result yet.
    Open,
    /// The service did what was asked.
    Performed,
    /// The service answered with an error that says nothing of what happened.
    Answered,
    /// The answer proves that nothing happened.
    NotPerformed,
    /// It was sent, and its answer was lost.
    Lost,
}
