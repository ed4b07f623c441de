//! Tags on databases, subnet groups and snapshots.

use serde_json::{Value, json};

use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    params::Params,
    tag_list,
};

/// AddTagsToResource
pub fn add(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = p.tags("Tags")?;
    of(ctx, &p.need("ResourceName")?)?.extend(tags);
    Ok(Value::Null)
}

/// RemoveTagsFromResource
pub fn remove(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let keys = p.list("TagKeys");
    of(ctx, &p.need("ResourceName")?)?.retain(|key, _| !keys.contains(key));
    Ok(Value::Null)
}

/// ListTagsForResource
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = of(ctx, &p.need("ResourceName")?)?;
    Ok(json!({ "TagList": tag_list(tags) }))
}

fn of<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut Tags, AwsError> {
    let mut parts = arn.rsplitn(3, ':');
    let (id, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rds = &mut ctx.r.rds;
    let found = match kind {
        "db" => rds.databases.get_mut(id).filter(|thing| thing.arn == arn).map(|thing| &mut thing.tags),
        "subgrp" => rds.subnet_groups.get_mut(id).filter(|thing| thing.arn == arn).map(|thing| &mut thing.tags),
        "snapshot" => rds.snapshots.get_mut(id).filter(|thing| thing.arn == arn).map(|thing| &mut thing.tags),
        _ => return Err(AwsError::invalid(format!("Invalid resource name: {arn}"))),
    };
    let (code, name) = match kind {
        "db" => ("DBInstanceNotFound", "DBInstance"),
        "subgrp" => ("DBSubnetGroupNotFoundFault", "DBSubnetGroup"),
        _ => ("DBSnapshotNotFound", "DBSnapshot"),
    };
    found.ok_or_else(|| AwsError::with_status(404, code, format!("{name} {id} not found.")))
}
