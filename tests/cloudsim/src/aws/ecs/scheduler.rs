//! What services do by themselves, one step for each look at them: start tasks, drain. Health is in `watch`, the end of a
//! deployment in `rollout`.

use super::{
    ServiceStatus, Stage, launch,
    rollout::{break_circuit, replace, settle},
    services::{Event, Rollout, Service},
    tasks,
    watch::watch_health,
};
use crate::{
    aws::{Ctx, elb::health},
    life::Ripening,
};

/// Stopped tasks that are remembered for each service.
const REMEMBERED: usize = 10;

/// One step of a service.
pub fn step(ctx: &mut Ctx<'_>, arn: &str) {
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    if matches!(service.status, ServiceStatus::Inactive) {
        return;
    }
    for balancer in &service.balancers {
        health::tick(ctx, &balancer.group);
    }
    // After the health checks: a target is not checked in the moment in which it registers.
    advance_tasks(ctx, &service);
    match service.status {
        ServiceStatus::Active => {
            watch_health(ctx, &service);
            break_circuit(ctx, arn);
            fill(ctx, arn);
            replace(ctx, arn);
            settle(ctx, arn);
        }
        _ => drain(ctx, arn),
    }
    forget(ctx, &service);
}

pub fn own(ctx: &Ctx<'_>, service: &Service, of: impl Fn(&super::Task) -> bool) -> Vec<String> {
    let mut found: Vec<(u64, u64, String)> = ctx
        .r
        .ecs
        .tasks
        .values()
        .filter(|task| task.cluster == service.cluster && task.service == service.name && of(task))
        .map(|task| (task.birth.at_ms, task.birth.call, task.arn.clone()))
        .collect();
    found.sort();
    found.into_iter().map(|(_, _, arn)| arn).collect()
}

/// Takes each task to its next stage when its time has come.
fn advance_tasks(ctx: &mut Ctx<'_>, service: &Service) {
    let (config, now) = (ctx.config, ctx.now);
    for arn in own(ctx, service, |task| !task.is_stopped()) {
        let Some(task) = ctx.r.ecs.tasks.get_mut(&arn) else {
            continue;
        };
        let exits = task.app.exits;
        let due = match &mut task.stage {
            Stage::Provisioning(state) | Stage::Running(state) => state.poll(0, config, now),
            Stage::Pending(state) => state.poll(config.polls_until_ready.saturating_sub(1), config, now),
            Stage::Stopping(state) => state.poll(1, config, now),
            Stage::Stopped => false,
        };
        match &task.stage {
            Stage::Provisioning(_) if due => task.stage = Stage::Pending(Ripening::from(now)),
            Stage::Pending(_) if due => {
                if let Err(failure) = launch::start(ctx, service, &arn) {
                    failed_start(ctx, service, &arn, &failure);
                }
            }
            Stage::Running(_) if due && exits.is_some() => {
                task.containers.iter_mut().for_each(|container| container.exit = exits);
                tasks::stop(ctx, &arn, "EssentialContainerExited", "Essential container in task exited");
                tasks::end(ctx, &arn);
                count_failure(ctx, &service.arn, &arn);
            }
            Stage::Stopping(_) if due => tasks::end(ctx, &arn),
            _ => {}
        }
    }
}

fn failed_start(ctx: &mut Ctx<'_>, service: &Service, arn: &str, reason: &str) {
    tasks::stop(ctx, arn, "TaskFailedToStart", reason);
    if let Some(task) = ctx.r.ecs.tasks.get_mut(arn) {
        for container in &mut task.containers {
            container.exit = None;
            // Pull errors belong to a container, initialisation errors to the task alone.
            container.reason = reason.starts_with("CannotPull").then(|| reason.to_owned());
        }
    }
    tasks::end(ctx, arn);
    count_failure(ctx, &service.arn, arn);
}

