//! The tables of the store: one for each kind of row.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of row. Keys of different tables never meet.
///
/// The discriminants are written to disk: a number is never changed and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Table {
    /// Facts about this installation: its id, counters.
    Meta = 1,
    /// Environments.
    Environment = 2,
    /// Operations.
    Operation = 3,
    /// Tasks of operations.
    Task = 4,
    /// Host calls of tasks, in order.
    Journal = 5,
    /// The last good record of each piece.
    Record = 6,
    /// Names and tokens minted for pieces.
    Name = 7,
    /// Sealed secret values.
    Secret = 8,
    /// Events of operations.
    Event = 9,
    /// Installed extensions.
    Extension = 10,
    /// What operators have granted, by digest.
    Grant = 11,
    /// Bytes kept by digest.
    Blob = 12,
    /// Sealed cloud credentials.
    Credential = 13,
    /// Settings of clouds and of the server.
    Setting = 14,
    /// Applications.
    Application = 15,
    /// Who asked for what.
    Audit = 16,
    /// Answers already given, by idempotency key.
    Idempotency = 17,
    /// Which operations have not ended, and until when what is left of those that have is kept.
    Timer = 18,
    /// Finished operations of an environment.
    History = 19,
    /// Who works on which task.
    Lease = 20,
    /// Cloud ids that a response showed with our mark.
    Owned = 21,
    /// Starts of servers.
    Incarnation = 22,
    /// Learned endpoints.
    Trust = 23,
    /// Containers: images built and pushed.
    Container = 24,
    /// Journals of tasks that have ended, packed.
    Archive = 25,
    /// What the exports of tasks were called with, for rehearsals.
    Call = 26,
}

impl Table {
    /// The byte that stands for this table on disk.
    #[must_use]
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// The name for messages, and for implementations that key by text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Environment => "environment",
            Self::Operation => "operation",
            Self::Task => "task",
            Self::Journal => "journal",
            Self::Record => "record",
            Self::Name => "name",
            Self::Secret => "secret",
            Self::Event => "event",
            Self::Extension => "extension",
            Self::Grant => "grant",
            Self::Blob => "blob",
            Self::Credential => "credential",
            Self::Setting => "setting",
            Self::Application => "application",
            Self::Audit => "audit",
            Self::Idempotency => "idempotency",
            Self::Timer => "timer",
            Self::History => "history",
            Self::Lease => "lease",
            Self::Owned => "owned",
            Self::Incarnation => "incarnation",
            Self::Trust => "trust",
            Self::Container => "container",
            Self::Archive => "archive",
            Self::Call => "call",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
