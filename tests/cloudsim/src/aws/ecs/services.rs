//! Services: what is asked of them. What they do is in `scheduler`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    asked::{balancers, check_launch, deployment_settings, usable},
    clusters, missing,
    network::Network,
    parameter, scheduler, tail, view,
};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::{Birth, Ripening},
};

/// A service.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    pub arn: String,
    pub name: String,
    pub cluster: String,
    pub status: ServiceStatus,
    pub desired: usize,
    pub launch_type: String,
    pub balancers: Vec<Balancer>,
    pub breaker: Breaker,
    pub percent: (i64, i64),
    pub grace: Option<i64>,
    pub propagate: Option<String>,
    pub token: Option<String>,
    /// What was asked for, to tell a repeated call from another one.
    pub request: BTreeMap<String, Value>,
    /// The PRIMARY one first.
    pub deployments: Vec<Deployment>,
    /// The definition of the last deployment that completed.
    pub last_good: Option<String>,
    /// The newest first.
    pub events: Vec<Event>,
    pub steady: bool,
    pub tags: Tags,
    pub birth: Birth,
}

/// Where a service is in its life.
#[derive(Clone, Debug, Serialize)]
pub enum ServiceStatus {
    Active,
    Draining(Ripening),
    Inactive,
}

impl ServiceStatus {
    /// In AWS's words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining(_) => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// A target group that tasks join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balancer {
    pub group: String,
    pub container: String,
    pub port: i64,
}

/// The deployment circuit breaker.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Breaker {
    pub enable: bool,
    pub rollback: bool,
}

/// A deployment.
#[derive(Clone, Debug, Serialize)]
pub struct Deployment {
    pub id: String,
    pub definition: String,
    pub network: Network,
    pub failed: usize,
    pub rollout: Rollout,
    /// It failed, and is shown for a while.
    pub fading: Option<Ripening>,
    pub reason: String,
    pub created_ms: u64,
    pub updated_ms: u64,
}

/// How a deployment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Rollout {
    InProgress,
    Completed,
    Failed,
}

/// Something that a service did.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    pub id: String,
    pub at_ms: u64,
    pub message: String,
}

/// CreateService
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("serviceName")?;
    if name.is_empty() || name.len() > 255 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(parameter(
            "Service names must contain up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.",
        ));
    }
    let cluster = clusters::of(ctx, p)?;
    let arn = ctx.arn("ecs", &format!("service/{cluster}/{name}"));
    let token = p.text("clientToken");
    let request: BTreeMap<String, Value> =
        ["taskDefinition", "desiredCount", "loadBalancers", "networkConfiguration", "launchType"]
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), p.value(field)?.clone())))
            .collect();
    if let Some(existing) = ctx.r.ecs.services.get(&arn) {
        match existing.status {
            ServiceStatus::Active if token.is_some() && existing.token == token && existing.request == request => {
                return Ok(json!({ "service": view::service(ctx, existing, true) }));
            }
            ServiceStatus::Active => {
                return Err(parameter("Creation of service was not idempotent."));
            }
            ServiceStatus::Draining(_) => {
                // A refused attempt is a look.
                scheduler::step(ctx, &arn);
                return Err(parameter("Unable to Start a service that is still Draining."));
            }
            ServiceStatus::Inactive => {}
        }
    }
    let definition = usable(ctx, &p.need("taskDefinition")?)?;
    let launch_type = p.text("launchType").unwrap_or_else(|| "EC2".into());
    check_launch(ctx, &definition, &launch_type)?;
    let network = Network::of(ctx, p)?;
    let balancers = balancers(ctx, p, &definition)?;
    let grace = p.number("healthCheckGracePeriodSeconds")?;
    if grace.is_some() && balancers.is_empty() {
        return Err(parameter("Health check grace period is only valid for services configured to use load balancers"));
    }
    let desired = p.number("desiredCount")?.ok_or_else(|| parameter("Desired count can not be null."))?;
    let desired = usize::try_from(desired).map_err(|_| parameter("Desired count can not be negative."))?;
    let (breaker, percent) = deployment_settings(p, Breaker::default(), (200, 100))?;
    let _ = (
        p.text("platformVersion"),
        p.text("schedulingStrategy"),
        p.flag("enableECSManagedTags"),
        p.flag("enableExecuteCommand"),
    );
    let service = Service {
        arn: arn.clone(),
        name,
        cluster,
        status: ServiceStatus::Active,
        desired,
        launch_type,
        balancers,
        breaker,
        percent,
        grace,
        propagate: p.text("propagateTags"),
        token,
        request,
        deployments: vec![Deployment::new(ctx, definition, network)],
        last_good: None,
        events: Vec::new(),
        steady: false,
        tags: p.tags("tags")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "service": view::service(ctx, &service, true) });
    ctx.r.ecs.services.insert(arn, service);
    Ok(answer)
}

