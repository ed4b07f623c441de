//! The configuration of a database, and what is wrong with one.

use cloudark_sdk::prelude::*;
use cloudark_sdk::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

use super::class;

/// `configuration:` of a resource of type `rds`, with its `policy`, `username` and `password`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database engine.
    #[serde(default)]
    pub engine: Engine,
    /// The engine's version, `8.0` or `8.0.39`; the one that RDS prefers if silent.
    pub engine_version: Option<String>,
    /// The instance class: db.t4g.micro if silent. Retired classes are replaced by a current one.
    pub flavor: Option<String>,
    /// The size of the disk in GiB: 20 if silent.
    #[schemars(range(min = 20, max = 65_536))]
    #[serde(default = "smallest_storage")]
    pub storage: u32,
    /// The name of the database that is made in the instance: `testdb` if silent.
    #[serde(default = "default_dbname")]
    pub dbname: String,
    /// The master user's name: `testuser` if silent.
    #[serde(default = "default_username")]
    pub username: String,
    /// The master user's password; one is generated if silent.
    pub password: Option<Secret>,
    /// Whether a standby in a second zone takes over when the first fails.
    #[serde(default)]
    pub multi_az: bool,
    /// For how many days automatic backups are kept: 1 if silent; 0 makes none.
    #[schemars(range(min = 0, max = 35))]
    #[serde(default = "default_backup")]
    pub backup: u32,
    /// Who may reach it, and what becomes of it.
    #[serde(default)]
    pub policy: Policy,
}

const fn smallest_storage() -> u32 {
    20
}

const fn default_backup() -> u32 {
    1
}

fn default_dbname() -> String {
    "testdb".to_owned()
}

fn default_username() -> String {
    "testuser".to_owned()
}

/// The database engines that are offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MySQL.
    #[default]
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// The port that it listens on.
    pub const fn port(self) -> u16 {
        match self {
            Self::Mysql | Self::Mariadb => 3306,
            Self::Postgres => 5432,
        }
    }

    /// How long a master user's name may be.
    const fn longest_username(self) -> usize {
        match self {
            Self::Mysql | Self::Mariadb => 16,
            Self::Postgres => 63,
        }
    }

    /// Names that RDS, or the engine, keeps for itself.
    const fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::Mysql | Self::Mariadb => &["rdsadmin", "rdsrepladmin", "mysql", "root", "user"],
            Self::Postgres => &["rdsadmin", "rds_superuser", "rds_replication", "admin", "user", "public"],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        })
    }
}

/// Who may reach a database, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// `cluster` (only applications of this environment), `open` (anybody) or addresses such as `203.0.113.0/24`.
    pub access: Access,
    /// What deleting does.
    pub deletion: Deletion,
}

/// Who may reach a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars", with = "String")]
#[serde(from = "String")]
pub enum Access {
    /// Only the applications of its environment.
    #[default]
    Cluster,
    /// Anybody who knows the password.
    Open,
    /// These addresses too.
    Cidr(String),
}

impl From<String> for Access {
    fn from(text: String) -> Self {
        match text.as_str() {
            "cluster" => Self::Cluster,
            "open" => Self::Open,
            _ => Self::Cidr(text),
        }
    }
}

impl Access {
    /// The addresses besides the environment's own, from which it may be reached.
    pub fn addresses(&self) -> Option<&str> {
        match self {
            Self::Cluster => None,
            Self::Open => Some("0.0.0.0/0"),
            Self::Cidr(cidr) => Some(cidr),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Open => "open",
            Self::Cidr(cidr) => cidr,
        })
    }
}

/// What deleting a database does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(rename_all = "lowercase")]
pub enum Deletion {
    /// The data is gone.
    #[default]
    Delete,
    /// A last snapshot is taken before.
    Snapshot,
    /// The instance stays, and is no longer the environment's.
    Retain,
}

impl Config {
    /// The instance class to use.
    pub fn class(&self) -> String {
        class::current(self.flavor.as_deref())
    }

