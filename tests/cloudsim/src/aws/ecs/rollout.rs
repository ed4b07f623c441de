//! How a deployment ends: it completes, or the circuit breaker gives it up and goes back.

use super::{
    Service,
    scheduler::{event, own},
    services::Rollout,
    tasks,
    watch::is_healthy,
};
use crate::{aws::Ctx, life::Ripening};

/// Gives up a deployment whose tasks keep failing, and goes back where there is something to go back to.
pub fn break_circuit(ctx: &mut Ctx<'_>, arn: &str) {
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
    let back = service.deployments.iter().skip(1).position(|d| Some(&d.definition) == good.as_ref()).map(|at| at + 1);
    let mut rolled = None;
    if let Some(at) = back {
        let mut old = service.deployments.remove(at);
        old.rollout = Rollout::InProgress;
        old.reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", old.id);
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

/// Stops the tasks of older deployments: once the PRIMARY one serves, or, of failed ones, at once.
pub fn replace(ctx: &mut Ctx<'_>, arn: &str) {
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    let Some(primary) = service.deployments.first() else {
        return;
    };
    let serving = own(ctx, &service, |task| task.deployment == primary.id && task.is_running() && task.is_wanted());
    let ready = serving.iter().filter(|task| is_healthy(ctx, &service, task)).count() >= service.desired;
    for old in service.deployments.iter().skip(1).filter(|old| ready || old.rollout == Rollout::Failed) {
        let leaving = own(ctx, &service, |task| task.deployment == old.id && task.is_wanted());
        for task in &leaving {
            tasks::stop(ctx, task, "ServiceSchedulerInitiated", "Scaling activity initiated by deployment");
        }
        if !leaving.is_empty() {
            event(ctx, arn, &format!("has stopped {} running tasks.", leaving.len()));
        }
    }
}

/// Finishes a deployment, and forgets the older ones when their last task has stopped.
pub fn settle(ctx: &mut Ctx<'_>, arn: &str) {
    let now = ctx.now;
    let Some(service) = ctx.r.ecs.services.get(arn).cloned() else {
        return;
    };
    let Some(primary) = service.deployments.first() else {
        return;
    };
    let over = over(ctx, &service);
    let mine = own(ctx, &service, |task| task.deployment == primary.id && task.is_wanted());
    let serving = mine
        .iter()
        .filter(|arn| ctx.r.ecs.tasks.get(*arn).is_some_and(super::Task::is_running) && is_healthy(ctx, &service, arn))
        .count();
    let Some(live) = ctx.r.ecs.services.get_mut(arn) else {
        return;
    };
    let alone = live.deployments.iter().skip(1).all(|old| over.contains(&old.id));
    if serving != service.desired || mine.len() != service.desired || !alone {
        live.steady = false;
        return;
    }
    live.deployments.retain(|deployment| !over.contains(&deployment.id));
    let mut completed = None;
    if let Some(primary) = live.deployments.first_mut().filter(|primary| primary.rollout == Rollout::InProgress) {
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
        event(ctx, arn, &format!("(deployment {id}) deployment completed."));
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
        let live = ctx.r.ecs.services.get_mut(&service.arn).and_then(|live| live.deployments.get_mut(n));
        let fading = live.and_then(|live| live.fading.as_mut());
        let shown = fading.is_none_or(|state| state.poll(config.polls_until_ready, config, now));
        let tasks = own(ctx, service, |task| task.deployment == old.id && !task.is_stopped());
        if shown && tasks.is_empty() {
            over.push(old.id.clone());
        }
    }
    over
}
