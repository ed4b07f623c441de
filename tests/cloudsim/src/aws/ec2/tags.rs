//! Tags on EC2's things.

use serde_json::{Value, json};

use super::{Ec2, done, filters};
use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    page,
    params::Params,
};

/// The tags that a create call specifies for the type it creates; one for another type is refused.
pub fn specified(p: &Params, kind: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for specification in p.objects("TagSpecification") {
        let asked = specification.need("ResourceType")?;
        if asked != kind {
            return Err(AwsError::invalid(format!(
                "'{asked}' is not a valid taggable resource type for this operation."
            )));
        }
        tags.extend(specification.tags("Tag")?);
    }
    Ok(tags)
}

/// CreateTags
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (ids, tags) = (p.list("ResourceId"), p.tags("Tag")?);
    if ids.is_empty() || tags.is_empty() {
        return Err(AwsError::missing(if ids.is_empty() { "resourceIdSet" } else { "tagSet" }));
    }
    for id in &ids {
        of(&mut ctx.r.ec2, id).ok_or_else(|| missing(id))?;
    }
    for id in &ids {
        if let Some(existing) = of(&mut ctx.r.ec2, id) {
            existing.extend(tags.clone());
        }
    }
    done()
}

/// DeleteTags
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    for id in p.list("ResourceId") {
        let existing = of(&mut ctx.r.ec2, &id).ok_or_else(|| missing(&id))?;
        let wanted = p.objects("Tag");
        if wanted.is_empty() {
            existing.clear();
        }
        for tag in wanted {
            let key = tag.need("Key")?;
            if tag.text("Value").is_none_or(|value| existing.get(&key) == Some(&value)) {
                existing.remove(&key);
            }
        }
    }
    done()
}

/// DescribeTags
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let mut found: Vec<Value> = Vec::new();
    for (id, kind, tags) in all(&ctx.r.ec2) {
        for (key, value) in tags {
            let passes = filters::pass(&filters, tags, |field| {
                Some(vec![match field {
                    "resource-id" => id.to_owned(),
                    "resource-type" => kind.to_owned(),
                    "key" => key.clone(),
                    "value" => value.clone(),
                    _ => return None,
                }])
            })?;
            if passes {
                found.push(json!({ "resourceId": id, "resourceType": kind, "key": key, "value": value }));
            }
        }
    }
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "tagSet": found, "nextToken": next }))
}

fn of<'a>(ec2: &'a mut Ec2, id: &str) -> Option<&'a mut Tags> {
    match id.split('-').next()? {
        "vpc" => ec2.vpcs.get_mut(id).map(|thing| &mut thing.tags),
        "subnet" => ec2.subnets.get_mut(id).map(|thing| &mut thing.tags),
        "igw" => ec2.gateways.get_mut(id).map(|thing| &mut thing.tags),
        "rtb" => ec2.tables.get_mut(id).map(|thing| &mut thing.tags),
        "sg" => ec2.groups.get_mut(id).map(|thing| &mut thing.tags),
        "sgr" => ec2
            .groups
            .values_mut()
            .flat_map(|group| &mut group.rules)
            .find(|rule| rule.id == id)
            .map(|rule| &mut rule.tags),
        _ => None,
    }
}

fn all(ec2: &Ec2) -> Vec<(&str, &'static str, &Tags)> {
    let vpcs = ec2.vpcs.values().map(|t| (t.id.as_str(), "vpc", &t.tags));
    let subnets = ec2.subnets.values().map(|t| (t.id.as_str(), "subnet", &t.tags));
    let gateways = ec2.gateways.values().map(|t| (t.id.as_str(), "internet-gateway", &t.tags));
    let tables = ec2.tables.values().map(|t| (t.id.as_str(), "route-table", &t.tags));
    let groups = ec2.groups.values().map(|t| (t.id.as_str(), "security-group", &t.tags));
    let rules = ec2.groups.values().flat_map(|g| &g.rules).map(|t| (t.id.as_str(), "security-group-rule", &t.tags));
    vpcs.chain(subnets).chain(gateways).chain(tables).chain(groups).chain(rules).collect()
}

fn missing(id: &str) -> AwsError {
    let (kind, name) = match id.split('-').next().unwrap_or_default() {
        "vpc" => ("InvalidVpcID.NotFound", "vpc"),
        "subnet" => ("InvalidSubnetID.NotFound", "subnet"),
        "igw" => ("InvalidInternetGatewayID.NotFound", "internetGateway"),
        "rtb" => ("InvalidRouteTableID.NotFound", "routeTable"),
        "sg" => return super::groups::missing(id),
        _ => return AwsError::new("InvalidID", format!("The ID '{id}' is not valid")),
    };
    AwsError::new(kind, format!("The {name} ID '{id}' does not exist"))
}