    /// What is wrong with it, or retired.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_class(&mut problems);
        self.check_names(&mut problems);
        if let Access::Cidr(cidr) = &self.policy.access
            && !is_cidr(cidr)
        {
            problems.push(Problem::error(
                "/policy/access",
                format!("{cidr:?} is neither `cluster` nor `open` nor addresses such as `203.0.113.0/24`"),
            ));
        }
        problems
    }

    fn check_class(&self, problems: &mut Vec<Problem>) {
        let Some(flavor) = &self.flavor else { return };
        if let Some(successor) = class::successor(flavor) {
            problems.push(Problem::warning(
                "/flavor",
                format!(
                    "RDS does not sell {flavor} any more: {successor} is used. Write that to be rid of this warning"
                ),
            ));
        } else if !flavor.starts_with("db.") || flavor.split('.').count() != 3 {
            problems.push(Problem::error(
                "/flavor",
                format!("{flavor:?} is no instance class of RDS: write one such as `{}`", class::DEFAULT),
            ));
        }
    }

    fn check_names(&self, problems: &mut Vec<Problem>) {
        let engine = self.engine;
        if !is_identifier(&self.dbname, 63) {
            problems.push(Problem::error(
                "/dbname",
                format!(
                    "{:?} is no name of a database: a letter, then letters, digits and `_`, 63 at most",
                    self.dbname
                ),
            ));
        }
        let longest = engine.longest_username();
        if !is_identifier(&self.username, longest) {
            problems.push(Problem::error(
                "/username",
                format!(
                    "{:?} is no user name: a letter, then letters, digits and `_`, {longest} at most on {engine}",
                    self.username
                ),
            ));
        } else if engine.reserved().contains(&self.username.to_ascii_lowercase().as_str()) {
            problems.push(Problem::error(
                "/username",
                format!("{engine} keeps the user name {:?} for itself: choose another", self.username),
            ));
        }
    }
}

fn is_identifier(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// IPv4 addresses, and how many bits of them count.
fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use cloudark_sdk::plan::Severity;
    use serde_json::json;

    fn problems(config: serde_json::Value) -> Vec<(Severity, String)> {
        let config: Config = serde_json::from_value(config).unwrap();
        config.problems().into_iter().map(|problem| (problem.severity, problem.pointer)).collect()
    }

    #[test]
    fn an_empty_configuration_is_the_originals_database() {
        let config: Config = serde_json::from_value(json!({})).unwrap();
        assert_eq!((config.dbname.as_str(), config.username.as_str(), config.storage), ("testdb", "testuser", 20));
        assert_eq!((config.engine, config.class().as_str()), (Engine::Mysql, "db.t4g.micro"));
        assert!(config.problems().is_empty());
    }

    #[test]
    fn a_retired_class_is_a_warning_that_names_its_successor() {
        let config: Config = serde_json::from_value(json!({ "engine": "mysql", "flavor": "db.m1.medium" })).unwrap();
        let found = config.problems();
        assert_eq!((found[0].severity, found[0].pointer.as_str()), (Severity::Warning, "/flavor"));
        assert!(found[0].message.contains("db.t3.medium"), "{}", found[0].message);
        assert_eq!(config.class(), "db.t3.medium");
    }

    #[test]
    fn what_rds_would_refuse_is_found_before() {
        for (config, pointer) in [
            (json!({ "dbname": "test-db" }), "/dbname"),
            (json!({ "dbname": "1st" }), "/dbname"),
            (json!({ "engine": "postgres", "username": "admin" }), "/username"),
            (json!({ "username": "a_name_of_seventeen" }), "/username"),
            (json!({ "flavor": "large" }), "/flavor"),
            (json!({ "policy": { "access": "everybody" } }), "/policy/access"),
            (json!({ "policy": { "access": "10.0.0.0/33" } }), "/policy/access"),
        ] {
            assert_eq!(problems(config.clone()), [(Severity::Error, pointer.to_owned())], "{config}");
        }
        assert!(problems(json!({ "policy": { "access": "10.0.0.0/8" }, "username": "admin" })).is_empty());
    }
}
