//! Task definitions: revisions of families, readable long after they were deregistered.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{checks, client};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
        tag_list_lower, when,
    },
    life::{Birth, Ripening},
};

/// A revision.
#[derive(Clone, Debug, Serialize)]
pub struct Definition {
    pub arn: String,
    pub family: String,
    pub revision: u64,
    pub status: DefinitionStatus,
    /// What was registered, defaults filled in.
    pub body: Value,
    pub deregistered_ms: Option<u64>,
    pub leaving: Option<Ripening>,
    pub tags: Tags,
    pub birth: Birth,
}

/// Where a revision is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DefinitionStatus {
    Active,
    /// Deregistered; anybody can still read it.
    Inactive,
    DeleteInProgress,
}

impl DefinitionStatus {
    /// In AWS's words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

impl Definition {
    /// A top-level text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// The containers.
    pub fn containers(&self) -> &[Value] {
        self.body.get("containerDefinitions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// `family:revision`
    pub fn short(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }
}

/// RegisterTaskDefinition: each call is a new revision.
pub fn register(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let family = p
        .text("family")
        .filter(|family| !family.is_empty())
        .ok_or_else(|| client("Family should not be null or empty."))?;
    if family.len() > 255 || !family.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(client(format!("Family contains invalid characters: '{family}'.")));
    }
    let containers = p.value("containerDefinitions").and_then(Value::as_array).cloned().unwrap_or_default();
    checks::definition(p, &containers)?;
    let mut body = Map::new();
    for name in [
        "taskRoleArn",
        "executionRoleArn",
        "networkMode",
        "cpu",
        "memory",
        "runtimePlatform",
        "pidMode",
        "ipcMode",
        "ephemeralStorage",
    ] {
        if let Some(value) = p.value(name) {
            body.insert(name.into(), value.clone());
        }
    }
    for name in ["requiresCompatibilities", "volumes", "placementConstraints"] {
        body.insert(name.into(), p.value(name).cloned().unwrap_or_else(|| json!([])));
    }
    body.insert("containerDefinitions".into(), containers.into_iter().map(completed).collect());
    let revision = ctx.r.ecs.revisions.entry(family.clone()).or_insert(0);
    *revision += 1;
    let revision = *revision;
    let definition = Definition {
        arn: ctx.arn("ecs", &format!("task-definition/{family}:{revision}")),
        family,
        revision,
        status: DefinitionStatus::Active,
        body: Value::Object(body),
        deregistered_ms: None,
        leaving: None,
        tags: p.tags("tags")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "taskDefinition": view(&definition), "tags": tag_list_lower(&definition.tags) });
    ctx.r.ecs.definitions.insert(definition.arn.clone(), definition);
    Ok(answer)
}

/// A container with what AWS fills in.
fn completed(mut container: Value) -> Value {
    if let Some(fields) = container.as_object_mut() {
        for (name, value) in [
            ("cpu", json!(0)),
            ("essential", json!(true)),
            ("environment", json!([])),
            ("mountPoints", json!([])),
            ("volumesFrom", json!([])),
            ("portMappings", json!([])),
        ] {
            fields.entry(name).or_insert(value);
        }
        for mapping in fields.get_mut("portMappings").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(mapping) = mapping.as_object_mut() else {
                continue;
            };
            let port = mapping.get("containerPort").cloned().unwrap_or_default();
            mapping.entry("hostPort").or_insert(port);
            mapping.entry("protocol").or_insert(json!("tcp"));
        }
    }
    container
}

fn view(definition: &Definition) -> Value {
    let mut view = definition.body.clone();
    if let Some(fields) = view.as_object_mut() {
        let fargate = definition.text("networkMode") == Some("awsvpc");
        fields.insert("taskDefinitionArn".into(), json!(definition.arn));
        fields.insert("family".into(), json!(definition.family));
        fields.insert("revision".into(), json!(definition.revision));
        fields.insert("status".into(), json!(definition.status.name()));
        fields.insert("requiresAttributes".into(), json!([]));
        fields.insert("compatibilities".into(), if fargate { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) });
        fields.insert("registeredAt".into(), when::seconds(definition.birth.at_ms));
        if let Some(ms) = definition.deregistered_ms {
            fields.insert("deregisteredAt".into(), when::seconds(ms));
        }
    }
    view
}

