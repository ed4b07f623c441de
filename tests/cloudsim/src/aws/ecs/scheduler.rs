//! What services do by themselves, one step for each look at them: start tasks, watch their health, finish a deployment,
//! give one up, roll one back, drain.

use super::{
    ServiceStatus, Stage, launch,
    services::{Event, Rollout, Service},
    tasks,
};
use crate::{
    aws::{Ctx, elb::health},
    life::Ripening,
};

/// Stopped tasks that are remembered for each service.
const REMEMBERED: usize = 10;
/// Rounds of failed health checks before a task is replaced.
const PATIENCE: u32 = 2;

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

fn own(ctx: &Ctx<'_>, service: &Service, of: impl Fn(&super::Task) -> bool) -> Vec<String> {
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
            Stage::Pending(state) => {
                state.poll(config.polls_until_ready.saturating_sub(1), config, now)
            }
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
                task.containers
                    .iter_mut()
                    .for_each(|container| container.exit = exits);
                tasks::stop(
                    ctx,
                    &arn,
                    "EssentialContainerExited",
                    "Essential container in task exited",
                );
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
fn count_failure(ctx: &mut Ctx<'_>, service: &str, task: &str) {
    let now = ctx.now;
    let deployment = ctx
        .r
        .ecs
        .tasks
        .get(task)
        .map(|task| task.deployment.clone());
    let Some(service) = ctx.r.ecs.services.get_mut(service) else {
        return;
    };
    let mut failures = 0;
    for d in service
        .deployments
        .iter_mut()
        .filter(|d| Some(&d.id) == deployment.as_ref())
    {
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

/// Replaces tasks whose targets stay unhealthy.
fn watch_health(ctx: &mut Ctx<'_>, service: &Service) {
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
                &format!(
                    "(port {port}) is unhealthy in (target-group {group}) due to (reason {health})."
                ),
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
    health
        .into_iter()
        .find(|(_, _, state, _)| *state == "unhealthy")
        .map(|(group, port, _, why)| (group, port, why))
}

/// Group, port, state and description of each of a task's targets.
fn targets(
    ctx: &Ctx<'_>,
    service: &Service,
    task: &str,
) -> Vec<(String, i64, &'static str, String)> {
    let interface = ctx
        .r
        .ecs
        .tasks
        .get(task)
        .and_then(|task| task.interface.as_ref());
    let Some(ip) = interface
        .and_then(|id| ctx.r.ec2.interfaces.get(id))
        .map(|eni| eni.ip.to_string())
    else {
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

fn is_healthy(ctx: &Ctx<'_>, service: &Service, task: &str) -> bool {
    let targets = targets(ctx, service, task);
    targets.len() >= service.balancers.len()
        && targets.iter().all(|(_, _, state, _)| *state == "healthy")
}

/// Gives up a deployment whose tasks keep failing, and goes back where there is something to go back to.
fn break_circuit(ctx: &mut Ctx<'_>, arn: &str) {
    let now = ctx.now;
    let Some(service) = ctx.r.ecs.services.get_mut(arn) else {
        return;
    };
    let threshold = service.desired.div_ceil(2).clamp(3, 200);
    let (enabled, rollback) = (service.breaker.enable, service.breaker.rollback);
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    if !enabled || primary.rollout != Rollout::InProgress || primary.failed < threshold {
        return;
    }
    primary.rollout = Rollout::Failed;
    primary.fading = Some(Ripening::from(now));
    primary.reason = "ECS deployment circuit breaker: tasks failed to start.".into();
    primary.updated_ms = now;
    let failed = primary.id.clone();
    // What completed last is still there as an older deployment, with its tasks.
    let good = service.last_good.clone().filter(|_| rollback);
    let back = service
        .deployments
        .iter()
        .skip(1)
        .position(|d| Some(&d.definition) == good.as_ref())
        .map(|at| at + 1);
    let mut rolled = None;
    if let Some(at) = back {
        let mut old = service.deployments.remove(at);
        old.rollout = Rollout::InProgress;
        old.reason = format!(
            "ECS deployment circuit breaker: rolling back to deploymentId {}.",
            old.id
        );
        old.updated_ms = now;
        rolled = Some(old.id.clone());
        service.deployments.insert(0, old);
    }
    let text = format!("(deployment {failed}) deployment failed: tasks failed to start.");
    event(ctx, arn, &text);
    if let Some(id) = rolled {
        event(ctx, arn, &format!("rolling back to deployment {id}."));
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
    let mine = own(ctx, &service, |task| {
        task.deployment == primary.id && task.is_wanted()
    });
    let mut started = 0;
    for n in mine.len()..service.desired {
        match launch::launch(ctx, &service, &primary, n) {
            Ok(()) => started += 1,
            Err(reason) => {
                event_once(
                    ctx,
                    arn,
                    &format!("failed to launch a task with (error {reason})."),
                );
                if let Some(d) = ctx
                    .r
                    .ecs
                    .services
                    .get_mut(arn)
                    .and_then(|s| s.deployments.first_mut())
                {
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
        tasks::stop(
            ctx,
            task,
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by deployment",
        );
    }
}

/// Stops the tasks of older deployments: once the PRIMARY one serves, or, of failed ones, at once.
fn replace(ctx: &mut Ctx<'_>, arn: &str) {
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    let Some(primary) = service.deployments.first() else {
        return;
    };
    let serving = own(ctx, &service, |task| {
        task.deployment == primary.id && task.is_running() && task.is_wanted()
    });
    let ready = serving
        .iter()
        .filter(|task| is_healthy(ctx, &service, task))
        .count()
        >= service.desired;
    for old in service
        .deployments
        .iter()
        .skip(1)
        .filter(|old| ready || old.rollout == Rollout::Failed)
    {
        let leaving = own(ctx, &service, |task| {
            task.deployment == old.id && task.is_wanted()
        });
        for task in &leaving {
            tasks::stop(
                ctx,
                task,
                "ServiceSchedulerInitiated",
                "Scaling activity initiated by deployment",
            );
        }
        if !leaving.is_empty() {
            event(
                ctx,
                arn,
                &format!("has stopped {} running tasks.", leaving.len()),
            );
        }
    }
}

/// Finishes a deployment, and forgets the older ones when their last task has stopped.
fn settle(ctx: &mut Ctx<'_>, arn: &str) {
    let now = ctx.now;
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    let Some(primary) = service.deployments.first() else {
        return;
    };
    let over = over(ctx, &service);
    let mine = own(ctx, &service, |task| {
        task.deployment == primary.id && task.is_wanted()
    });
    let serving = mine
        .iter()
        .filter(|arn| {
            ctx.r
                .ecs
                .tasks
                .get(*arn)
                .is_some_and(super::Task::is_running)
                && is_healthy(ctx, &service, arn)
        })
        .count();
    let Some(live) = ctx.r.ecs.services.get_mut(arn) else {
        return;
    };
    let alone = live
        .deployments
        .iter()
        .skip(1)
        .all(|old| over.contains(&old.id));
    if serving != service.desired || mine.len() != service.desired || !alone {
        live.steady = false;
        return;
    }
    live.deployments
        .retain(|deployment| !over.contains(&deployment.id));
    let mut completed = None;
    if let Some(primary) = live
        .deployments
        .first_mut()
        .filter(|primary| primary.rollout == Rollout::InProgress)
    {
        primary.rollout = Rollout::Completed;
        if !primary.reason.contains("rolling back") {
            primary.reason = format!("ECS deployment {} completed.", primary.id);
        }
        primary.updated_ms = now;
        live.last_good = Some(primary.definition.clone());
        completed = Some(primary.id.clone());
    }
    let steady = std::mem::replace(&mut live.steady, true);
    if let Some(id) = completed {
        event(
            ctx,
            arn,
            &format!("(deployment {id}) deployment completed."),
        );
    }
    if !steady {
        event(ctx, arn, "has reached a steady state.");
    }
}

/// The older deployments that can be forgotten: none of their tasks is left, and failed ones were shown for a while.
fn over(ctx: &mut Ctx<'_>, service: &Service) -> Vec<String> {
    let (config, now) = (ctx.config, ctx.now);
    let mut over = Vec::new();
    for (n, old) in service.deployments.iter().enumerate().skip(1) {
        let live = ctx
            .r
            .ecs
            .services
            .get_mut(&service.arn)
            .and_then(|live| live.deployments.get_mut(n));
        let fading = live.and_then(|live| live.fading.as_mut());
        let shown = fading.is_none_or(|state| state.poll(config.polls_until_ready, config, now));
        let tasks = own(ctx, service, |task| {
            task.deployment == old.id && !task.is_stopped()
        });
        if shown && tasks.is_empty() {
            over.push(old.id.clone());
        }
    }
    over
}

/// A deleted service: its tasks stop, and then it is INACTIVE.
pub fn drain(ctx: &mut Ctx<'_>, arn: &str) {
    let (config, now) = (ctx.config, ctx.now);
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    for task in own(ctx, &service, super::Task::is_wanted) {
        tasks::stop(
            ctx,
            &task,
            "ServiceSchedulerInitiated",
            "Task stopped by (deployment deletion)",
        );
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

fn event(ctx: &mut Ctx<'_>, arn: &str, text: &str) {
    let event = Event {
        id: ctx.ids.uuid(),
        at_ms: ctx.now,
        message: String::new(),
    };
    if let Some(service) = ctx.r.ecs.services.get_mut(arn) {
        let message = format!("(service {}) {text}", service.name);
        service.events.insert(0, Event { message, ..event });
        service.events.truncate(100);
    }
}

/// The same event is not repeated for each attempt.
fn event_once(ctx: &mut Ctx<'_>, arn: &str, text: &str) {
    let last = ctx
        .r
        .ecs
        .services
        .get(arn)
        .and_then(|service| service.events.first());
    if !last.is_some_and(|event| event.message.ends_with(text)) {
        event(ctx, arn, text);
    }
}
