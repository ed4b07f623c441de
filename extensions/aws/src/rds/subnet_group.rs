//! The DB subnet group: the subnets that RDS may put an instance into.

use cloudark_sdk::aws::{self, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::{mark, presence};

/// Whether there is one of this name, which is then ours.
fn find(ctx: &Context, rds: &Query, name: &str) -> Result<Option<()>> {
    #[derive(Deserialize)]
    struct Groups {
        #[serde(rename = "DBSubnetGroups", default)]
        groups: List<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        #[serde(rename = "DBSubnetGroupArn", default)]
        arn: String,
    }
    #[derive(Deserialize)]
    struct Tags {
        #[serde(rename = "TagList", default)]
        tags: List<Tag>,
    }
    let form = Form::new().set("DBSubnetGroupName", name);
    let groups: Option<Groups> = rds.call("DescribeDBSubnetGroups", form).or_absent()?;
    let Some(group) = groups.and_then(|groups| groups.groups.into_iter().next()) else {
        return Ok(None);
    };
    // Its tags are asked for apart, by its ARN.
    let form = Form::new().set("ResourceName", &group.arn);
    let tags: Option<Tags> = rds.call("ListTagsForResource", form).or_absent()?;
    let Some(tags) = tags else { return Ok(None) };
    mark::require(ctx, "DB subnet group", name, &aws::pairs(&tags.tags))?;
    Ok(Some(()))
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, rds: &Query, name: &str, subnets: &[String]) -> Result<()> {
    presence::ensure(
        "DB subnet group",
        || find(ctx, rds, name),
        || {
            let form = Form::new()
                .set("DBSubnetGroupName", name)
                .set("DBSubnetGroupDescription", format!("{} of CloudARK environment {}", ctx.piece, ctx.environment))
                .list("SubnetIds.SubnetIdentifier", subnets)
                .tags("Tags.Tag", &ctx.tags());
            Ok(rds.act("CreateDBSubnetGroup", form)?)
        },
    )
}

/// Remove it, once no instance is in it any more.
pub fn remove(ctx: &Context, rds: &Query, name: &str) -> Result<()> {
    if find_settled(|| find(ctx, rds, name))?.is_none() {
        return Ok(());
    }
    wait::until(every(10.seconds()), at_most(30.minutes()), || {
        let deleted = rds.act("DeleteDBSubnetGroup", Form::new().set("DBSubnetGroupName", name)).or_absent();
        match deleted.or_code(&["InvalidDBSubnetGroupStateFault", "InvalidDBSubnetGroupState"])? {
            Some(_) => ready(()),
            None => pending("the DB subnet group is still in use"),
        }
    })
}
