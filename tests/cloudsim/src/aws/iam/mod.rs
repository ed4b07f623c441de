//! IAM: roles and their policies.

mod policies;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::policies::{document, encoded, managed_allows, several};
use super::{
    Ctx, Lister, Tags,
    ec2::{like, thing},
    error::{Answer, AwsError},
    page,
    params::Params,
    service::Service,
    tag_list, unknown_action, when,
};
use crate::life::Birth;

/// What IAM knows of an account.
#[derive(Default, Serialize)]
pub struct Iam {
    pub roles: BTreeMap<String, Role>,
    /// The account's very first cluster was already refused.
    pub first_cluster_refused: bool,
}

/// A role.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    pub trust: String,
    pub description: Option<String>,
    pub attached: Vec<String>,
    pub inline: BTreeMap<String, String>,
    pub tags: Tags,
    pub birth: Birth,
    /// How often somebody tried to assume it.
    pub uses: u32,
}

impl Role {
    /// Whether its policies allow an action on a resource. Conditions are ignored, an explicit deny is not.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        let managed = self.attached.iter().any(|arn| managed_allows(arn, action));
        let mut allowed = managed;
        for document in self.inline.values() {
            let document: Value = serde_json::from_str(document).unwrap_or_default();
            for statement in several(document.get("Statement")) {
                let covers = |field: &str, value: &str| {
                    several(statement.get(field)).iter().filter_map(Value::as_str).any(|pattern| like(pattern, value))
                };
                if covers("Action", action) && covers("Resource", resource) {
                    match statement.get("Effect").and_then(Value::as_str) {
                        Some("Deny") => return false,
                        _ => allowed = true,
                    }
                }
            }
        }
        allowed
    }

    /// Whether this service may assume it.
    pub fn trusts(&self, service: &str) -> bool {
        self.trust.contains(service)
    }
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateRole" => create(ctx, p),
        "GetRole" => get(ctx, p),
        "DeleteRole" => delete(ctx, p),
        "ListRoles" => list_roles(ctx, p),
        "AttachRolePolicy" => policies::attach(ctx, p),
        "DetachRolePolicy" => policies::detach(ctx, p),
        "ListAttachedRolePolicies" => policies::list_attached(ctx, p),
        "PutRolePolicy" => policies::put_inline(ctx, p),
        "GetRolePolicy" => policies::get_inline(ctx, p),
        "DeleteRolePolicy" => policies::delete_inline(ctx, p),
        "ListRolePolicies" => policies::list_inline(ctx, p),
        "TagRole" => tag(ctx, p),
        "UntagRole" => untag(ctx, p),
        "ListRoleTags" => list_tags(ctx, p),
        "ListInstanceProfilesForRole" => {
            need(ctx, p)?;
            Ok(json!({ "InstanceProfiles": [], "IsTruncated": false }))
        }
        "CreateServiceLinkedRole" => create_linked(ctx, p),
        _ => Err(unknown_action(ctx, Service::Iam, action)),
    }
}

fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("RoleName")?;
    if name.is_empty() || name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(AwsError::invalid(format!(
            "1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [\\w+=,.@-]+ and have length less than or equal to 64"
        )));
    }
    let trust = document(&p.need("AssumeRolePolicyDocument")?)?;
    if ctx.iam.roles.contains_key(&name) {
        return Err(AwsError::with_status(
            409,
            "EntityAlreadyExists",
            format!("Role with name {name} already exists."),
        ));
    }
    let path = p.text("Path").unwrap_or_else(|| "/".into());
    let _ = p.number("MaxSessionDuration")?;
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", ctx.account),
        id: format!("AROA{}", ctx.ids.hex16().to_uppercase()),
        name,
        path,
        trust,
        description: p.text("Description"),
        attached: Vec::new(),
        inline: BTreeMap::new(),
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
        uses: 0,
    };
    let answer = json!({ "Role": view(&role) });
    ctx.iam.roles.insert(role.name.clone(), role);
    Ok(answer)
}

fn view(role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": when::iso(role.birth.at_ms),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": 3600,
        "Tags": tag_list(&role.tags),
    })
}

fn get(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("RoleName")?;
    let (config, now) = (ctx.config, ctx.now);
    let role = ctx.iam.roles.get_mut(&name).ok_or_else(|| missing(&name))?;
    if role.birth.look(config, now) { Ok(json!({ "Role": view(role) })) } else { Err(missing(&name)) }
}

fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let role = need(ctx, p)?;
    let problem = if !role.attached.is_empty() {
        "Cannot delete entity, must detach all policies first."
    } else if !role.inline.is_empty() {
        "Cannot delete entity, must delete policies first."
    } else {
        let name = role.name.clone();
        ctx.iam.roles.remove(&name);
        return Ok(Value::Null);
    };
    Err(AwsError::with_status(409, "DeleteConflict", problem))
}

fn list_roles(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let prefix = p.text("PathPrefix").unwrap_or_else(|| "/".into());
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for role in ctx.iam.roles.values_mut() {
        if role.path.starts_with(&prefix) && role.birth.look(config, now) {
            let mut view = view(role);
            // ListRoles leaves these out; GetRole has them.
            if let Some(fields) = view.as_object_mut() {
                fields.remove("Tags");
            }
            found.push(view);
        }
    }
    let (found, next) = page(ctx, p, found, ("MaxItems", "Marker"), 100)?;
    Ok(json!({ "Roles": found, "IsTruncated": next.is_some(), "Marker": next }))
}

fn tag(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = p.tags("Tags")?;
    need(ctx, p)?.tags.extend(tags);
    Ok(Value::Null)
}

fn untag(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let keys = p.list("TagKeys");
    need(ctx, p)?.tags.retain(|key, _| !keys.contains(key));
    Ok(Value::Null)
}

fn list_tags(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let tags = tag_list(&need(ctx, p)?.tags);
    Ok(json!({ "Tags": tags, "IsTruncated": false }))
}

fn create_linked(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let service = p.need("AWSServiceName")?;
    let name = match service.as_str() {
        "ecs.amazonaws.com" => "AWSServiceRoleForECS",
        "elasticloadbalancing.amazonaws.com" => "AWSServiceRoleForElasticLoadBalancing",
        "rds.amazonaws.com" => "AWSServiceRoleForRDS",
        other => {
            return Err(AwsError::new("InvalidInput", format!("{other} is not a valid service-linked role service")));
        }
    };
    if ctx.iam.roles.contains_key(name) {
        return Err(AwsError::new(
            "InvalidInput",
            format!("Service role name {name} has been taken in this account, please try a different suffix."),
        ));
    }
    let role = linked(ctx, name, &service);
    Ok(json!({ "Role": view(&role) }))
}

/// Makes a service-linked role.
pub fn linked(ctx: &mut Ctx<'_>, name: &str, service: &str) -> Role {
    let path = format!("/aws-service-role/{service}/");
    let role = Role {
        name: name.to_owned(),
        arn: format!("arn:aws:iam::{}:role{path}{name}", ctx.account),
        path,
        id: format!("AROA{}", ctx.ids.hex16().to_uppercase()),
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
        })
        .to_string(),
        description: None,
        attached: Vec::new(),
        inline: BTreeMap::new(),
        tags: Tags::new(),
        birth: ctx.birth(),
        uses: 0,
    };
    ctx.iam.roles.insert(role.name.clone(), role.clone());
    role
}

/// A service tries to assume a role; a new role is not known everywhere yet.
pub fn assume(ctx: &mut Ctx<'_>, arn: &str, service: &str) -> bool {
    let refused = ctx.aws().role_uses_refused;
    match ctx.iam.roles.values_mut().find(|role| role.arn == arn) {
        None => false,
        Some(role) => {
            role.uses = role.uses.saturating_add(1);
            role.trusts(service) && (role.uses > refused || role.birth.call == 0)
        }
    }
}

fn need<'a>(ctx: &'a mut Ctx<'_>, p: &Params) -> Result<&'a mut Role, AwsError> {
    let name = p.need("RoleName")?;
    ctx.iam.roles.get_mut(&name).ok_or_else(|| missing(&name))
}

fn missing(name: &str) -> AwsError {
    AwsError::with_status(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

impl Iam {
    /// Everything for the inventory. Service-linked roles belong to the account and stay.
    pub fn list(&self, list: &mut Lister<'_>) {
        for role in self.roles.values() {
            list.add("iam", "role", thing(&role.arn, &role.name, &role.tags, &role.birth), |item| {
                item.lingering = role.path.starts_with("/aws-service-role/");
            });
        }
    }
}
