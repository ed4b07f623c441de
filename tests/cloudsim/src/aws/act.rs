//! Acts by hand: what people and AWS itself do behind a client's back.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Aws, Ctx, Region, Tags, ec2, logs, params::Params, rds, service::Service};
use crate::cloud::Env;

fn default_region() -> String {
    "us-east-1".into()
}

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    /// Any simulated operation, unsigned, and not in the call log: make a thing without our tags, delete one, change a tag.
    Call {
        service: String,
        action: String,
        #[serde(default)]
        params: Value,
    },
    /// Puts a database into a status that it keeps: `failed`, `storage-full`. `available` lets it go on.
    SetState { id: String, state: String },
    /// Takes a thing away, whatever depends on it.
    Remove { id: String },
    /// Changes a thing's tags: null removes one.
    Tag { id: String, tags: serde_json::Map<String, Value> },
    /// Writes log lines.
    Log { group: String, stream: String, messages: Vec<String> },
    /// Lets the tasks of a service end with this code.
    Crash {
        service: String,
        #[serde(default = "one")]
        exit: i64,
    },
}

fn one() -> i64 {
    1
}

/// Does it.
pub fn act(aws: &mut Aws, env: &mut Env<'_>, act: &Value) -> Result<Value, String> {
    let mut inner = act.clone();
    let fields = inner.as_object_mut().ok_or("an act is an object with a field `act`")?;
    let mut take = |name: &str| fields.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let (account, region) = (take("account"), take("region").unwrap_or_else(default_region));
    let act: Act = serde_json::from_value(inner).map_err(|error| error.to_string())?;
    let accounts = &env.config.aws.accounts;
    let caller = match &account {
        Some(id) => accounts.iter().find(|account| account.id == *id || account.access_key == *id),
        None => accounts.first(),
    };
    let caller = caller.ok_or("there is no such account")?.clone();
    let region = region.as_str();
    match act {
        Act::Call { service, action, params } => {
            let service = Service::signed_as(&service).ok_or_else(|| format!("there is no service '{service}'"))?;
            let params = Params::new(&params);
            aws.run(env, &caller, region, service, &action, &params)
                .map_err(|error| format!("{}: {}", error.code_for(service), error.message))
        }
        Act::SetState { id, state } => {
            let databases = &mut in_region(aws, &caller.id, region)?.rds.databases;
            let database = databases
                .values_mut()
                .find(|database| database.id == id || database.arn == id)
                .ok_or_else(|| format!("there is no database '{id}'"))?;
            database.status = if state == "available" { rds::Status::Available } else { rds::Status::Stuck(state) };
            Ok(json!({}))
        }
        Act::Remove { id } => remove(aws, &caller.id, region, &id),
        Act::Tag { id, tags } => {
            let found = tags_of(aws, &caller.id, region, &id)?;
            for (key, value) in tags {
                match value.as_str() {
                    Some(text) => drop(found.insert(key, text.to_owned())),
                    None => drop(found.remove(&key)),
                }
            }
            Ok(json!({}))
        }
        Act::Log { group, stream, messages } => with(aws, env, &caller, region, |ctx| {
            if logs::write(ctx, &group, &stream, &messages) {
                Ok(json!({}))
            } else {
                Err(format!("there is no log group '{group}'"))
            }
        }),
        Act::Crash { service, exit } => {
            let tasks = &mut in_region(aws, &caller.id, region)?.ecs.tasks;
            let mut count = 0;
            for task in
                tasks.values_mut().filter(|task| service.rsplit('/').next() == Some(&task.service) && task.is_running())
            {
                task.app.exits = Some(exit);
                count += 1;
            }
            Ok(json!({ "tasks": count }))
        }
    }
}

fn in_region<'a>(aws: &'a mut Aws, account: &str, region: &str) -> Result<&'a mut Region, String> {
    let account = aws.accounts.get_mut(account).ok_or("nothing was made in this account")?;
    account.regions.get_mut(region).ok_or_else(|| format!("nothing was made in {region}"))
}

