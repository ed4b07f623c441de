//! Cache subnet groups. One zone is enough.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// A subnet group.
#[derive(Clone, Debug, Serialize)]
pub struct SubnetGroup {
    pub name: String,
    pub arn: String,
    pub description: String,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub tags: Tags,
    pub birth: Birth,
}

/// CreateCacheSubnetGroup
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("CacheSubnetGroupName")?.to_lowercase();
    let odd = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    if name.is_empty() || name.len() > 255 || name == "default" || name.chars().any(odd) {
        return Err(AwsError::invalid(
            "The parameter CacheSubnetGroupName must contain no more than 255 alphanumeric characters or hyphens, and must \
             not be default.",
        ));
    }
    let description = p.need("CacheSubnetGroupDescription")?;
    let subnets = p.list("SubnetIds");
    let mut vpcs = BTreeSet::new();
    for id in &subnets {
        let subnet = ctx.r.ec2.subnets.get(id);
        let subnet = subnet.ok_or_else(|| AwsError::new("InvalidSubnet", format!("Invalid subnet: {id}")))?;
        vpcs.insert(subnet.vpc.clone());
    }
    let (1, Some(vpc)) = (vpcs.len(), vpcs.pop_first()) else {
        return Err(AwsError::new("InvalidSubnet", "The subnets must all be in one VPC, and there must be one."));
    };
    if ctx.r.elasticache.subnet_groups.contains_key(&name) {
        return Err(AwsError::new(
            "CacheSubnetGroupAlreadyExists",
            format!("Cache subnet group {name} already exists."),
        ));
    }
    let group = SubnetGroup {
        arn: ctx.arn("elasticache", &format!("subnetgroup:{name}")),
        name,
        description,
        vpc,
        subnets,
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "CacheSubnetGroup": view(ctx, &group) });
    ctx.r.elasticache.subnet_groups.insert(group.name.clone(), group);
    Ok(answer)
}

fn view(ctx: &Ctx<'_>, group: &SubnetGroup) -> Value {
    let zone = |id: &String| ctx.r.ec2.subnets.get(id).map(|subnet| subnet.zone.clone());
    let subnets: Vec<Value> = group
        .subnets
        .iter()
        .map(|id| json!({ "SubnetIdentifier": id, "SubnetAvailabilityZone": { "Name": zone(id) } }))
        .collect();
    json!({
        "CacheSubnetGroupName": group.name,
        "CacheSubnetGroupDescription": group.description,
        "VpcId": group.vpc,
        "Subnets": subnets,
        "ARN": group.arn,
    })
}

/// DescribeCacheSubnetGroups
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.text("CacheSubnetGroupName").map(|name| name.to_lowercase());
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for group in ctx.r.elasticache.subnet_groups.values_mut() {
        if name.as_ref().is_none_or(|name| *name == group.name) && group.birth.look(config, now) {
            found.push(group.clone());
        }
    }
    if let Some(name) = name.filter(|_| found.is_empty()) {
        return Err(missing(&name));
    }
    let found: Vec<Value> = found.iter().map(|group| view(ctx, group)).collect();
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "CacheSubnetGroups": found, "Marker": next }))
}

/// DeleteCacheSubnetGroup
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("CacheSubnetGroupName")?.to_lowercase();
    if !ctx.r.elasticache.subnet_groups.contains_key(&name) {
        return Err(missing(&name));
    }
    if let Some(user) = ctx.r.elasticache.groups.values().find(|group| group.subnet_group == name) {
        return Err(AwsError::new(
            "CacheSubnetGroupInUse",
            format!("Cache subnet group {name} is currently in use by a cache cluster: {}", user.id),
        ));
    }
    ctx.r.elasticache.subnet_groups.remove(&name);
    Ok(Value::Null)
}

/// No such group.
pub fn missing(name: &str) -> AwsError {
    AwsError::new("CacheSubnetGroupNotFoundFault", format!("Cache Subnet Group {name} does not exist."))
}