/// A task failed: its deployment counts it.
pub fn count_failure(ctx: &mut Ctx<'_>, service: &str, task: &str) {
    let now = ctx.now;
    let deployment = ctx.r.ecs.tasks.get(task).map(|task| task.deployment.clone());
    let Some(service) = ctx.r.ecs.services.get_mut(service) else {
        return;
    };
    let mut failures = 0;
    for d in service.deployments.iter_mut().filter(|d| Some(&d.id) == deployment.as_ref()) {
        d.failed += 1;
        d.updated_ms = now;
        failures = d.failed;
    }
    let arn = service.arn.clone();
    if failures == 3 {
        let text = "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the \
                    Amazon ECS Developer Guide.";
        event(ctx, &arn, text);
    }
}

/// Starts the tasks that the PRIMARY deployment lacks.
fn fill(ctx: &mut Ctx<'_>, arn: &str) {
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    let Some(primary) = service.deployments.first().cloned() else {
        return;
    };
    if primary.rollout == Rollout::Failed {
        return;
    }
    if service.launch_type != "FARGATE" {
        event_once(
            ctx,
            arn,
            "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were \
             found in your cluster.",
        );
        return;
    }
    let mine = own(ctx, &service, |task| task.deployment == primary.id && task.is_wanted());
    let mut started = 0;
    for n in mine.len()..service.desired {
        match launch::launch(ctx, &service, &primary, n) {
            Ok(()) => started += 1,
            Err(reason) => {
                event_once(ctx, arn, &format!("failed to launch a task with (error {reason})."));
                if let Some(d) = ctx.r.ecs.services.get_mut(arn).and_then(|s| s.deployments.first_mut()) {
                    d.failed += 1;
                }
                break;
            }
        }
    }
    if started > 0 {
        event(ctx, arn, &format!("has started {started} tasks."));
    }
    // Scaled down: the youngest go first.
    for task in mine.iter().skip(service.desired) {
        tasks::stop(ctx, task, "ServiceSchedulerInitiated", "Scaling activity initiated by deployment");
    }
}

/// A deleted service: its tasks stop, and then it is INACTIVE.
pub fn drain(ctx: &mut Ctx<'_>, arn: &str) {
    let (config, now) = (ctx.config, ctx.now);
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    for task in own(ctx, &service, super::Task::is_wanted) {
        tasks::stop(ctx, &task, "ServiceSchedulerInitiated", "Task stopped by (deployment deletion)");
    }
    let left = own(ctx, &service, |task| !task.is_stopped());
    let Some(live) = ctx.r.ecs.services.get_mut(arn) else {
        return;
    };
    if let ServiceStatus::Draining(state) = &mut live.status
        && left.is_empty()
        && state.poll(config.aws.draining_polls, config, now)
    {
        live.status = ServiceStatus::Inactive;
        live.deployments.clear();
    }
}

/// Old stopped tasks are not shown for ever.
fn forget(ctx: &mut Ctx<'_>, service: &Service) {
    let stopped = own(ctx, service, super::Task::is_stopped);
    let surplus = stopped.len().saturating_sub(REMEMBERED);
    for arn in stopped.iter().take(surplus) {
        ctx.r.ecs.tasks.remove(arn);
    }
}

pub fn event(ctx: &mut Ctx<'_>, arn: &str, text: &str) {
    let event = Event { id: ctx.ids.uuid(), at_ms: ctx.now, message: String::new() };
    if let Some(service) = ctx.r.ecs.services.get_mut(arn) {
        let message = format!("(service {}) {text}", service.name);
        service.events.insert(0, Event { message, ..event });
        service.events.truncate(100);
    }
}

/// The same event is not repeated for each attempt.
fn event_once(ctx: &mut Ctx<'_>, arn: &str, text: &str) {
    let last = ctx.r.ecs.services.get(arn).and_then(|service| service.events.first());
    if !last.is_some_and(|event| event.message.ends_with(text)) {
        event(ctx, arn, text);
    }
}
