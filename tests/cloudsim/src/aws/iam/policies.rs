//! Policies of roles: AWS's own, attached; and inline ones.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::need;
use crate::aws::{
    Ctx,
    ec2::like,
    error::{Answer, AwsError},
    page,
    params::Params,
};

/// AWS's own policies that can be attached here.
const MANAGED: [&str; 8] = [
    "service-role/AmazonECSTaskExecutionRolePolicy",
    "service-role/AmazonEC2ContainerServiceforEC2Role",
    "service-role/AmazonEC2ContainerServiceRole",
    "AmazonSSMReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "AmazonEC2ContainerRegistryReadOnly",
    "CloudWatchLogsFullAccess",
    "AdministratorAccess",
];

pub fn managed_allows(arn: &str, action: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let actions: &[&str] = match name {
        "AmazonECSTaskExecutionRolePolicy" => &["ecr:*", "logs:CreateLogStream", "logs:PutLogEvents"],
        "AmazonSSMReadOnlyAccess" => &["ssm:Get*", "ssm:Describe*", "ssm:List*"],
        "AmazonEC2ContainerRegistryReadOnly" => &["ecr:*"],
        "CloudWatchLogsFullAccess" => &["logs:*"],
        "AdministratorAccess" => &["*"],
        _ => &[],
    };
    actions.iter().any(|pattern| like(pattern, action))
}

/// A JSON value that may be one thing or a list of things.
pub fn several(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

pub fn document(text: &str) -> Result<String, AwsError> {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    match parsed.filter(|value| value.get("Statement").is_some()) {
        Some(_) => Ok(text.to_owned()),
        None => Err(AwsError::new("MalformedPolicyDocument", "This policy contains invalid Json")),
    }
}

pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, NON_ALPHANUMERIC).to_string()
}

pub fn attach(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("PolicyArn")?;
    let known = arn.strip_prefix("arn:aws:iam::aws:policy/").is_some_and(|name| MANAGED.contains(&name));
    if !known {
        return Err(AwsError::with_status(
            404,
            "NoSuchEntity",
            format!("Policy {arn} does not exist or is not attachable."),
        ));
    }
    let role = need(ctx, p)?;
    if !role.attached.contains(&arn) {
        role.attached.push(arn);
    }
    Ok(Value::Null)
}

pub fn detach(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("PolicyArn")?;
    let role = need(ctx, p)?;
    if !role.attached.contains(&arn) {
        return Err(AwsError::with_status(404, "NoSuchEntity", format!("Policy {arn} was not found.")));
    }
    role.attached.retain(|other| *other != arn);
    Ok(Value::Null)
}

pub fn list_attached(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let attached: Vec<Value> = need(ctx, p)?
        .attached
        .iter()
        .map(|arn| json!({ "PolicyArn": arn, "PolicyName": arn.rsplit('/').next() }))
        .collect();
    let (attached, next) = page(ctx, p, attached, ("MaxItems", "Marker"), 100)?;
    Ok(json!({ "AttachedPolicies": attached, "IsTruncated": next.is_some(), "Marker": next }))
}

pub fn put_inline(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (name, document) = (p.need("PolicyName")?, document(&p.need("PolicyDocument")?)?);
    need(ctx, p)?.inline.insert(name, document);
    Ok(Value::Null)
}

pub fn get_inline(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("PolicyName")?;
    let role = need(ctx, p)?;
    let document = role.inline.get(&name).ok_or_else(|| no_inline(&name))?;
    Ok(json!({ "RoleName": role.name, "PolicyName": name, "PolicyDocument": encoded(document) }))
}

pub fn delete_inline(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("PolicyName")?;
    need(ctx, p)?.inline.remove(&name).ok_or_else(|| no_inline(&name))?;
    Ok(Value::Null)
}

pub fn list_inline(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let names: Vec<String> = need(ctx, p)?.inline.keys().cloned().collect();
    let (names, next) = page(ctx, p, names, ("MaxItems", "Marker"), 100)?;
    Ok(json!({ "PolicyNames": names, "IsTruncated": next.is_some(), "Marker": next }))
}

fn no_inline(name: &str) -> AwsError {
    AwsError::with_status(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}
