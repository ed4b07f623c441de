//! The cache subnet group: the subnets that ElastiCache may put nodes into.

use cloudark_sdk::aws::{self, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::{mark, presence};

/// Whether there is one of this name, which is then ours.
fn find(ctx: &Context, elasticache: &Query, name: &str) -> Result<Option<()>> {
    #[derive(Deserialize)]
    struct Groups {
        #[serde(rename = "CacheSubnetGroups", default)]
        groups: List<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        #[serde(rename = "ARN", default)]
        arn: String,
    }
    #[derive(Deserialize)]
    struct Tags {
        #[serde(rename = "TagList", default)]
        tags: List<Tag>,
    }
    let form = Form::new().set("CacheSubnetGroupName", name);
    let groups: Option<Groups> = elasticache.call("DescribeCacheSubnetGroups", form).or_absent()?;
    let Some(group) = groups.and_then(|groups| groups.groups.items.into_iter().next()) else {
        return Ok(None);
    };
    // Its tags are asked for apart, by its ARN.
    let form = Form::new().set("ResourceName", &group.arn);
    let tags: Option<Tags> = elasticache.call("ListTagsForResource", form).or_absent()?;
    let Some(tags) = tags else { return Ok(None) };
    mark::require(ctx, "cache subnet group", name, &aws::pairs(&tags.tags))?;
    Ok(Some(()))
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, elasticache: &Query, name: &str, subnets: &[String]) -> Result<()> {
    presence::ensure(
        "cache subnet group",
        || find(ctx, elasticache, name),
        || {
            let form = Form::new()
                .set("CacheSubnetGroupName", name)
                .set(
                    "CacheSubnetGroupDescription",
                    format!("{} of CloudARK environment {}", ctx.piece, ctx.environment),
                )
                .list("SubnetIds.SubnetIdentifier", subnets)
                .tags("Tags.Tag", &ctx.tags());
            Ok(elasticache.act("CreateCacheSubnetGroup", form)?)
        },
    )
}

/// Remove it, once no node is in it any more.
pub fn remove(ctx: &Context, elasticache: &Query, name: &str) -> Result<()> {
    if find_settled(|| find(ctx, elasticache, name))?.is_none() {
        return Ok(());
    }
    wait::until(every(10.seconds()), at_most(30.minutes()), || {
        let form = Form::new().set("CacheSubnetGroupName", name);
        match elasticache.act("DeleteCacheSubnetGroup", form).or_absent().or_code(&["CacheSubnetGroupInUse"])? {
            Some(_) => ready(()),
            None => pending("the cache subnet group is still in use"),
        }
    })
}
