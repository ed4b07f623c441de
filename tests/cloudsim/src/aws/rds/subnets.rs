//! DB subnet groups.

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

/// CreateDBSubnetGroup
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("DBSubnetGroupName")?.to_lowercase();
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"._ -".contains(c);
    if name.is_empty() || name.len() > 255 || name == "default" || name.chars().any(odd) {
        return Err(AwsError::invalid(format!(
            "The parameter DBSubnetGroupName is not valid: '{name}' must contain only letters, numbers, periods, underscores, spaces or \
             hyphens, and must not be default."
        )));
    }
    let description = p.need("DBSubnetGroupDescription")?;
    let (vpc, subnets) = covered(ctx, p)?;
    if ctx.r.rds.subnet_groups.contains_key(&name) {
        return Err(AwsError::new(
            "DBSubnetGroupAlreadyExists",
            format!("The DB subnet group '{name}' already exists."),
        ));
    }
    let group = SubnetGroup {
        arn: ctx.arn("rds", &format!("subgrp:{name}")),
        name,
        description,
        vpc,
        subnets,
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "DBSubnetGroup": view(ctx, &group) });
    ctx.r.rds.subnet_groups.insert(group.name.clone(), group);
    Ok(answer)
}

/// The subnets asked for: of one network, in two zones at least.
fn covered(ctx: &Ctx<'_>, p: &Params) -> Result<(String, Vec<String>), AwsError> {
    let ids = p.list("SubnetIds");
    if ids.is_empty() {
        return Err(AwsError::missing("SubnetIds"));
    }
    let (mut vpcs, mut zones) = (BTreeSet::new(), BTreeSet::new());
    for id in &ids {
        let subnet = ctx
            .r
            .ec2
            .subnets
            .get(id)
            .ok_or_else(|| AwsError::new("InvalidSubnet", format!("Some input subnets in :[{id}] are invalid.")))?;
        vpcs.insert(subnet.vpc.clone());
        zones.insert(subnet.zone.clone());
    }
    if vpcs.len() > 1 {
        return Err(AwsError::new("InvalidSubnet", "The subnets must all be in the same VPC."));
    }
    if zones.len() < 2 {
        return Err(AwsError::new(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. Add subnets to \
                 cover at least 2 AZs.",
                zones.into_iter().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    Ok((vpcs.into_iter().next().unwrap_or_default(), ids))
}

/// A group as answers show it.
pub fn view(ctx: &Ctx<'_>, group: &SubnetGroup) -> Value {
    let subnets: Vec<Value> = group
        .subnets
        .iter()
        .map(|id| {
            json!({
                "SubnetIdentifier": id,
                "SubnetAvailabilityZone": { "Name": ctx.r.ec2.subnets.get(id).map(|subnet| subnet.zone.clone()) },
                "SubnetStatus": "Active",
            })
        })
        .collect();
    json!({
        "DBSubnetGroupName": group.name,
        "DBSubnetGroupDescription": group.description,
        "VpcId": group.vpc,
        "SubnetGroupStatus": "Complete",
        "Subnets": subnets,
        "DBSubnetGroupArn": group.arn,
        "SupportedNetworkTypes": ["IPV4"],
    })
}

/// DescribeDBSubnetGroups
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.text("DBSubnetGroupName").map(|name| name.to_lowercase());
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for group in ctx.r.rds.subnet_groups.values_mut() {
        if name.as_ref().is_none_or(|name| *name == group.name) && group.birth.look(config, now) {
            found.push(group.clone());
        }
    }
    if let Some(name) = name.filter(|_| found.is_empty()) {
        return Err(missing(&name));
    }
    let found: Vec<Value> = found.iter().map(|group| view(ctx, group)).collect();
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "DBSubnetGroups": found, "Marker": next }))
}

/// ModifyDBSubnetGroup
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("DBSubnetGroupName")?.to_lowercase();
    let (vpc, subnets) = covered(ctx, p)?;
    let group = ctx.r.rds.subnet_groups.get_mut(&name).ok_or_else(|| missing(&name))?;
    if group.vpc != vpc {
        return Err(AwsError::new("InvalidSubnet", "The new subnets are not in the same VPC as the existing group."));
    }
    group.subnets = subnets;
    if let Some(description) = p.text("DBSubnetGroupDescription") {
        group.description = description;
    }
    let group = group.clone();
    Ok(json!({ "DBSubnetGroup": view(ctx, &group) }))
}

/// DeleteDBSubnetGroup
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("DBSubnetGroupName")?.to_lowercase();
    if !ctx.r.rds.subnet_groups.contains_key(&name) {
        return Err(missing(&name));
    }
    super::instances::tick_deleting(ctx, |database| database.subnet_group == name);
    if let Some(user) = ctx.r.rds.databases.values().find(|database| database.subnet_group == name) {
        return Err(AwsError::new(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database instance: {} is still using it.",
                user.id
            ),
        ));
    }
    ctx.r.rds.subnet_groups.remove(&name);
    Ok(Value::Null)
}

/// No such group.
pub fn missing(name: &str) -> AwsError {
    AwsError::with_status(404, "DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
}