/// DescribeTaskDefinition: by ARN, `family:revision`, or a family's newest active one.
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("taskDefinition")?;
    let tags = p.list("include").iter().any(|part| part == "TAGS");
    let arn = find(ctx, &name).map(|definition| definition.arn.clone());
    let arn = arn.ok_or_else(|| client("Unable to describe task definition."))?;
    fade(ctx);
    let definition = ctx.r.ecs.definitions.get(&arn).ok_or_else(|| client("Unable to describe task definition."))?;
    Ok(json!({
        "taskDefinition": view(definition),
        "tags": if tags { tag_list_lower(&definition.tags) } else { json!([]) },
    }))
}

/// The revision of this name.
pub fn find<'a>(ctx: &'a Ctx<'_>, name: &str) -> Option<&'a Definition> {
    let ecs = &ctx.r.ecs;
    if let Some(definition) = ecs.definitions.get(name) {
        return Some(definition);
    }
    let short = super::tail(name);
    let mut all = ecs.definitions.values();
    if short.contains(':') {
        return all.find(|definition| definition.short() == short);
    }
    all.filter(|d| d.family == short && d.status == DefinitionStatus::Active).max_by_key(|d| d.revision)
}

/// Deleted revisions go once nobody runs them, after some looks.
fn fade(ctx: &mut Ctx<'_>) {
    let (config, now) = (ctx.config, ctx.now);
    let used: Vec<String> = ctx
        .r
        .ecs
        .services
        .values()
        .filter(|service| !matches!(service.status, super::ServiceStatus::Inactive))
        .flat_map(|service| service.deployments.iter().map(|deployment| deployment.definition.clone()))
        .collect();
    ctx.r.ecs.definitions.retain(|arn, definition| {
        let gone = definition.leaving.as_mut().is_some_and(|state| state.poll(config.polls_until_ready, config, now));
        !gone || used.contains(arn)
    });
}

/// ListTaskDefinitions
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (family, status) = (p.text("familyPrefix"), p.text("status").unwrap_or_else(|| "ACTIVE".into()));
    fade(ctx);
    let (config, now) = (ctx.config, ctx.now);
    let mut found: Vec<(String, u64, String)> = Vec::new();
    for definition in ctx.r.ecs.definitions.values_mut() {
        let wanted =
            definition.status.name() == status && family.as_ref().is_none_or(|family| *family == definition.family);
        if wanted && definition.birth.look(config, now) {
            found.push((definition.family.clone(), definition.revision, definition.arn.clone()));
        }
    }
    found.sort();
    if p.text("sort").as_deref() == Some("DESC") {
        found.reverse();
    }
    let arns: Vec<String> = found.into_iter().map(|(_, _, arn)| arn).collect();
    let (arns, next) = page(ctx, p, arns, ("maxResults", "nextToken"), 100)?;
    Ok(json!({ "taskDefinitionArns": arns, "nextToken": next }))
}

/// DeregisterTaskDefinition
pub fn deregister(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("taskDefinition")?;
    if !super::tail(&name).contains(':') {
        return Err(client("Task definition must have a revision."));
    }
    let arn = find(ctx, &name).map(|definition| definition.arn.clone());
    let arn = arn.ok_or_else(|| client("The specified task definition does not exist."))?;
    let now = ctx.now;
    let Some(definition) = ctx.r.ecs.definitions.get_mut(&arn) else {
        return Err(client("The specified task definition does not exist."));
    };
    if definition.status != DefinitionStatus::Active {
        return Err(client(
            "The specified task definition is inactive. You can only deregister active task definitions.",
        ));
    }
    definition.status = DefinitionStatus::Inactive;
    definition.deregistered_ms = Some(now);
    Ok(json!({ "taskDefinition": view(definition) }))
}

/// DeleteTaskDefinitions: inactive ones only.
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let names = p.list("taskDefinitions");
    if names.is_empty() || names.len() > 10 {
        return Err(AwsError::new("InvalidParameterException", "Between 1 and 10 task definitions must be specified."));
    }
    let now = ctx.now;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let arn = find(ctx, &name).map(|definition| definition.arn.clone());
        match arn.and_then(|arn| ctx.r.ecs.definitions.get_mut(&arn)) {
            None => failures.push(json!({
                "arn": name,
                "reason": "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
            })),
            Some(definition) if definition.status == DefinitionStatus::Active => failures.push(json!({
                "arn": definition.arn,
                "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
            })),
            Some(definition) => {
                definition.status = DefinitionStatus::DeleteInProgress;
                definition.leaving.get_or_insert_with(|| Ripening::from(now));
                deleted.push(view(definition));
            }
        }
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}
