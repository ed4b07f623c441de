//! Tags on ECS's things.

use serde_json::json;

use super::{Ecs, parameter, tail};
use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    params::Params,
    tag_list_lower,
};

/// TagResource
pub fn add(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = p.tags("tags")?;
    of(&mut ctx.r.ecs, &p.need("resourceArn")?)?.extend(tags);
    Ok(json!({}))
}

/// UntagResource
pub fn remove(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let keys = p.list("tagKeys");
    of(&mut ctx.r.ecs, &p.need("resourceArn")?)?.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

/// ListTagsForResource
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = of(&mut ctx.r.ecs, &p.need("resourceArn")?)?;
    Ok(json!({ "tags": tag_list_lower(tags) }))
}

fn of<'a>(ecs: &'a mut Ecs, arn: &str) -> Result<&'a mut Tags, AwsError> {
    let kind = arn.rsplit(':').find_map(|part| part.split_once('/')).map(|(kind, _)| kind).unwrap_or_default();
    let found = match kind {
        "cluster" => ecs.clusters.get_mut(tail(arn)).map(|thing| &mut thing.tags),
        "service" => ecs.services.get_mut(arn).map(|thing| &mut thing.tags),
        "task-definition" => ecs.definitions.get_mut(arn).map(|thing| &mut thing.tags),
        "task" => ecs.tasks.get_mut(arn).map(|thing| &mut thing.tags),
        _ => None,
    };
    found.ok_or_else(|| parameter("The specified resource was not found."))
}
