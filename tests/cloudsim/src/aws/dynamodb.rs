//! DynamoDB: tables. Items are not simulated.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ctx, Lister, Tags,
    ec2::thing,
    error::{Answer, AwsError},
    params::Params,
    service::Service,
    tag_list, unknown_action, when,
};
use crate::life::{Birth, Ripening};

/// What DynamoDB knows in a region, by name.
#[derive(Default, Serialize)]
pub struct Dynamodb {
    pub tables: BTreeMap<String, Table>,
}

/// A table.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    pub name: String,
    pub arn: String,
    pub id: String,
    /// Attribute and `HASH` or `RANGE`.
    pub keys: Vec<(String, String)>,
    /// Attribute and `S`, `N` or `B`.
    pub attributes: Vec<(String, String)>,
    /// Read and write capacity; none: on demand.
    pub capacity: Option<(i64, i64)>,
    pub protected: bool,
    pub status: Status,
    pub tags: Tags,
    /// The tags that a table is created with are listed later than the table.
    pub tagged: Birth,
    pub birth: Birth,
}

/// What a table does at the moment.
#[derive(Clone, Debug, Serialize)]
pub enum Status {
    Creating(Ripening),
    Active,
    Updating(Ripening),
    Deleting(Ripening),
}

impl Status {
    /// In AWS's words.
    fn name(&self) -> &'static str {
        match self {
            Self::Creating(_) => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating(_) => "UPDATING",
            Self::Deleting(_) => "DELETING",
        }
    }
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateTable" => create(ctx, p),
        "DescribeTable" => describe(ctx, p),
        "UpdateTable" => update(ctx, p),
        "DeleteTable" => delete(ctx, p),
        "ListTables" => {
            let names: Vec<&String> = ctx.r.dynamodb.tables.keys().collect();
            Ok(json!({ "TableNames": names }))
        }
        "ListTagsOfResource" => {
            let (config, now) = (ctx.config, ctx.now);
            let table = by_arn(ctx, p)?;
            let visible = table.tagged.look(config, now);
            Ok(json!({ "Tags": if visible { tag_list(&table.tags) } else { json!([]) } }))
        }
        "TagResource" => {
            let tags = p.tags("Tags")?;
            by_arn(ctx, p)?.tags.extend(tags);
            Ok(Value::Null)
        }
        "UntagResource" => {
            let keys = p.list("TagKeys");
            by_arn(ctx, p)?.tags.retain(|key, _| !keys.contains(key));
            Ok(Value::Null)
        }
        _ => Err(unknown_action(ctx, Service::Dynamodb, action)),
    }
}

/// CreateTable
fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("TableName")?;
    check_name(&name)?;
    let pairs = |list: &str, value: &str| -> Result<Vec<(String, String)>, AwsError> {
        p.objects(list).iter().map(|one| Ok((one.need("AttributeName")?, one.need(value)?))).collect()
    };
    let (keys, attributes) = (pairs("KeySchema", "KeyType")?, pairs("AttributeDefinitions", "AttributeType")?);
    check_keys(&keys, &attributes)?;
    let capacity = capacity(p, p.text("BillingMode").as_deref().unwrap_or("PROVISIONED"))?;
    let tags = p.tags("Tags")?;
    if ctx.r.dynamodb.tables.contains_key(&name) {
        return Err(in_use(format!("Table already exists: {name}")));
    }
    let table = Table {
        arn: ctx.arn("dynamodb", &format!("table/{name}")),
        id: ctx.ids.uuid(),
        keys,
        attributes,
        capacity,
        protected: p.flag("DeletionProtectionEnabled").unwrap_or(false),
        status: Status::Creating(Ripening::from(ctx.now)),
        tags,
        tagged: ctx.birth(),
        birth: ctx.birth(),
        name: name.clone(),
    };
    let answer = json!({ "TableDescription": view(&table) });
    ctx.r.dynamodb.tables.insert(name, table);
    Ok(answer)
}

/// DescribeTable
fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("TableName")?;
    let (config, now) = (ctx.config, ctx.now);
    let tables = &mut ctx.r.dynamodb.tables;
    let table = tables.get_mut(&name).ok_or_else(|| missing(&name))?;
    if !table.birth.look(config, now) {
        return Err(missing(&name));
    }
    let polls = config.polls_until_ready;
    let is_due = match &mut table.status {
        Status::Creating(state) | Status::Updating(state) | Status::Deleting(state) => state.poll(polls, config, now),
        Status::Active => false,
    };
    match table.status {
        Status::Deleting(_) if is_due => {
            tables.remove(&name);
            return Err(missing(&name));
        }
        _ if is_due => table.status = Status::Active,
        _ => {}
    }
    Ok(json!({ "Table": view(table) }))
}

/// UpdateTable: the capacity, and who pays how.
fn update(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("TableName")?;
    let now = ctx.now;
    let table = ctx.r.dynamodb.tables.get_mut(&name).ok_or_else(|| missing(&name))?;
    if !matches!(table.status, Status::Active) {
        return Err(in_use(format!(
            "Attempt to change a resource which is still in use: Table is being {}: {name}",
            table.status.name().to_lowercase()
        )));
    }
    let protects = p.flag("DeletionProtectionEnabled");
    let current = if table.capacity.is_some() { "PROVISIONED" } else { "PAY_PER_REQUEST" };
    let mode = p.text("BillingMode");
    if mode.is_some() || p.has("ProvisionedThroughput") {
        let capacity = capacity(p, mode.as_deref().unwrap_or(current))?;
        if capacity == table.capacity && protects.is_none() {
            return Err(invalid(
                "The provisioned throughput for the table will not change. The requested value equals the current value.",
            ));
        }
        table.capacity = capacity;
    } else if protects.is_none() {
        return Err(invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or \
             SSESpecification or ReplicaUpdates is required",
        ));
    }
    table.protected = protects.unwrap_or(table.protected);
    table.status = Status::Updating(Ripening::from(now));
    Ok(json!({ "TableDescription": view(table) }))
}

