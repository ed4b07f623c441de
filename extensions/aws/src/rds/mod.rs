//! The kind `rds`: a MySQL, PostgreSQL or MariaDB database.

mod class;
mod config;
mod differences;
mod instance;
mod orderable;
mod subnet_group;

use cloudark_sdk::aws::{self, Query};
use cloudark_sdk::instance::Value;
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::security_group::{self, Ingress, Source};
use crate::{foundation, presence};
use config::{Config, Deletion, Engine};
use differences::Recorded;
use instance::{Database, Site};

/// The kind's name.
pub const KIND: &str = "rds";

/// At most 63 letters, digits and single hyphens, beginning with a letter.
const IDENTIFIER: Rules = Rules::DNS_LABEL;

/// RDS takes at most 41 characters on MySQL and MariaDB.
const PASSWORD: Password = Password::alphanumeric(32);

/// Databases of Amazon RDS.
pub struct Rds;

/// What is needed to find, change and delete a database, and what it was last seen to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The DB subnet group.
    subnets: String,
    /// Who may reach it: `cluster`, `open` or addresses.
    access: String,
    /// The instance.
    #[serde(flatten)]
    seen: Seen,
}

/// What an instance was last seen to be: compared with what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    engine: String,
    engine_version: String,
    class: String,
    storage: u32,
    dbname: String,
    username: String,
    multi_az: bool,
    backup: u32,
}

impl From<&Database> for Seen {
    fn from(database: &Database) -> Self {
        Self {
            engine: database.engine.clone(),
            engine_version: database.engine_version.clone(),
            class: database.class.clone(),
            storage: database.storage,
            dbname: database.dbname.clone(),
            username: database.username.clone(),
            multi_az: database.multi_az,
            backup: database.backup,
        }
    }
}

impl Resource for Rds {
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = "A MySQL, PostgreSQL or MariaDB database of Amazon RDS";
    const HOLDS_DATA: bool = true;
    const OUTPUTS: &'static [Output] = &[
        Output::plain("DBInstanceIdentifier", "the instance's identifier"),
        Output::plain("DBInstanceClass", "the instance class"),
        Output::plain("Engine", "mysql, postgres or mariadb"),
        Output::plain("MasterUsername", "the master user's name"),
        Output::secret("MasterUserPassword", "the master user's password"),
        Output::plain("DBName", "the name of the database in the instance"),
        Output::plain("Address", "the host name to connect to"),
        Output::plain("Port", "the port to connect to"),
    ];

    type Config = Config;
    type State = State;

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }

    fn plan(ctx: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<Plan> {
        let Some(current) = current else {
            return Ok(Plan::Nothing);
        };
        // What it is now counts, not what it was when it was last looked at.
        let rds = Query::new(ctx, &aws::RDS)?;
        let seen = instance::find(ctx, &rds, &current.id)?.map(|database| Seen::from(&database));
        let seen = seen.unwrap_or_else(|| current.state.seen.clone());
        let recorded = Recorded { access: &current.state.access, password: recorded_password(current) };
        differences::plan(&seen, &recorded, &intent.config)
    }

    fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
        let rds = Query::new(ctx, &aws::RDS)?;
        let config = &intent.config;
        let id = ctx.name("db", IDENTIFIER)?;
        orderable::check(&rds, config)?;

        let foundation: foundation::State = ctx.foundation()?;
        let subnets = ctx.name("subnets", IDENTIFIER)?;
        subnet_group::ensure(ctx, &rds, &subnets, &foundation.network()?.subnet_ids())?;
        let groups = groups(ctx, config)?;
        let password = password(config)?;

        presence::ensure(
            "database",
            || instance::find(ctx, &rds, &id),
            || {
                let site = Site { subnets: &subnets, groups: &groups };
                instance::create(ctx, &rds, &id, config, &site, &password)
            },
        )?;
        let database = instance::available(ctx, &rds, &id, |_| true)?;
        Ok(describe(&database, subnets, config, password))
    }

    fn read(ctx: &Context, _intent: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        let rds = Query::new(ctx, &aws::RDS)?;
        let Some(database) = instance::find(ctx, &rds, &current.id)? else {
            return Ok(None);
        };
        let mut found = current.clone();
        found.state.seen = Seen::from(&database);
        found.summary = summary(&database);
        for (name, value) in outputs(&database) {
            match found.outputs.iter_mut().find(|(output, _)| output == name) {
                Some((_, recorded)) => *recorded = Value::Plain(value),
                None => found.outputs.push((name.to_owned(), Value::Plain(value))),
            }
        }
        Ok(Some(found))
    }

    fn update(ctx: &Context, intent: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
        let rds = Query::new(ctx, &aws::RDS)?;
        let (id, config) = (&current.id, &intent.config);
        orderable::check(&rds, config)?;
        let groups = groups(ctx, config)?;
        let password = match (&config.password, recorded_password(current)) {
            (None, Some(recorded)) => recorded.clone(),
            _ => password(config)?,
        };

        instance::modify(ctx, &rds, id, config, &groups, config.password.as_ref())?;
        let database =
            instance::available(ctx, &rds, id, |database| differences::fulfils(&Seen::from(database), config))?;
        if let (None, Some(access)) = (config.policy.access.addresses(), intent.minted("access")) {
            security_group::remove(ctx, access)?;
        }
        Ok(describe(&database, current.state.subnets.clone(), config, password))
    }

    fn delete(ctx: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<()> {
        // Without a record it never was available: there is no data to keep.
        let deletion = if current.is_some() { intent.config.policy.deletion } else { Deletion::Delete };
        let snapshot = match deletion {
            Deletion::Delete => None,
            Deletion::Snapshot => Some(ctx.name("final", IDENTIFIER)?),
            Deletion::Retain => {
                progress!("keeping the database: its policy says so");
                return Ok(());
            }
        };
        let rds = Query::new(ctx, &aws::RDS)?;
        instance::remove(ctx, &rds, &ctx.name("db", IDENTIFIER)?, snapshot.as_deref())?;
        subnet_group::remove(ctx, &rds, &ctx.name("subnets", IDENTIFIER)?)?;
        match intent.minted("access") {
            Some(access) => security_group::remove(ctx, access),
            None => Ok(()),
        }
    }
}

