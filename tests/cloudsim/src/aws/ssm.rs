//! Systems Manager: parameters.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ctx, Lister, Tags,
    ec2::thing,
    error::{Answer, AwsError},
    page,
    params::Params,
    service::Service,
    tag_list, unknown_action, when,
};
use crate::life::Birth;

/// What SSM knows in a region.
#[derive(Default, Serialize)]
pub struct Ssm {
    pub parameters: BTreeMap<String, Parameter>,
}

/// A parameter.
#[derive(Clone, Debug, Serialize)]
pub struct Parameter {
    pub name: String,
    pub arn: String,
    pub kind: String,
    pub value: String,
    pub description: Option<String>,
    pub version: u64,
    pub changed_ms: u64,
    pub tags: Tags,
    pub birth: Birth,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "PutParameter" => put(ctx, p),
        "GetParameter" => get(ctx, p),
        "GetParameters" => get_several(ctx, p),
        "GetParametersByPath" => get_by_path(ctx, p),
        "DescribeParameters" => describe(ctx, p),
        "DeleteParameter" => {
            let name = p.need("Name")?;
            ctx.r.ssm.parameters.remove(&name).ok_or_else(|| missing(""))?;
            Ok(json!({}))
        }
        "DeleteParameters" => {
            let (gone, invalid): (Vec<_>, Vec<_>) =
                p.list("Names").into_iter().partition(|name| ctx.r.ssm.parameters.remove(name).is_some());
            Ok(json!({ "DeletedParameters": gone, "InvalidParameters": invalid }))
        }
        "AddTagsToResource" => {
            let tags = p.tags("Tags")?;
            tagged(ctx, p)?.extend(tags);
            Ok(json!({}))
        }
        "RemoveTagsFromResource" => {
            let keys = p.list("TagKeys");
            tagged(ctx, p)?.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        }
        "ListTagsForResource" => Ok(json!({ "TagList": tag_list(tagged(ctx, p)?) })),
        _ => Err(unknown_action(ctx, Service::Ssm, action)),
    }
}