fn with<T>(
    aws: &mut Aws,
    env: &mut Env<'_>,
    caller: &super::config::AccountConfig,
    region: &str,
    f: impl FnOnce(&mut Ctx<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let account = aws.accounts.get_mut(&caller.id).ok_or("nothing was made in this account")?;
    let state = account.regions.get_mut(region).ok_or_else(|| format!("nothing was made in {region}"))?;
    f(&mut Ctx {
        config: env.config,
        now: env.now,
        call: env.call,
        ids: env.ids,
        caller,
        account: &caller.id,
        region,
        iam: &mut account.iam,
        r: state,
    })
}

/// Takes a thing away by the id that the inventory shows; interfaces go with their owners.
fn remove(aws: &mut Aws, account: &str, region: &str, id: &str) -> Result<Value, String> {
    let known = aws.accounts.get_mut(account).ok_or("nothing was made in this account")?;
    let roles = known.iam.roles.len();
    known.iam.roles.retain(|_, role| role.arn != id && role.name != id);
    let mut gone = roles != known.iam.roles.len();
    let state = known.regions.get_mut(region).ok_or_else(|| format!("nothing was made in {region}"))?;
    let Region { ec2, elb, rds, ecs, ssm, logs, ecr, dynamodb, elasticache } = state;
    let owned = |owner: &ec2::Owner| matches!(owner, ec2::Owner::LoadBalancer(arn) | ec2::Owner::Task(arn) | ec2::Owner::Database(arn) if arn == id);
    ec2.interfaces.retain(|_, eni| !owned(&eni.owner));
    gone |= ec2.vpcs.remove(id).is_some()
        | ec2.subnets.remove(id).is_some()
        | ec2.gateways.remove(id).is_some()
        | ec2.tables.remove(id).is_some()
        | ec2.groups.remove(id).is_some()
        | ec2.interfaces.remove(id).is_some()
        | elb.balancers.remove(id).is_some()
        | elb.groups.remove(id).is_some()
        | elb.listeners.remove(id).is_some()
        | ecs.services.remove(id).is_some()
        | ecs.tasks.remove(id).is_some()
        | ecs.definitions.remove(id).is_some();
    let named = |arn: &str, name: &str| arn == id || name == id;
    let before = (rds.databases.len(), rds.subnet_groups.len(), rds.snapshots.len(), ecs.clusters.len());
    ec2.interfaces
        .retain(|_, eni| !matches!(&eni.owner, ec2::Owner::Database(arn) if arn.ends_with(&format!(":db:{id}"))));
    rds.databases.retain(|_, thing| !named(&thing.arn, &thing.id));
    rds.subnet_groups.retain(|_, thing| !named(&thing.arn, &thing.name));
    rds.snapshots.retain(|_, thing| !named(&thing.arn, &thing.id));
    ecs.clusters.retain(|_, thing| !named(&thing.arn, &thing.name));
    gone |= before != (rds.databases.len(), rds.subnet_groups.len(), rds.snapshots.len(), ecs.clusters.len());
    let before = (ssm.parameters.len(), logs.groups.len(), ecr.repositories.len());
    ssm.parameters.retain(|_, thing| !named(&thing.arn, &thing.name));
    logs.groups.retain(|_, thing| !named(&thing.arn, &thing.name));
    ecr.repositories.retain(|_, thing| !named(&thing.arn, &thing.name));
    gone |= before != (ssm.parameters.len(), logs.groups.len(), ecr.repositories.len());
    let before = (dynamodb.tables.len(), elasticache.groups.len(), elasticache.subnet_groups.len());
    dynamodb.tables.retain(|_, thing| !named(&thing.arn, &thing.name));
    ec2.interfaces.retain(|_, eni| {
        !matches!(&eni.owner, ec2::Owner::Cache(arn) if arn == id || arn.ends_with(&format!(":replicationgroup:{id}")))
    });
    elasticache.groups.retain(|_, thing| !named(&thing.arn, &thing.id));
    elasticache.subnet_groups.retain(|_, thing| !named(&thing.arn, &thing.name));
    gone |= before != (dynamodb.tables.len(), elasticache.groups.len(), elasticache.subnet_groups.len());
    if gone { Ok(json!({})) } else { Err(format!("there is no '{id}' in {region}")) }
}

/// The tags of a thing by the id that the inventory shows.
fn tags_of<'a>(aws: &'a mut Aws, account: &str, region: &str, id: &str) -> Result<&'a mut Tags, String> {
    let unknown = || format!("there is no taggable '{id}' in {region}");
    let account = aws.accounts.get_mut(account).ok_or_else(unknown)?;
    if let Some(role) = account.iam.roles.values_mut().find(|role| role.arn == id || role.name == id) {
        return Ok(&mut role.tags);
    }
    let Region { ec2, elb, rds, ecs, ssm, logs, ecr, dynamodb, elasticache } =
        account.regions.get_mut(region).ok_or_else(unknown)?;
    let named = |arn: &str, name: &str| arn == id || name == id;
    let found = ec2.vpcs.get_mut(id).map(|thing| &mut thing.tags);
    let found = found.or_else(|| ec2.subnets.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| ec2.gateways.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| ec2.tables.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| ec2.groups.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| elb.balancers.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| elb.groups.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| elb.listeners.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| ecs.services.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| ecs.definitions.get_mut(id).map(|thing| &mut thing.tags));
    let found = found.or_else(|| {
        ecs.clusters.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    let found = found
        .or_else(|| rds.databases.values_mut().find(|thing| named(&thing.arn, &thing.id)).map(|thing| &mut thing.tags));
    let found = found.or_else(|| {
        rds.subnet_groups.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    let found = found.or_else(|| {
        ssm.parameters.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    let found = found
        .or_else(|| logs.groups.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags));
    let found = found.or_else(|| {
        ecr.repositories.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    let found = found.or_else(|| {
        dynamodb.tables.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    let found = found.or_else(|| {
        elasticache.groups.values_mut().find(|thing| named(&thing.arn, &thing.id)).map(|thing| &mut thing.tags)
    });
    let found = found.or_else(|| {
        elasticache.subnet_groups.values_mut().find(|thing| named(&thing.arn, &thing.name)).map(|thing| &mut thing.tags)
    });
    found.ok_or_else(unknown)
}
