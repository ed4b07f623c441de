//! Who runs, and what it may reach.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloudark_api::ids::OperationId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::extensions::ComponentDigest;
use crate::extensions::grants::{Grants, Mode};
use crate::store::Key;

/// A piece of an environment: what names, secrets, ownership and records are keyed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PieceKey {
    /// What all of an environment's pieces on one cloud stand on.
    Foundation(String),
    /// The COE instance.
    Cluster,
    /// A managed service, by its name.
    Resource(String),
    /// An application, by its name.
    Application(String),
}

impl PieceKey {
    /// Its own name: `db`, `web`, `cluster`; of a foundation, its cloud's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cluster => "cluster",
            Self::Foundation(name) | Self::Resource(name) | Self::Application(name) => name,
        }
    }
}

impl fmt::Display for PieceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foundation(cloud) => write!(f, "foundation/{cloud}"),
            Self::Cluster => f.write_str("cluster"),
            Self::Resource(name) => write!(f, "resource/{name}"),
            Self::Application(name) => write!(f, "application/{name}"),
        }
    }
}

impl FromStr for PieceKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None if text == "cluster" => Ok(Self::Cluster),
            Some(("foundation", name)) => Ok(Self::Foundation(name.to_owned())),
            Some(("resource", name)) => Ok(Self::Resource(name.to_owned())),
            Some(("application", name)) => Ok(Self::Application(name.to_owned())),
            _ => Err(format!("\"{text}\" is not a piece of an environment")),
        }
    }
}

impl TryFrom<String> for PieceKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PieceKey> for String {
    fn from(piece: PieceKey) -> Self {
        piece.to_string()
    }
}

/// A task of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The operation.
    pub operation: OperationId,
    /// Its number in it.
    pub number: u32,
}

impl TaskId {
    /// The key of its row, and the prefix of its journal.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new().text(&self.operation.0).u32(self.number)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.operation, self.number)
    }
}

/// Who runs.
#[derive(Debug)]
pub struct Scope {
    /// The environment's id.
    pub environment_id: String,
    /// Its name.
    pub environment: String,
    /// The cloud whose credentials and settings count.
    pub cloud: String,
    /// The piece that the call is about.
    pub piece: PieceKey,
    /// How often the piece was made anew.
    pub generation: u32,
    /// The task; none for a query.
    pub task: Option<TaskId>,
    /// The task as the crash matrix and traces name it: `create-environment/2`.
    pub label: String,
    /// The extension's name: its connection pool.
    pub extension: String,
    /// Its component.
    pub digest: ComponentDigest,
    /// What it may do, rebound to a simulator where one is set up.
    pub grants: Grants,
    /// Whether it may change anything.
    pub mode: Mode,
    /// The account that the environment is bound to.
    pub account: Option<String>,
    /// Settings of the cloud.
    pub settings: BTreeMap<String, String>,
    /// Values that the user's files ask for.
    pub from_application: BTreeSet<String>,
    /// Set when the operation was cancelled and this task does not ignore that.
    pub cancelled: Arc<AtomicBool>,
    /// The ownership mark.
    pub mark: Vec<(String, String)>,
}

impl Scope {
    /// The mark of everything that a piece of an environment makes.
    #[must_use]
    pub fn mark_of(environment_id: &str, piece: &PieceKey) -> Vec<(String, String)> {
        vec![
            ("cloudark:environment".to_owned(), environment_id.to_owned()),
            ("cloudark:piece".to_owned(), piece.to_string()),
        ]
    }

    /// Whether live calls are answered `cancelled`.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The seed of the task's random numbers: the same in each of its runs.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.environment_id.as_bytes());
        hash.update(self.piece.to_string().as_bytes());
        hash.update(self.generation.to_be_bytes());
        if let Some(task) = &self.task {
            hash.update(task.to_string().as_bytes());
        }
        hash.finalize().into()
    }
}
