//! The kind `dynamodb`: a table.
//!
//! It stands on no network: whoever has credentials that AWS allows to use it, reaches it. The tables of an
//! environment are found by their minted names and their tags.

mod config;
mod differences;
mod table;

use cloudark_sdk::aws::{self, Json};
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::presence;
use config::{Config, Deletion};
use table::Table;

/// The kind's name.
pub const KIND: &str = "dynamodb";

/// 3 to 255 letters, digits, `_`, `-` and `.`.
const NAME: Rules = Rules::DNS_LABEL.prefix("cloudark-");

/// Tables of Amazon DynamoDB.
pub struct Dynamodb;

/// What a table was last seen to be: compared with what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// `id (string)`.
    hash_key: String,
    /// `at (number)`, or nothing.
    range_key: String,
    /// `on-demand`, or the capacity.
    billing: String,
}

impl From<&Table> for State {
    fn from(table: &Table) -> Self {
        Self {
            hash_key: table.key("HASH").unwrap_or_default(),
            range_key: table.key("RANGE").unwrap_or_default(),
            billing: table.billing().to_string(),
        }
    }
}

impl Resource for Dynamodb {
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = "A table of Amazon DynamoDB";
    const HOLDS_DATA: bool = true;
    const OUTPUTS: &'static [Output] = &[
        Output::plain("TableName", "the table's name"),
        Output::plain("TableArn", "the table's ARN"),
        Output::plain("Region", "where it is"),
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
        let dynamodb = Json::new(ctx, &aws::DYNAMODB)?;
        let seen = table::find(ctx, &dynamodb, &current.id)?.map(|table| State::from(&table));
        Ok(differences::plan(seen.as_ref().unwrap_or(&current.state), &intent.config))
    }

    fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
        let dynamodb = Json::new(ctx, &aws::DYNAMODB)?;
        let name = ctx.name("table", NAME)?;
        presence::ensure(
            "table",
            || table::find(ctx, &dynamodb, &name),
            || table::create(ctx, &dynamodb, &name, &intent.config),
        )?;
        describe(ctx, &table::active(ctx, &dynamodb, &name)?)
    }

    fn read(ctx: &Context, _intent: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        let dynamodb = Json::new(ctx, &aws::DYNAMODB)?;
        table::find(ctx, &dynamodb, &current.id)?.map(|table| describe(ctx, &table)).transpose()
    }

    fn update(ctx: &Context, intent: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
        let dynamodb = Json::new(ctx, &aws::DYNAMODB)?;
        describe(ctx, &table::bill(ctx, &dynamodb, &current.id, intent.config.billing())?)
    }

    fn delete(ctx: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<()> {
        // Without a record it never was active: there is no data to keep.
        if current.is_some() && intent.config.policy.deletion == Deletion::Retain {
            progress!("keeping the table: its policy says so");
            return Ok(());
        }
        table::remove(ctx, &Json::new(ctx, &aws::DYNAMODB)?, &ctx.name("table", NAME)?)
    }
}

fn describe(ctx: &Context, table: &Table) -> Result<Instance<State>> {
    let state = State::from(table);
    let keys = [state.hash_key.as_str(), state.range_key.as_str()];
    let keys: Vec<&str> = keys.into_iter().filter(|key| !key.is_empty()).collect();
    Ok(Instance::new(&table.name)
        .output("TableName", &table.name)
        .output("TableArn", &table.arn)
        .output("Region", aws::region(ctx)?)
        .summary(format!("{}, {}", keys.join(", "), state.billing))
        .state(state))
}
