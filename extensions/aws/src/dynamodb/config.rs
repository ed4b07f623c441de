//! The configuration of a table, and what is wrong with one.

use cloudark_sdk::prelude::*;
use cloudark_sdk::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `configuration:` of a resource of type `dynamodb`, with its `policy`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The attribute that items are found by, the partition key: `id` if silent.
    #[serde(default = "default_key")]
    pub hash_key: String,
    /// Its type: `string` if silent.
    #[serde(default)]
    pub hash_key_type: KeyType,
    /// The attribute that the items of one partition are sorted by; none if silent.
    pub range_key: Option<String>,
    /// Its type: `string` if silent.
    pub range_key_type: Option<KeyType>,
    /// What is paid for: each request (`on-demand`, if silent) or a capacity (`provisioned`).
    #[serde(default)]
    pub billing: Mode,
    /// With `provisioned`: how many reads a second; 5 if silent.
    #[schemars(range(min = 1, max = 40_000))]
    pub read_capacity: Option<u32>,
    /// With `provisioned`: how many writes a second; 5 if silent.
    #[schemars(range(min = 1, max = 40_000))]
    pub write_capacity: Option<u32>,
    /// Who may reach it, and what becomes of it.
    #[serde(default)]
    pub policy: Policy,
}

fn default_key() -> String {
    "id".to_owned()
}

/// What the AWS console proposes.
const DEFAULT_CAPACITY: u32 = 5;

/// The type of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// Text.
    #[default]
    String,
    /// A number.
    Number,
    /// Bytes.
    Binary,
}

impl KeyType {
    /// As DynamoDB writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::String => "S",
            Self::Number => "N",
            Self::Binary => "B",
        }
    }

    /// As files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Binary => "binary",
        }
    }

    /// The one that DynamoDB writes so.
    pub fn of_code(code: &str) -> Option<Self> {
        [Self::String, Self::Number, Self::Binary].into_iter().find(|kind| kind.code() == code)
    }
}

/// What is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Each request.
    #[default]
    OnDemand,
    /// So much capacity, used or not.
    Provisioned,
}

/// What is paid for, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Each request.
    OnDemand,
    /// So many reads and writes a second.
    Provisioned {
        /// Reads.
        read: u32,
        /// Writes.
        write: u32,
    },
}

impl fmt::Display for Billing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnDemand => f.write_str("on-demand"),
            Self::Provisioned { read, write } => write!(f, "provisioned for {read} reads and {write} writes a second"),
        }
    }
}

/// Who may reach a table, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A table has no network: AWS decides by credentials who may use it, from wherever they come. `open` says that
    /// an application on another cloud brings its own.
    pub access: Access,
    /// What deleting does.
    pub deletion: Deletion,
}

/// From where a table is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// From applications of its environment.
    #[default]
    Cluster,
    /// From wherever the credentials are.
    Open,
}

/// What deleting a table does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Deletion {
    /// The data is gone.
    #[default]
    Delete,
    /// The table stays, and is no longer the environment's.
    Retain,
}

impl Config {
    /// What is to be paid for.
    pub fn billing(&self) -> Billing {
        match self.billing {
            Mode::OnDemand => Billing::OnDemand,
            Mode::Provisioned => Billing::Provisioned {
                read: self.read_capacity.unwrap_or(DEFAULT_CAPACITY),
                write: self.write_capacity.unwrap_or(DEFAULT_CAPACITY),
            },
        }
    }

    /// The keys with their types, the partition key first.
    pub fn keys(&self) -> Vec<(&str, KeyType)> {
        let range = self.range_key.as_deref().map(|name| (name, self.range_key_type.unwrap_or_default()));
        [Some((self.hash_key.as_str(), self.hash_key_type)), range].into_iter().flatten().collect()
    }

    /// What is wrong with it.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (pointer, name) in [("/hash_key", Some(&self.hash_key)), ("/range_key", self.range_key.as_ref())] {
            if name.is_some_and(|name| name.is_empty() || name.len() > 255) {
                problems.push(Problem::error(pointer, "a key's name has 1 to 255 bytes"));
            }
        }
        if self.range_key.as_ref() == Some(&self.hash_key) {
            let message = format!("{:?} is the partition key already: sort by another attribute", self.hash_key);
            problems.push(Problem::error("/range_key", message));
        }
        if self.range_key.is_none() && self.range_key_type.is_some() {
            problems.push(Problem::error("/range_key_type", "there is no `range_key` whose type this could be"));
        }
        for (pointer, capacity) in [("/read_capacity", self.read_capacity), ("/write_capacity", self.write_capacity)] {
            if capacity.is_some() && self.billing == Mode::OnDemand {
                let message = "a table that is billed on demand has no capacity: add `billing: provisioned`, or leave \
                               this out";
                problems.push(Problem::error(pointer, message));
            }
        }
        problems
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(config: serde_json::Value) -> Config {
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn an_empty_configuration_is_a_table_with_an_id_that_is_paid_by_request() {
        let table = config(json!({}));
        assert_eq!(table.keys(), [("id", KeyType::String)]);
        assert_eq!(table.billing(), Billing::OnDemand);
        assert!(table.problems().is_empty());
    }

    #[test]
    fn what_dynamodb_would_refuse_is_found_before() {
        for (file, pointer) in [
            (json!({ "hash_key": "" }), "/hash_key"),
            (json!({ "hash_key": "a", "range_key": "a" }), "/range_key"),
            (json!({ "range_key_type": "number" }), "/range_key_type"),
            (json!({ "read_capacity": 5 }), "/read_capacity"),
        ] {
            let found: Vec<String> = config(file.clone()).problems().into_iter().map(|one| one.pointer).collect();
            assert_eq!(found, [pointer], "{file}");
        }
        let both = config(json!({ "billing": "provisioned", "read_capacity": 1, "range_key": "at" }));
        assert!(both.problems().is_empty());
        assert_eq!(both.billing(), Billing::Provisioned { read: 1, write: 5 });
    }
}