fn put(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (name, value) = (p.need("Name")?, p.need("Value")?);
    let overwrite = p.flag("Overwrite").unwrap_or(false);
    let tags = p.tags("Tags")?;
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"_.-/".contains(c);
    if name.is_empty() || name.len() > 1011 || name.chars().any(odd) {
        return Err(AwsError::new(
            "ValidationException",
            "Parameter name must be a fully qualified name and can include only letters, numbers, and the symbols .-_/",
        ));
    }
    if name.trim_start_matches('/').to_lowercase().starts_with("aws") || name.to_lowercase().starts_with("ssm") {
        return Err(AwsError::new(
            "ValidationException",
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    if value.is_empty() || value.len() > 4096 {
        return Err(AwsError::new(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters, and at least one.",
        ));
    }
    let _ = (p.text("Tier"), p.text("KeyId"), p.text("DataType"));
    let existing = ctx.r.ssm.parameters.get(&name);
    if existing.is_some() && !overwrite {
        return Err(AwsError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    if overwrite && !tags.is_empty() {
        return Err(AwsError::new(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite \
             flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let kind = match p.text("Type").or_else(|| existing.map(|old| old.kind.clone())) {
        Some(kind) if ["String", "StringList", "SecureString"].contains(&kind.as_str()) => kind,
        Some(kind) => {
            return Err(AwsError::new(
                "UnsupportedParameterType",
                format!("The parameter type {kind} is not supported."),
            ));
        }
        None => {
            return Err(AwsError::new(
                "ValidationException",
                "A parameter type is required when you create a parameter.",
            ));
        }
    };
    let parameter = Parameter {
        arn: ctx.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
        kind,
        value,
        description: p.text("Description").or_else(|| existing.and_then(|old| old.description.clone())),
        version: existing.map_or(1, |old| old.version + 1),
        changed_ms: ctx.now,
        tags: existing.map_or(tags, |old| old.tags.clone()),
        birth: existing.map_or_else(|| ctx.birth(), |old| old.birth.clone()),
        name,
    };
    let version = parameter.version;
    ctx.r.ssm.parameters.insert(parameter.name.clone(), parameter);
    Ok(json!({ "Version": version, "Tier": "Standard" }))
}

fn view(parameter: &Parameter, decrypt: bool) -> Value {
    let hidden = parameter.kind == "SecureString" && !decrypt;
    json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": if hidden { format!("AQICAHencrypted-{}", parameter.version) } else { parameter.value.clone() },
        "Version": parameter.version,
        "LastModifiedDate": when::seconds(parameter.changed_ms),
        "ARN": parameter.arn,
        "DataType": "text",
    })
}

/// A parameter by name or ARN. AWS's own public parameter for machine images is always there.
fn look(ctx: &mut Ctx<'_>, name: &str, decrypt: bool) -> Option<Value> {
    if let Some(image) = name.strip_prefix("/aws/service/ecs/optimized-ami/") {
        let id = "ami-0c10ud51m0000000a";
        let value = if image.ends_with("/image_id") {
            id.to_owned()
        } else if image.ends_with("/recommended") {
            json!({ "image_id": id, "os": "Amazon Linux 2023", "image_name": "al2023-ami-ecs-hvm" }).to_string()
        } else {
            return None;
        };
        return Some(json!({
            "Name": name,
            "Type": "String",
            "Value": value,
            "Version": 1,
            "LastModifiedDate": when::seconds(0),
            "ARN": format!("arn:aws:ssm:{}::parameter{name}", ctx.region),
            "DataType": "text",
        }));
    }
    let (config, now) = (ctx.config, ctx.now);
    let parameter = ctx.r.ssm.parameters.values_mut().find(|p| p.name == name || p.arn == name)?;
    parameter.birth.look(config, now).then(|| view(parameter, decrypt))
}

fn get(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (name, decrypt) = (p.need("Name")?, p.flag("WithDecryption").unwrap_or(false));
    let found = look(ctx, &name, decrypt).ok_or_else(|| missing(""))?;
    Ok(json!({ "Parameter": found }))
}

fn get_several(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (names, decrypt) = (p.list("Names"), p.flag("WithDecryption").unwrap_or(false));
    if names.is_empty() || names.len() > 10 {
        return Err(AwsError::invalid("Names must have between 1 and 10 members"));
    }
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        match look(ctx, &name, decrypt) {
            Some(view) => found.push(view),
            None => invalid.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

fn get_by_path(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (path, decrypt) = (p.need("Path")?, p.flag("WithDecryption").unwrap_or(false));
    let recursive = p.flag("Recursive").unwrap_or(false);
    let start = format!("{}/", path.trim_end_matches('/'));
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for parameter in ctx.r.ssm.parameters.values_mut() {
        let Some(rest) = parameter.name.strip_prefix(&start) else {
            continue;
        };
        if (recursive || !rest.contains('/')) && parameter.birth.look(config, now) {
            found.push(view(parameter, decrypt));
        }
    }
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 10)?;
    Ok(json!({ "Parameters": found, "NextToken": next }))
}

fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = p.objects("ParameterFilters");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for parameter in ctx.r.ssm.parameters.values_mut() {
        let mut passes = true;
        for filter in &filters {
            let key = filter.need("Key")?;
            let (values, option) = (filter.list("Values"), filter.text("Option").unwrap_or_else(|| "Equals".into()));
            let held = match key.as_str() {
                "Name" => Some(parameter.name.clone()),
                "Type" => Some(parameter.kind.clone()),
                "Path" => parameter.name.rsplit_once('/').map(|(path, _)| path.to_owned()),
                key => match key.strip_prefix("tag:") {
                    Some(tag) => parameter.tags.get(tag).cloned(),
                    None => {
                        return Err(AwsError::new("InvalidFilterKey", format!("The filter key is not valid: {key}")));
                    }
                },
            };
            passes &= held.is_some_and(|held| match option.as_str() {
                _ if values.is_empty() => true,
                "BeginsWith" => values.iter().any(|value| held.starts_with(value.as_str())),
                "Recursive" => values.iter().any(|value| held == *value || held.starts_with(&format!("{value}/"))),
                "Contains" => values.iter().any(|value| held.contains(value.as_str())),
                _ => values.contains(&held),
            });
        }
        if passes && parameter.birth.look(config, now) {
            found.push(json!({
                "Name": parameter.name,
                "ARN": parameter.arn,
                "Type": parameter.kind,
                "KeyId": (parameter.kind == "SecureString").then_some("alias/aws/ssm"),
                "LastModifiedDate": when::seconds(parameter.changed_ms),
                "Description": parameter.description,
                "Version": parameter.version,
                "Tier": "Standard",
                "Policies": [],
                "DataType": "text",
            }));
        }
    }
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 10)?;
    Ok(json!({ "Parameters": found, "NextToken": next }))
}

fn tagged<'a>(ctx: &'a mut Ctx<'_>, p: &Params) -> Result<&'a mut Tags, AwsError> {
    let (kind, id) = (p.need("ResourceType")?, p.need("ResourceId")?);
    if kind != "Parameter" {
        return Err(AwsError::new("InvalidResourceType", ""));
    }
    let found = ctx.r.ssm.parameters.get_mut(&id).map(|parameter| &mut parameter.tags);
    found.ok_or_else(|| AwsError::new("InvalidResourceId", ""))
}

fn missing(name: &str) -> AwsError {
    AwsError::new("ParameterNotFound", name)
}

impl Ssm {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for parameter in self.parameters.values() {
            let shown = thing(&parameter.arn, &parameter.name, &parameter.tags, &parameter.birth);
            list.add("ssm", "parameter", shown, |item| item.state.clone_from(&parameter.kind));
        }
    }
}
