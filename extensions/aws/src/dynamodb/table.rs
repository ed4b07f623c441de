//! The table.

use cloudark_sdk::aws::{Error, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Billing, Config, KeyType};
use super::differences;
use crate::{mark, presence};

/// A table, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Table {
    /// Its name.
    #[serde(rename = "TableName")]
    pub name: String,
    /// Its ARN.
    #[serde(rename = "TableArn")]
    pub arn: String,
    #[serde(rename = "TableStatus")]
    status: String,
    #[serde(default)]
    key_schema: Vec<Key>,
    #[serde(default)]
    attribute_definitions: Vec<Attribute>,
    billing_mode_summary: Option<Summary>,
    provisioned_throughput: Option<Throughput>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    #[serde(default)]
    billing_mode: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Throughput {
    read_capacity_units: u32,
    write_capacity_units: u32,
}

impl Table {
    /// The key of this kind, `HASH` or `RANGE`, with its type.
    pub fn key(&self, kind: &str) -> Option<String> {
        let name = &self.key_schema.iter().find(|key| key.key_type == kind)?.attribute_name;
        let attribute = self.attribute_definitions.iter().find(|attribute| attribute.attribute_name == *name)?;
        Some(differences::key(name, KeyType::of_code(&attribute.attribute_type)?))
    }

    /// What is paid for. A table that was always provisioned says nothing of a mode.
    pub fn billing(&self) -> Billing {
        let on_demand = self.billing_mode_summary.as_ref().is_some_and(|mode| mode.billing_mode == "PAY_PER_REQUEST");
        match &self.provisioned_throughput {
            Some(throughput) if !on_demand => {
                Billing::Provisioned { read: throughput.read_capacity_units, write: throughput.write_capacity_units }
            }
            _ => Billing::OnDemand,
        }
    }
}

fn look(dynamodb: &Json, name: &str) -> Result<Option<Table>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Table")]
        table: Table,
    }
    let answer: Option<Answer> = dynamodb.call("DescribeTable", &json!({ "TableName": name })).or_absent()?;
    Ok(answer.map(|answer| answer.table))
}

/// The table of this name, if it is ours.
pub fn find(ctx: &Context, dynamodb: &Json, name: &str) -> Result<Option<Table>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Tags", default)]
        tags: Vec<mark::JsonTag>,
    }
    let Some(table) = look(dynamodb, name)? else {
        return Ok(None);
    };
    if table.status == "DELETING" {
        // Nothing is done to it any more, and its tags may be gone already.
        return Ok(Some(table));
    }
    let resource = json!({ "ResourceArn": table.arn });
    let answer: Option<Answer> = dynamodb.call("ListTagsOfResource", &resource).or_absent()?;
    let Some(answer) = answer else { return Ok(None) };
    if answer.tags.is_empty() && table.status == "CREATING" {
        // The tags of a new table are listed later than the table.
        return Ok(None);
    }
    mark::require(ctx, "table", name, &mark::of_json(&answer.tags))?;
    Ok(Some(table))
}

/// The fields that say what is paid for.
fn billed(mut body: Value, billing: Billing) -> Value {
    let (mode, throughput) = match billing {
        Billing::OnDemand => ("PAY_PER_REQUEST", None),
        Billing::Provisioned { read, write } => {
            ("PROVISIONED", Some(json!({ "ReadCapacityUnits": read, "WriteCapacityUnits": write })))
        }
    };
    if let Value::Object(fields) = &mut body {
        fields.insert("BillingMode".to_owned(), mode.into());
        fields.extend(throughput.map(|throughput| ("ProvisionedThroughput".to_owned(), throughput)));
    }
    body
}

/// Ask for it. It takes some seconds to be active.
pub fn create(ctx: &Context, dynamodb: &Json, name: &str, config: &Config) -> Result<()> {
    let keys = config.keys();
    let schema: Vec<Value> = ["HASH", "RANGE"]
        .into_iter()
        .zip(&keys)
        .map(|(kind, (attribute, _))| json!({ "AttributeName": attribute, "KeyType": kind }))
        .collect();
    let attributes: Vec<Value> =
        keys.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind.code() })).collect();
    let body = json!({
        "TableName": name,
        "KeySchema": schema,
        "AttributeDefinitions": attributes,
        "Tags": mark::json_capital(&ctx.tags()),
    });
    Ok(dynamodb.act("CreateTable", &billed(body, config.billing()))?)
}

/// What DynamoDB says of a table that is busy.
const BUSY: [&str; 1] = ["ResourceInUseException"];

/// Change what is paid for, and wait until it is so. While the table is busy it takes no change, also while it is busy with this
/// one: an earlier copy of the call may have arrived.
pub fn bill(ctx: &Context, dynamodb: &Json, name: &str, billing: Billing) -> Result<Table> {
    wait::until(every(10.seconds()), at_most(30.minutes()), || {
        let Some(table) = find(ctx, dynamodb, name)? else {
            return pending("table is not visible");
        };
        if table.status == "DELETING" {
            fail!(conflict, "table {name:?} is being deleted by somebody: create it again once it is gone");
        }
        if table.status != "ACTIVE" {
            return pending(format!("table is {}", table.status));
        }
        if table.billing() == billing {
            return ready(table);
        }
        match dynamodb.act("UpdateTable", &billed(json!({ "TableName": name }), billing)) {
            // It was changed already, and is not shown so yet.
            Err(Error::Refused(refusal)) if refusal.message.contains("will not change") => {}
            answer => drop(answer.or_code(&BUSY)?),
        }
        pending("table is about to be changed")
    })
}

/// Wait until it can be worked with.
pub fn active(ctx: &Context, dynamodb: &Json, name: &str) -> Result<Table> {
    wait::until(every(5.seconds()), at_most(30.minutes()), || match find(ctx, dynamodb, name)? {
        Some(table) if table.status == "ACTIVE" => ready(table),
        Some(table) if table.status == "DELETING" => {
            fail!(conflict, "table {name:?} is being deleted by somebody: create it again once it is gone")
        }
        Some(table) if table.status.starts_with("INACCESSIBLE") || table.status.starts_with("ARCHIV") => fail!(
            permanent,
            "DynamoDB reports that table {name:?} is {}: its encryption key cannot be used. Allow that, or delete the \
             resource and create it again",
            table.status
        ),
        Some(table) => pending(format!("table is {}", table.status)),
        None => pending("table is not visible yet"),
    })
}

/// Delete it, and wait until it is gone.
pub fn remove(ctx: &Context, dynamodb: &Json, name: &str) -> Result<()> {
    presence::remove(
        "table",
        (every(5.seconds()), at_most(30.minutes())),
        || find(ctx, dynamodb, name),
        |table| &table.status,
        // It cannot be deleted while it is made or changed.
        || Ok(dynamodb.act("DeleteTable", &json!({ "TableName": name })).or_absent().or_code(&BUSY)?),
    )
}
