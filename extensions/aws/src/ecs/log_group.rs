//! The log group that an application's containers write to.

use cloudark_sdk::aws::{self, Error, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

use crate::{mark, presence};

/// How long lines are kept.
const RETENTION_DAYS: u32 = 30;

/// A log group, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    log_group_name: String,
    /// Ends with `:*`; tags are asked for without it.
    arn: String,
}

fn describe(logs: &Json, name: &str) -> Result<Option<LogGroup>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(default)]
        log_groups: Vec<LogGroup>,
    }
    // The shortest name with a prefix comes first, so the first page has it.
    let answer: Answer = logs.call("DescribeLogGroups", &json!({ "logGroupNamePrefix": name }))?;
    Ok(answer.log_groups.into_iter().find(|group| group.log_group_name == name))
}

/// Whether there is one of this name, which is then ours.
fn find(ctx: &Context, logs: &Json, name: &str) -> Result<Option<()>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }
    let Some(group) = describe(logs, name)? else {
        return Ok(None);
    };
    let arn = group.arn.trim_end_matches(":*");
    let answer: Option<Answer> = logs.call("ListTagsForResource", &json!({ "resourceArn": arn })).or_absent()?;
    let Some(answer) = answer else {
        return Ok(None);
    };
    let tags: Vec<(String, String)> = answer.tags.into_iter().collect();
    mark::require(ctx, "log group", name, &tags)?;
    Ok(Some(()))
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, name: &str) -> Result<()> {
    let logs = Json::new(ctx, &aws::LOGS)?;
    presence::ensure(
        "log group",
        || find(ctx, &logs, name),
        || {
            let body = json!({ "logGroupName": name, "tags": mark::json_map(&ctx.tags()) });
            Ok(logs.act("CreateLogGroup", &body)?)
        },
    )?;
    let retention = json!({ "logGroupName": name, "retentionInDays": RETENTION_DAYS });
    Ok(logs.act("PutRetentionPolicy", &retention)?)
}

/// Remove it: it does not go with the service.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let logs = Json::new(ctx, &aws::LOGS)?;
    if find_settled(|| find(ctx, &logs, name))?.is_some() {
        logs.act("DeleteLogGroup", &json!({ "logGroupName": name })).or_absent()?;
    }
    Ok(())
}
