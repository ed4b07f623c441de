//! What a service does about the health of its targets.

use super::{
    Service,
    scheduler::{count_failure, event, own},
    tasks,
};
use crate::aws::{Ctx, elb::health};

/// Rounds of failed health checks before a task is replaced.
const PATIENCE: u32 = 2;

/// Replaces tasks whose targets stay unhealthy.
pub fn watch_health(ctx: &mut Ctx<'_>, service: &Service) {
    for arn in own(ctx, service, |task| task.is_running() && task.is_wanted()) {
        let Some((group, port, health)) = unhealthy(ctx, service, &arn) else {
            if let Some(task) = ctx.r.ecs.tasks.get_mut(&arn) {
                task.unhealthy = 0;
            }
            continue;
        };
        let patience = PATIENCE + if service.grace.unwrap_or(0) > 0 { 2 } else { 0 };
        let Some(task) = ctx.r.ecs.tasks.get_mut(&arn) else {
            continue;
        };
        task.unhealthy += 1;
        if task.unhealthy > patience {
            event(
                ctx,
                &service.arn,
                &format!("(port {port}) is unhealthy in (target-group {group}) due to (reason {health})."),
            );
            let reason = format!("Task failed ELB health checks in (target-group {group})");
            tasks::stop(ctx, &arn, "ServiceSchedulerInitiated", &reason);
            count_failure(ctx, &service.arn, &arn);
        }
    }
}

/// The first of a task's targets that is unhealthy: group, port, why.
fn unhealthy(ctx: &Ctx<'_>, service: &Service, task: &str) -> Option<(String, i64, String)> {
    let health = targets(ctx, service, task);
    health.into_iter().find(|(_, _, state, _)| *state == "unhealthy").map(|(group, port, _, why)| (group, port, why))
}

/// Group, port, state and description of each of a task's targets.
fn targets(ctx: &Ctx<'_>, service: &Service, task: &str) -> Vec<(String, i64, &'static str, String)> {
    let interface = ctx.r.ecs.tasks.get(task).and_then(|task| task.interface.as_ref());
    let Some(ip) = interface.and_then(|id| ctx.r.ec2.interfaces.get(id)).map(|eni| eni.ip.to_string()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for balancer in &service.balancers {
        let Some(group) = ctx.r.elb.groups.get(&balancer.group) else {
            continue;
        };
        for target in group.targets.iter().filter(|target| target.id == ip) {
            let health = health::of(ctx, group, target);
            let why = health.description.unwrap_or_default();
            found.push((group.arn.clone(), target.port, health.state, why));
        }
    }
    found
}

pub fn is_healthy(ctx: &Ctx<'_>, service: &Service, task: &str) -> bool {
    let targets = targets(ctx, service, task);
    targets.len() >= service.balancers.len() && targets.iter().all(|(_, _, state, _)| *state == "healthy")
}
