//! Clusters.

use serde::Serialize;
use serde_json::{Value, json};

use super::{ServiceStatus, missing, parameter, scheduler, tail};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        iam, page,
        params::Params,
        tag_list_lower,
    },
    life::Birth,
};

/// A cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    pub active: bool,
    pub settings: Value,
    pub providers: Vec<String>,
    pub tags: Tags,
    pub birth: Birth,
}

impl Cluster {
    /// In AWS's words.
    pub fn status(&self) -> &'static str {
        if self.active { "ACTIVE" } else { "INACTIVE" }
    }
}

/// CreateCluster: answers the existing one of that name. The account's very first is refused once, because the service-linked
/// role that it needs was only just made.
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.text("clusterName").unwrap_or_else(|| "default".into());
    if name.is_empty() || name.len() > 255 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(parameter(
            "Cluster name must contain up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores.",
        ));
    }
    let tags = p.tags("tags")?;
    if !ctx.iam.roles.contains_key("AWSServiceRoleForECS") {
        iam::linked(ctx, "AWSServiceRoleForECS", "ecs.amazonaws.com");
        if ctx.aws().first_cluster_fails && !ctx.iam.first_cluster_refused {
            ctx.iam.first_cluster_refused = true;
            return Err(parameter(
                "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            ));
        }
    }
    if let Some(existing) = ctx.r.ecs.clusters.get(&name).filter(|cluster| cluster.active) {
        return Ok(json!({ "cluster": view(ctx, existing, &["TAGS".into(), "SETTINGS".into()]) }));
    }
    let _ = (p.value("configuration"), p.value("defaultCapacityProviderStrategy"));
    let cluster = Cluster {
        arn: ctx.arn("ecs", &format!("cluster/{name}")),
        name,
        active: true,
        settings: p
            .value("settings")
            .cloned()
            .unwrap_or_else(|| json!([{ "name": "containerInsights", "value": "disabled" }])),
        providers: p.list("capacityProviders"),
        tags,
        birth: ctx.birth(),
    };
    let answer = json!({ "cluster": view(ctx, &cluster, &["TAGS".into(), "SETTINGS".into()]) });
    ctx.r.ecs.clusters.insert(cluster.name.clone(), cluster);
    Ok(answer)
}

fn view(ctx: &Ctx<'_>, cluster: &Cluster, include: &[String]) -> Value {
    let ecs = &ctx.r.ecs;
    let included = |name: &str| include.iter().any(|asked| asked == name);
    let tasks = ecs.tasks.values().filter(|task| task.cluster == cluster.name);
    let running = tasks.clone().filter(|task| task.is_running()).count();
    let pending = tasks.filter(|task| task.is_pending()).count();
    let active =
        |service: &&super::Service| service.cluster == cluster.name && matches!(service.status, ServiceStatus::Active);
    json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status(),
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": ecs.services.values().filter(active).count(),
        "statistics": [],
        "tags": if included("TAGS") { tag_list_lower(&cluster.tags) } else { json!([]) },
        "settings": if included("SETTINGS") { cluster.settings.clone() } else { json!([]) },
        "capacityProviders": cluster.providers,
        "defaultCapacityProviderStrategy": [],
    })
}

/// DescribeClusters: deleted ones are still shown, INACTIVE.
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let mut names = p.list("clusters");
    let include = p.list("include");
    if names.is_empty() {
        names.push("default".into());
    }
    let (config, now) = (ctx.config, ctx.now);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let cluster = ctx.r.ecs.clusters.get_mut(tail(&name));
        match cluster.and_then(|cluster| cluster.birth.look(config, now).then(|| cluster.clone())) {
            Some(cluster) => found.push(cluster),
            None => failures.push(missing(&ctx.arn("ecs", &format!("cluster/{}", tail(&name))))),
        }
    }
    let found: Vec<Value> = found.iter().map(|cluster| view(ctx, cluster, &include)).collect();
    Ok(json!({ "clusters": found, "failures": failures }))
}

/// ListClusters
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (config, now) = (ctx.config, ctx.now);
    let clusters = ctx.r.ecs.clusters.values_mut().filter(|cluster| cluster.active);
    let arns: Vec<String> = clusters.filter_map(|c| c.birth.look(config, now).then(|| c.arn.clone())).collect();
    let (arns, next) = page(ctx, p, arns, ("maxResults", "nextToken"), 100)?;
    Ok(json!({ "clusterArns": arns, "nextToken": next }))
}

/// DeleteCluster
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = need(ctx, &p.need("cluster")?)?;
    let services: Vec<String> =
        ctx.r.ecs.services.values().filter(|s| s.cluster == name).map(|s| s.arn.clone()).collect();
    for arn in &services {
        // A refused attempt is a look: services that drain go on draining.
        if ctx.r.ecs.services.get(arn).is_some_and(|service| matches!(service.status, ServiceStatus::Draining(_))) {
            scheduler::step(ctx, arn);
        }
    }
    let ecs = &ctx.r.ecs;
    let busy = |service: &super::Service| service.cluster == name && !matches!(service.status, ServiceStatus::Inactive);
    if ecs.services.values().any(busy) {
        return Err(AwsError::new(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    if ecs.tasks.values().any(|task| task.cluster == name && !task.is_stopped()) {
        return Err(AwsError::new(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    let cluster = ctx.r.ecs.clusters.get_mut(&name).ok_or_else(unknown)?;
    cluster.active = false;
    let cluster = cluster.clone();
    Ok(json!({ "cluster": view(ctx, &cluster, &[]) }))
}

/// The name of an active cluster.
pub fn need(ctx: &Ctx<'_>, name_or_arn: &str) -> Result<String, AwsError> {
    match ctx.r.ecs.clusters.get(tail(name_or_arn)) {
        Some(cluster) if cluster.active => Ok(cluster.name.clone()),
        Some(_) => Err(AwsError::new("ClusterNotFoundException", "The referenced cluster was inactive.")),
        None => Err(unknown()),
    }
}

/// The active cluster that a call names, or the one called `default`.
pub fn of(ctx: &Ctx<'_>, p: &Params) -> Result<String, AwsError> {
    need(ctx, &p.text("cluster").unwrap_or_else(|| "default".into()))
}

fn unknown() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}