/// DeleteTable
fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("TableName")?;
    let now = ctx.now;
    let table = ctx.r.dynamodb.tables.get_mut(&name).ok_or_else(|| missing(&name))?;
    if !matches!(table.status, Status::Active) {
        return Err(in_use(format!(
            "Attempt to change a resource which is still in use: Table is being {}: {name}",
            match table.status {
                Status::Creating(_) => "created",
                Status::Deleting(_) => "deleted",
                _ => "updated",
            }
        )));
    }
    if table.protected {
        return Err(invalid(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    table.status = Status::Deleting(Ripening::from(now));
    Ok(json!({ "TableDescription": view(table) }))
}

/// Read and write capacity, in one billing mode.
fn capacity(p: &Params, mode: &str) -> Result<Option<(i64, i64)>, AwsError> {
    let asked = match p.object("ProvisionedThroughput") {
        Some(object) => object.number("ReadCapacityUnits")?.zip(object.number("WriteCapacityUnits")?),
        None => None,
    };
    let wrong = |why: &str| Err(invalid(format!("One or more parameter values were invalid: {why}")));
    match (mode, asked) {
        ("PAY_PER_REQUEST", None) => Ok(None),
        ("PAY_PER_REQUEST", Some(_)) => wrong(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        ("PROVISIONED", None) => {
            wrong("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
        }
        ("PROVISIONED", Some((read, write))) if read >= 1 && write >= 1 => Ok(Some((read, write))),
        ("PROVISIONED", Some(_)) => wrong("capacity units must have a value greater than or equal to 1"),
        _ => wrong(&format!("'{mode}' is no billing mode: [PROVISIONED, PAY_PER_REQUEST]")),
    }
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if (3..=255).contains(&name.len()) && name.chars().all(fine) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [a-zA-Z0-9_.-]+, and have a length between 3 and 255"
    )))
}

/// A partition key, perhaps a sort key, and the type of exactly these attributes.
fn check_keys(keys: &[(String, String)], attributes: &[(String, String)]) -> Result<(), AwsError> {
    let kinds: Vec<&str> = keys.iter().map(|(_, kind)| kind.as_str()).collect();
    if kinds != ["HASH"] && kinds != ["HASH", "RANGE"] {
        return Err(invalid("Invalid KeySchema: the first element must be a HASH key, a second one a RANGE key"));
    }
    if let Some((_, kind)) = attributes.iter().find(|(_, kind)| !["S", "N", "B"].contains(&kind.as_str())) {
        return Err(invalid(format!("'{kind}' at 'attributeType' must satisfy enum value set: [B, N, S]")));
    }
    let of_keys: BTreeSet<&String> = keys.iter().map(|(name, _)| name).collect();
    let defined: BTreeSet<&String> = attributes.iter().map(|(name, _)| name).collect();
    if of_keys.len() != keys.len() {
        return Err(invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name"));
    }
    if of_keys != defined {
        return Err(invalid(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of \
             attributes defined in AttributeDefinitions",
        ));
    }
    Ok(())
}

fn view(table: &Table) -> Value {
    let pairs = |list: &[(String, String)], value: &str| -> Value {
        list.iter().map(|(name, kind)| json!({ "AttributeName": name, value: kind })).collect()
    };
    let (read, write) = table.capacity.unwrap_or_default();
    json!({
        "TableName": table.name,
        "TableArn": table.arn,
        "TableId": table.id,
        "TableStatus": table.status.name(),
        "CreationDateTime": when::seconds(table.birth.at_ms),
        "KeySchema": pairs(&table.keys, "KeyType"),
        "AttributeDefinitions": pairs(&table.attributes, "AttributeType"),
        "ProvisionedThroughput": { "ReadCapacityUnits": read, "WriteCapacityUnits": write, "NumberOfDecreasesToday": 0 },
        // A table that was always provisioned has none.
        "BillingModeSummary": table.capacity.is_none().then(|| json!({ "BillingMode": "PAY_PER_REQUEST" })),
        "DeletionProtectionEnabled": table.protected,
        "ItemCount": 0,
        "TableSizeBytes": 0,
    })
}

fn by_arn<'a>(ctx: &'a mut Ctx<'_>, p: &Params) -> Result<&'a mut Table, AwsError> {
    let arn = p.need("ResourceArn")?;
    let found = ctx.r.dynamodb.tables.values_mut().find(|table| table.arn == arn);
    found.ok_or_else(|| {
        AwsError::new("ResourceNotFoundException", format!("Requested resource not found: ResourcArn: {arn} not found"))
    })
}

fn missing(name: &str) -> AwsError {
    AwsError::new("ResourceNotFoundException", format!("Requested resource not found: Table: {name} not found"))
}

fn in_use(message: String) -> AwsError {
    AwsError::new("ResourceInUseException", message)
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

impl Dynamodb {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for table in self.tables.values() {
            let shown = thing(&table.arn, &table.name, &table.tags, &table.birth);
            list.add("dynamodb", "table", shown, |item| item.state = table.status.name().to_owned());
        }
    }
}
