//! What CreateService and UpdateService are asked for, checked.

use serde_json::Value;

use super::{
    DefinitionStatus, definitions, parameter,
    services::{Balancer, Breaker},
};
use crate::aws::{Ctx, error::AwsError, params::Params};

/// The ARN of an active definition.
pub fn usable(ctx: &Ctx<'_>, name: &str) -> Result<String, AwsError> {
    match definitions::find(ctx, name) {
        None => Err(super::client("TaskDefinition not found.")),
        Some(definition) if definition.status != DefinitionStatus::Active => {
            Err(super::client("TaskDefinition is inactive"))
        }
        Some(definition) => Ok(definition.arn.clone()),
    }
}

pub fn check_launch(ctx: &Ctx<'_>, definition: &str, launch_type: &str) -> Result<(), AwsError> {
    let Some(definition) = ctx.r.ecs.definitions.get(definition) else {
        return Ok(());
    };
    let fits = definition
        .body
        .get("requiresCompatibilities")
        .and_then(Value::as_array)
        .is_some_and(|kinds| kinds.is_empty() || kinds.iter().any(|kind| kind == launch_type));
    if launch_type == "FARGATE" && definition.text("networkMode") != Some("awsvpc") || !fits {
        return Err(parameter(format!("Task definition does not support launch_type {launch_type}.")));
    }
    Ok(())
}

pub fn balancers(ctx: &Ctx<'_>, p: &Params, definition: &str) -> Result<Vec<Balancer>, AwsError> {
    let mut balancers = Vec::new();
    for balancer in p.objects("loadBalancers") {
        let group = balancer.need("targetGroupArn")?;
        let container = balancer.need("containerName")?;
        let port = balancer.number("containerPort")?.ok_or_else(|| parameter("containerPort must be specified."))?;
        let known = ctx.r.elb.groups.get(&group).ok_or_else(|| {
            parameter(format!(
                "Unable to assume role and validate the specified targetGroupArn: target group '{group}' not found."
            ))
        })?;
        if ctx.r.elb.users_of(&group).is_empty() {
            return Err(parameter(format!(
                "The target group with targetGroupArn {group} does not have an associated load balancer."
            )));
        }
        if known.kind != "ip" {
            return Err(parameter(format!(
                "The provided target group {group} has target type {}, which is incompatible with the awsvpc network mode specified in \
                 the task definition.",
                known.kind
            )));
        }
        let containers = ctx.r.ecs.definitions.get(definition).map(super::Definition::containers).unwrap_or_default();
        let found = containers.iter().find(|c| c.get("name").and_then(Value::as_str) == Some(&container));
        let found = found
            .ok_or_else(|| parameter(format!("The container {container} does not exist in the task definition.")))?;
        let mut ports = found.get("portMappings").and_then(Value::as_array).into_iter().flatten();
        if !ports.any(|mapping| mapping.get("containerPort").and_then(Value::as_i64) == Some(port)) {
            return Err(parameter(format!("The container {container} did not have a container port {port} defined.")));
        }
        balancers.push(Balancer { group, container, port });
    }
    Ok(balancers)
}

pub fn deployment_settings(
    p: &Params,
    mut breaker: Breaker,
    mut percent: (i64, i64),
) -> Result<(Breaker, (i64, i64)), AwsError> {
    if let Some(settings) = p.object("deploymentConfiguration") {
        if let Some(asked) = settings.object("deploymentCircuitBreaker") {
            breaker.enable = asked.flag("enable").unwrap_or(false);
            breaker.rollback = asked.flag("rollback").unwrap_or(false);
        }
        percent.0 = settings.number("maximumPercent")?.unwrap_or(percent.0);
        percent.1 = settings.number("minimumHealthyPercent")?.unwrap_or(percent.1);
        if percent.0 <= percent.1 && percent.0 <= 100 {
            return Err(parameter(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ));
        }
    }
    Ok((breaker, percent))
}
