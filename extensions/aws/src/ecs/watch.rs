//! Watching a deployment until it serves, or will not.

use cloudark_sdk::aws::{self, Json, Query};
use cloudark_sdk::prelude::*;

use super::rollout::{self, Rollout};
use super::service::{self, Service};
use super::{diagnosis, target_group};

/// How long ECS may need to show a deployment that it was asked for.
const SEEN_WITHIN_MINUTES: u64 = 5;
/// How long a deployment may take: three tasks that each fail their health checks after the grace period, and
/// some more.
const UP_WITHIN_MINUTES: u64 = 30;
/// How long targets may take to be healthy after their tasks are.
const HEALTHY_WITHIN_MINUTES: u64 = 10;

/// What is watched.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The cluster's ARN.
    pub cluster: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The target group's ARN.
    pub target_group: &'a str,
    /// The ARN of the task definition that is to serve.
    pub definition: &'a str,
    /// How many tasks.
    pub replicas: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It serves.
    Serves,
    /// It will not.
    Failed {
        /// Why, in a few words.
        reason: String,
        /// The ARN of an older task definition that serves instead.
        serving: Option<String>,
    },
}

/// Watch a deployment to its end.
pub fn until_it_serves(ctx: &Context, watched: &Watched<'_>) -> Result<Outcome> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    let seen = wait::until(every(5.seconds()), at_most(SEEN_WITHIN_MINUTES.minutes()), || match look(&ecs, watched)? {
        Rollout::Unseen => pending("ECS does not show the deployment yet"),
        other => ready(other),
    });
    match or_expired(seen)? {
        Ok(Rollout::Failed { reason, serving }) => return Ok(Outcome::Failed { reason, serving }),
        Ok(_) => {}
        // Another definition is primary, and stays it.
        Err(reason) => {
            return Ok(Outcome::Failed { reason, serving: primary(&ecs, watched)? });
        }
    }
    let up = wait::until(every(10.seconds()), at_most(UP_WITHIN_MINUTES.minutes()), || match look(&ecs, watched)? {
        Rollout::Going(note) => pending(note),
        Rollout::Unseen => ready(Outcome::Failed {
            reason: "ECS has replaced the deployment by another".to_owned(),
            serving: primary(&ecs, watched)?,
        }),
        Rollout::Complete => ready(Outcome::Serves),
        Rollout::Failed { reason, serving } => ready(Outcome::Failed { reason, serving }),
    });
    match or_expired(up)? {
        Ok(Outcome::Serves) => healthy(ctx, watched),
        Ok(failed) => Ok(failed),
        Err(reason) => Ok(Outcome::Failed { reason, serving: None }),
    }
}

/// Wait until the load balancer reaches the tasks.
fn healthy(ctx: &Context, watched: &Watched<'_>) -> Result<Outcome> {
    if watched.replicas == 0 {
        return Ok(Outcome::Serves);
    }
    let elb = Query::new(ctx, &aws::ELB)?;
    let healthy = wait::until(every(5.seconds()), at_most(HEALTHY_WITHIN_MINUTES.minutes()), || {
        match target_group::judge(&target_group::health(&elb, watched.target_group)?) {
            Ok(()) => ready(()),
            Err(note) => pending(note),
        }
    });
    Ok(match or_expired(healthy)? {
        Ok(()) => Outcome::Serves,
        Err(reason) => Outcome::Failed { reason, serving: None },
    })
}

fn look(ecs: &Json, watched: &Watched<'_>) -> Result<Rollout> {
    let Some(service) = service::find(ecs, watched.cluster, watched.service)? else {
        return Ok(Rollout::Unseen);
    };
    let stopped = match rollout::judge(&service, watched.definition, 0) {
        Rollout::Going(_) => stopped(ecs, watched)?,
        decided => return Ok(decided),
    };
    Ok(rollout::judge(&service, watched.definition, stopped))
}

/// How many tasks of the deployment have stopped by themselves.
fn stopped(ecs: &Json, watched: &Watched<'_>) -> Result<u32> {
    let tasks = diagnosis::stopped_tasks(ecs, watched.cluster, watched.service)?;
    let ours = tasks.iter().filter(|task| task.task_definition_arn == watched.definition && task.stopped_by_itself());
    Ok(u32::try_from(ours.count()).unwrap_or(u32::MAX))
}

/// The task definition of the primary deployment, if it has running tasks.
fn primary(ecs: &Json, watched: &Watched<'_>) -> Result<Option<String>> {
    let service: Option<Service> = service::find(ecs, watched.cluster, watched.service)?;
    let primary = service.into_iter().flat_map(|service| service.deployments).find(service::Deployment::is_primary);
    Ok(primary.filter(|primary| primary.running > 0).map(|primary| primary.task_definition))
}

/// A wait that ran past its deadline is an outcome here: its last note.
fn or_expired<T>(waited: Result<T>) -> Result<Result<T, String>> {
    match waited {
        Err(failure) if failure.kind == FailureKind::Expired => Ok(Err(failure.message)),
        Err(failure) => Err(failure),
        Ok(done) => Ok(Ok(done)),
    }
}
