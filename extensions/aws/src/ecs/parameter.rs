//! The SSM parameters that hold an application's secrets.
//!
//! ECS reads them when it starts a task (`valueFrom`), so no secret stands in a task definition, which stays
//! readable for ever. Each revision of an application has parameters of its own: while a new version rolls out,
//! and when it fails, the old one still finds its own.

use std::collections::BTreeMap;

use cloudark_sdk::aws::{self, Error, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::{mark, presence};

/// How a parameter's label begins, so that a delete that knows only the minted names finds them all.
const LABEL: &str = "secret-";

/// The name of the parameter of this variable in this revision.
pub fn name(ctx: &Context, revision: u32, variable: &str) -> Result<String> {
    ctx.name(&format!("{LABEL}{revision}-{variable}"), super::rules::parameter())
}

/// The names of the parameters, among all names that were minted for the application, that may be there: those of
/// revisions before `since` were removed when it began to serve.
pub fn minted(names: &BTreeMap<String, String>, since: u32) -> impl Iterator<Item = &str> {
    names
        .iter()
        .filter(move |(label, _)| revision(label).is_some_and(|revision| revision >= since))
        .map(|(_, name)| name.as_str())
}

/// The revision of a parameter's label: `secret-2-PASSWORD`.
fn revision(label: &str) -> Option<u32> {
    label.strip_prefix(LABEL)?.split('-').next()?.parse().ok()
}

fn exists(ssm: &Json, name: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Parameters", default)]
        parameters: Vec<serde::de::IgnoredAny>,
    }
    let filter = json!({ "ParameterFilters": [{ "Key": "Name", "Option": "Equals", "Values": [name] }] });
    let answer: Answer = ssm.call("DescribeParameters", &filter)?;
    Ok(!answer.parameters.is_empty())
}

/// Whether there is one of this name, which is then ours.
fn find(ctx: &Context, ssm: &Json, name: &str) -> Result<Option<()>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "TagList", default)]
        tags: Vec<mark::JsonTag>,
    }
    if !exists(ssm, name)? {
        return Ok(None);
    }
    let resource = json!({ "ResourceType": "Parameter", "ResourceId": name });
    let answer: Option<Answer> = ssm.call("ListTagsForResource", &resource).or_code(&["InvalidResourceId"])?;
    let Some(answer) = answer else {
        return Ok(None);
    };
    mark::require(ctx, "parameter", name, &mark::of_json(&answer.tags))?;
    Ok(Some(()))
}

/// Make it with this secret as its value. One that an earlier attempt left gets the value of this one.
pub fn ensure(ctx: &Context, name: &str, secret: &Secret) -> Result<()> {
    let ssm = Json::new(ctx, &aws::SSM)?;
    let write = |body: serde_json::Value| -> Result<()> {
        let _: serde::de::IgnoredAny = ssm.call_with("PutParameter", &body, &[("Value", secret)])?;
        Ok(())
    };
    if find(ctx, &ssm, name)?.is_some() {
        return write(json!({ "Name": name, "Type": "SecureString", "Overwrite": true }));
    }
    presence::ensure(
        "parameter",
        || find(ctx, &ssm, name),
        || write(json!({ "Name": name, "Type": "SecureString", "Tags": mark::json_capital(&ctx.tags()) })),
    )
}

/// Remove it.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let ssm = Json::new(ctx, &aws::SSM)?;
    if find_settled(|| find(ctx, &ssm, name))?.is_some() {
        ssm.act("DeleteParameter", &json!({ "Name": name })).or_absent()?;
    }
    Ok(())
}