impl Deployment {
    fn new(ctx: &mut Ctx<'_>, definition: String, network: Network) -> Self {
        let id = format!("ecs-svc/{:019}", ctx.ids.number());
        Self {
            reason: format!("ECS deployment {id} in progress."),
            id,
            definition,
            network,
            failed: 0,
            rollout: Rollout::InProgress,
            fading: None,
            created_ms: ctx.now,
            updated_ms: ctx.now,
        }
    }
}

/// DescribeServices: deleted ones are still shown, INACTIVE. Each look lets the scheduler do a step.
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let names = p.list("services");
    let tags = p.list("include").iter().any(|part| part == "TAGS");
    if names.is_empty() || names.len() > 10 {
        return Err(parameter("Services cannot be empty, and cannot be more than 10."));
    }
    let (config, now) = (ctx.config, ctx.now);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let arn = ctx.arn("ecs", &format!("service/{cluster}/{}", tail(&name)));
        let visible = ctx.r.ecs.services.get_mut(&arn).is_some_and(|service| service.birth.look(config, now));
        if !visible {
            failures.push(missing(&arn));
            continue;
        }
        scheduler::step(ctx, &arn);
        if let Some(service) = ctx.r.ecs.services.get(&arn) {
            found.push(view::service(ctx, service, tags));
        }
    }
    Ok(json!({ "services": found, "failures": failures }))
}

/// UpdateService: another definition, network or target group is a new deployment.
pub fn update(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let arn = named(ctx, p, &cluster)?;
    let service = ctx.r.ecs.services.get(&arn).ok_or_else(unknown)?.clone();
    if !matches!(service.status, ServiceStatus::Active) {
        return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let mut next = service.clone();
    let primary = service.deployments.first();
    let old_definition = primary.map(|deployment| deployment.definition.clone()).unwrap_or_default();
    let definition = match p.text("taskDefinition") {
        Some(name) => usable(ctx, &name)?,
        None => old_definition.clone(),
    };
    check_launch(ctx, &definition, &service.launch_type)?;
    let network = match (p.has("networkConfiguration"), primary) {
        (false, Some(primary)) => primary.network.clone(),
        _ => Network::of(ctx, p)?,
    };
    if p.has("loadBalancers") {
        next.balancers = balancers(ctx, p, &definition)?;
    }
    if let Some(desired) = p.number("desiredCount")? {
        next.desired = usize::try_from(desired).map_err(|_| parameter("Desired count can not be negative."))?;
    }
    (next.breaker, next.percent) = deployment_settings(p, service.breaker, service.percent)?;
    next.grace = p.number("healthCheckGracePeriodSeconds")?.or(service.grace);
    let changed = definition != old_definition
        || primary.is_none_or(|primary| primary.network != network)
        || next.balancers != service.balancers
        || p.flag("forceNewDeployment").unwrap_or(false);
    if changed {
        let deployment = Deployment::new(ctx, definition, network);
        next.deployments.insert(0, deployment);
    }
    next.steady &= !changed && next.desired == service.desired;
    let answer = json!({ "service": view::service(ctx, &next, true) });
    ctx.r.ecs.services.insert(arn, next);
    Ok(answer)
}

/// DeleteService: it drains, and is then INACTIVE.
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let arn = named(ctx, p, &cluster)?;
    let force = p.flag("force").unwrap_or(false);
    let now = ctx.now;
    let service = ctx.r.ecs.services.get_mut(&arn).ok_or_else(unknown)?;
    match service.status {
        ServiceStatus::Inactive => return Err(unknown()),
        ServiceStatus::Active if service.desired > 0 && !force => {
            return Err(parameter("The service cannot be stopped while it is scaled above 0."));
        }
        ServiceStatus::Active => {
            service.status = ServiceStatus::Draining(Ripening::from(now));
            service.desired = 0;
        }
        ServiceStatus::Draining(_) => {}
    }
    scheduler::drain(ctx, &arn);
    let service = ctx.r.ecs.services.get(&arn).ok_or_else(unknown)?;
    Ok(json!({ "service": view::service(ctx, service, true) }))
}

/// ListServices: active and draining ones.
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let (config, now) = (ctx.config, ctx.now);
    let _ = p.text("launchType");
    let mut arns = Vec::new();
    for service in ctx.r.ecs.services.values_mut() {
        let wanted = service.cluster == cluster && !matches!(service.status, ServiceStatus::Inactive);
        if wanted && service.birth.look(config, now) {
            arns.push(service.arn.clone());
        }
    }
    let (arns, next) = page(ctx, p, arns, ("maxResults", "nextToken"), 10)?;
    Ok(json!({ "serviceArns": arns, "nextToken": next }))
}

fn named(ctx: &Ctx<'_>, p: &Params, cluster: &str) -> Result<String, AwsError> {
    let arn = ctx.arn("ecs", &format!("service/{cluster}/{}", tail(&p.need("service")?)));
    if ctx.r.ecs.services.contains_key(&arn) { Ok(arn) } else { Err(unknown()) }
}

fn unknown() -> AwsError {
    AwsError::new("ServiceNotFoundException", "Service not found.")
}
