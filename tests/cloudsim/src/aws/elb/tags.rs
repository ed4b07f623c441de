//! Tags on load balancers, target groups and listeners.

use serde_json::{Value, json};

use super::{Elb, no_balancer, no_group, no_listener};
use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    params::Params,
    tag_list,
};

/// DescribeTags
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let mut descriptions: Vec<Value> = Vec::new();
    let arns = p.list("ResourceArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(AwsError::invalid("The number of resource ARNs must be between 1 and 20"));
    }
    for arn in arns {
        let tags = of(&mut ctx.r.elb, &arn)?;
        descriptions.push(json!({ "ResourceArn": arn, "Tags": tag_list(tags) }));
    }
    Ok(json!({ "TagDescriptions": descriptions }))
}

/// AddTags
pub fn add(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = p.tags("Tags")?;
    for arn in p.list("ResourceArns") {
        of(&mut ctx.r.elb, &arn)?.extend(tags.clone());
    }
    Ok(json!({}))
}

/// RemoveTags
pub fn remove(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let keys = p.list("TagKeys");
    for arn in p.list("ResourceArns") {
        of(&mut ctx.r.elb, &arn)?.retain(|key, _| !keys.contains(key));
    }
    Ok(json!({}))
}

fn of<'a>(elb: &'a mut Elb, arn: &str) -> Result<&'a mut Tags, AwsError> {
    if arn.contains(":targetgroup/") {
        elb.groups.get_mut(arn).map(|group| &mut group.tags).ok_or_else(|| no_group(arn))
    } else if arn.contains(":listener/") {
        elb.listeners.get_mut(arn).map(|listener| &mut listener.tags).ok_or_else(|| no_listener(arn))
    } else {
        elb.balancers.get_mut(arn).map(|lb| &mut lb.tags).ok_or_else(|| no_balancer(arn))
    }
}
