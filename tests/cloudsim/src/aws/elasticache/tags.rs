//! Tags on groups and subnet groups. Those of a replication group can be asked for only while it is available.

use serde_json::{Value, json};

use super::groups::{self, Status};
use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    params::Params,
    tag_list,
};

/// ListTagsForResource
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = of(ctx, &p.need("ResourceName")?)?;
    Ok(json!({ "TagList": tag_list(tags) }))
}

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

fn of<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut Tags, AwsError> {
    let cache = &mut ctx.r.elasticache;
    if let Some(group) = cache.groups.values_mut().find(|group| group.arn == arn) {
        return if matches!(group.status, Status::Available) { Ok(&mut group.tags) } else { Err(groups::busy(group)) };
    }
    if let Some(group) = cache.subnet_groups.values_mut().find(|group| group.arn == arn) {
        return Ok(&mut group.tags);
    }
    let name = arn.rsplit(':').next().unwrap_or_default();
    Err(match arn.rsplit(':').nth(1) {
        Some("replicationgroup") => groups::missing(name),
        Some("subnetgroup") => super::subnets::missing(name),
        _ => AwsError::new("InvalidARN", format!("{arn} is not a valid ARN")),
    })
}