/// The security groups of an instance: the environment's, and one of its own where others may reach it too.
fn groups(ctx: &Context, config: &Config) -> Result<Vec<String>> {
    let foundation: foundation::State = ctx.foundation()?;
    let mut groups: Vec<String> = foundation.groups.data.iter().cloned().collect();
    if let Some(addresses) = config.policy.access.addresses() {
        let name = ctx.name("access", IDENTIFIER)?;
        let description = format!("CloudARK environment {}: access to {}", ctx.environment, ctx.piece);
        let group = security_group::ensure(ctx, &name, &foundation.network()?.vpc, &description)?;
        let rule = Ingress { port: config.engine.port(), from: Source::Cidr(addresses.to_owned()) };
        security_group::reconcile(ctx, &group, &[rule])?;
        groups.push(group.id);
    }
    if groups.is_empty() {
        // RDS would choose the network's default group.
        fail!(permanent, "the foundation of {} has no group for databases: update the environment", ctx.environment);
    }
    Ok(groups)
}

/// The password that a record has.
fn recorded_password(current: &Instance<State>) -> Option<&Secret> {
    match current.get("MasterUserPassword") {
        Some(Value::Secret(password)) => Some(password),
        _ => None,
    }
}

/// The user's password, or a generated one.
fn password(config: &Config) -> Result<Secret> {
    match &config.password {
        Some(password) => Ok(password.clone()),
        None => secrets::generate("master", PASSWORD),
    }
}

fn describe(database: &Database, subnets: String, config: &Config, password: Secret) -> Instance<State> {
    let state = State { subnets, access: config.policy.access.to_string(), seen: Seen::from(database) };
    outputs(database)
        .into_iter()
        .fold(Instance::new(&database.id), |instance, (name, value)| instance.output(name, value))
        .secret("MasterUserPassword", &password)
        .summary(summary(database))
        .state(state)
}

fn summary(database: &Database) -> String {
    format!("{} {} on {}, {} GiB", database.engine, database.engine_version, database.class, database.storage)
}

fn outputs(database: &Database) -> Vec<(&'static str, String)> {
    let endpoint = database.endpoint.clone().unwrap_or_default();
    vec![
        ("DBInstanceIdentifier", database.id.clone()),
        ("DBInstanceClass", database.class.clone()),
        ("Engine", database.engine.clone()),
        ("MasterUsername", database.username.clone()),
        ("DBName", database.dbname.clone()),
        ("Address", endpoint.address),
        ("Port", endpoint.port.to_string()),
    ]
}

/// The port of the database that a piece's configuration asks for: what the foundation opens.
///
/// # Errors
/// `invalid` for an engine that there is not.
pub fn port(config: &serde_json::Value) -> Result<u16> {
    match config.get("engine") {
        None | Some(serde_json::Value::Null) => Ok(Engine::default().port()),
        Some(engine) => Engine::deserialize(engine).map(Engine::port).map_err(|_| {
            Failure::invalid(format!("there is no engine {engine}: mysql, postgres or mariadb")).at("/engine")
        }),
    }
}

/// Whether a piece is a database that outlives its environment.
pub fn is_retained(piece: &Piece) -> bool {
    piece.kind == KIND && piece.config.pointer("/policy/deletion").and_then(|policy| policy.as_str()) == Some("retain")
}

/// Whether a database of this environment is still there, whichever piece it belongs to.
pub fn is_any_left(ctx: &Context) -> Result<bool> {
    instance::is_any_of_environment(&Query::new(ctx, &aws::RDS)?, &ctx.environment_id)
}
