//! What load balancers and target groups have in common: their tags are asked for apart.

use cloudark_sdk::aws::{self, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::mark;

/// Whether the thing of this ARN is there and ours.
///
/// # Errors
/// `conflict` when it is there and not ours.
pub fn ours(ctx: &Context, elb: &Query, what: &str, name: &str, arn: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "TagDescriptions", default)]
        descriptions: List<Description>,
    }
    #[derive(Deserialize)]
    struct Description {
        #[serde(rename = "Tags", default)]
        tags: List<Tag>,
    }
    let answer: Option<Answer> =
        elb.call("DescribeTags", Form::new().list("ResourceArns.member", [arn])).or_absent()?;
    // Gone between two calls.
    let Some(answer) = answer else {
        return Ok(false);
    };
    let tags: Vec<_> = answer.descriptions.into_iter().flat_map(|description| aws::pairs(&description.tags)).collect();
    mark::require(ctx, what, name, &tags)?;
    Ok(true)
}
