//! The kind `elasticache`: a Redis or Valkey cache.
//!
//! A replication group with cluster mode disabled: one primary, and replicas that take over from it. Only the
//! applications of its environment reach it: ElastiCache has no public addresses.

mod config;
mod differences;
mod group;
mod subnet_group;

use cloudark_sdk::aws::{self, Query};
use cloudark_sdk::instance::Value;
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{foundation, presence};
use config::{Config, Deletion};
use group::{Group, Site};

/// The kind's name.
pub const KIND: &str = "elasticache";

/// Where caches listen.
pub const PORT: u16 = 6379;

/// At most 40 letters, digits and single hyphens, beginning with a letter.
const IDENTIFIER: Rules = Rules::DNS_LABEL.max(40);

/// ElastiCache takes 16 to 128 characters.
const TOKEN: Password = Password::alphanumeric(64);

/// Caches of Amazon ElastiCache.
pub struct Elasticache;

/// What a cache was last seen to be: compared with what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The cache subnet group.
    subnets: String,
    engine: String,
    /// The version that the file asked for: ElastiCache does not show a group's.
    engine_version: String,
    node_type: String,
    replicas: u32,
    tls: bool,
}

impl State {
    /// With what it is now.
    fn seen(&self, group: &Group) -> Self {
        Self {
            engine: group.engine(&self.engine),
            node_type: group.node_type.clone(),
            replicas: group.replicas(),
            tls: group.tls,
            ..self.clone()
        }
    }
}

impl Resource for Elasticache {
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = "A Redis or Valkey cache of Amazon ElastiCache";
    const HOLDS_DATA: bool = true;
    const OUTPUTS: &'static [Output] = &[
        Output::plain("ReplicationGroupId", "the replication group's identifier"),
        Output::plain("Engine", "valkey or redis"),
        Output::plain("Address", "the host name to write to and read from"),
        Output::plain("ReaderAddress", "the host name to read from, spread over the replicas"),
        Output::plain("Port", "the port to connect to"),
        Output::secret("AuthToken", "the password; with `tls: false` there is none"),
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
        let seen = group::find(ctx, &Query::new(ctx, &aws::ELASTICACHE)?, &current.id)?;
        let seen = seen.map(|group| current.state.seen(&group));
        Ok(differences::plan(seen.as_ref().unwrap_or(&current.state), &intent.config))
    }

    fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
        let elasticache = Query::new(ctx, &aws::ELASTICACHE)?;
        let config = &intent.config;
        let id = ctx.name("cache", IDENTIFIER)?;
        let foundation: foundation::State = ctx.foundation()?;
        let subnets = ctx.name("subnets", IDENTIFIER)?;
        subnet_group::ensure(ctx, &elasticache, &subnets, &foundation.network()?.subnet_ids())?;
        let Some(data) = &foundation.groups.data else {
            // ElastiCache would choose the network's default group.
            fail!(permanent, "the foundation of {} has no group for caches: update the environment", ctx.environment);
        };
        let token = if config.tls { Some(secrets::generate("token", TOKEN)?) } else { None };
        let site = Site { subnets: &subnets, group: data };
        presence::ensure(
            "cache",
            || group::find(ctx, &elasticache, &id),
            || group::create(ctx, &elasticache, &id, config, &site, token.as_ref()),
        )?;
        let group = group::available(ctx, &elasticache, &id)?;
        Ok(describe(&group, recorded(&group, subnets, config), token.as_ref()))
    }

    fn read(ctx: &Context, _intent: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        let found = group::find(ctx, &Query::new(ctx, &aws::ELASTICACHE)?, &current.id)?;
        Ok(found.map(|group| describe(&group, current.state.seen(&group), token(current))))
    }

    fn update(ctx: &Context, intent: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
        let elasticache = Query::new(ctx, &aws::ELASTICACHE)?;
        let (id, config) = (&current.id, &intent.config);
        // Half-way through another change it takes none.
        let mut group = group::available(ctx, &elasticache, id)?;
        for step in differences::steps(&group, &current.state, config) {
            progress!("{step}");
            group = group::change(ctx, &elasticache, id, &step)?;
        }
        let state = recorded(&group, current.state.subnets.clone(), config);
        Ok(describe(&group, state, token(current)))
    }

    fn delete(ctx: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<()> {
        let elasticache = Query::new(ctx, &aws::ELASTICACHE)?;
        // Without a record it never was available: there is no data to keep.
        let snapshot = match intent.config.policy.deletion {
            Deletion::Snapshot if current.is_some() => Some(ctx.name("final", IDENTIFIER)?),
            _ => None,
        };
        group::remove(ctx, &elasticache, &ctx.name("cache", IDENTIFIER)?, snapshot.as_deref())?;
        subnet_group::remove(ctx, &elasticache, &ctx.name("subnets", IDENTIFIER)?)
    }
}

/// The token that a record has.
fn token(current: &Instance<State>) -> Option<&Secret> {
    match current.get("AuthToken") {
        Some(Value::Secret(token)) => Some(token),
        _ => None,
    }
}

fn recorded(group: &Group, subnets: String, config: &Config) -> State {
    State {
        subnets,
        engine: group.engine(&config.engine.to_string()),
        engine_version: config.engine_version.clone().unwrap_or_default(),
        node_type: group.node_type.clone(),
        replicas: group.replicas(),
        tls: group.tls,
    }
}

fn describe(group: &Group, state: State, token: Option<&Secret>) -> Instance<State> {
    let (primary, reader) = group.endpoints();
    let instance = Instance::new(&group.id)
        .output("ReplicationGroupId", &group.id)
        .output("Engine", &state.engine)
        .output("Address", primary.address)
        .output("ReaderAddress", reader.address)
        .output("Port", primary.port);
    let instance = match token {
        Some(token) => instance.secret("AuthToken", token),
        None => instance,
    };
    let replicas = match state.replicas {
        0 => "no replica".to_owned(),
        1 => "1 replica".to_owned(),
        more => format!("{more} replicas"),
    };
    instance.summary(format!("{} on {}, {replicas}", state.engine, state.node_type)).state(state)
}
