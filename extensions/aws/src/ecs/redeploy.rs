//! Replacing what runs by a new version, task by task. When the new one does not come up, the old one goes on.

use cloudark_sdk::aws::{self, Json};
use cloudark_sdk::prelude::*;
use serde_json::{Value, json};

use super::deploy::{describe, why};
use super::names::Names;
use super::revision::{self, Revision};
use super::wanted::Wanted;
use super::watch::{self, Outcome, Watched};
use super::{Deployed, load_balancer, ports, service, target_group};
use crate::foundation;

/// Replace it; done when the new version serves alone.
pub fn redeploy(
    ctx: &Context,
    cluster: &str,
    current: &Deployment<Deployed>,
    app: &Application,
) -> Result<Deployment<Deployed>> {
    let (old, wanted, names) = (&current.state, Wanted::of(app)?, Names::of(ctx)?);
    let foundation: foundation::State = ctx.foundation()?;
    let number = old.revision + 1;

    progress!("each task gets {}", wanted.size_words(app));
    let revision = revision::write(ctx, &names, app, &wanted, number, &old.parameters)?;
    if wanted.check != old.check {
        target_group::check_like(ctx, &old.target_group, &wanted.check)?;
    }
    ports::open(ctx, &foundation.groups, wanted.host_port, wanted.container_port)?;

    progress!("replacing {} by {}", old.image, app.image);
    let ecs = Json::new(ctx, &aws::ECS)?;
    if service::find_ours(ctx, &ecs, cluster, &old.service)?.is_none() {
        fail!(not_found, "the service {:?} is gone: delete the application and deploy it again", old.service);
    }
    service::update(
        &ecs,
        cluster,
        &old.service,
        changes(&revision.definition, wanted.replicas, wanted.check.grace, old, wanted.container_port),
    )?;
    let watched = Watched {
        cluster,
        service: &old.service,
        target_group: &old.target_group,
        definition: &revision.definition,
        replicas: wanted.replicas,
    };
    if let Outcome::Failed { reason, .. } = watch::until_it_serves(ctx, &watched)? {
        let why = why(ctx, &watched, &old.log_group)?;
        let back = roll_back(ctx, cluster, old, &watched, wanted.check != old.check)?;
        clean_up_after_failure(ctx, cluster, &names, old, &revision, &foundation)?;
        fail!(permanent, "{} did not come up on ECS: {reason}. {back} {why}", app.image);
    }

    progress!("removing the old version");
    let balancer = load_balancer::active(ctx, &names.balancer)?;
    load_balancer::listen(ctx, &balancer.arn, wanted.host_port, &old.target_group)?;
    ports::close_unused(ctx, &foundation.groups, cluster)?;
    revision::keep_only(ctx, &names, &app.image, &revision, &old.parameters)?;
    Ok(describe(ctx, cluster, &names, app, &wanted, number, revision, &balancer.host, &old.target_group))
}

/// The fields of UpdateService. What is behind the target group is named only where it changes from the record:
/// with it, every update would be a new deployment.
fn changes(definition: &str, replicas: u32, grace: u32, old: &Deployed, container_port: u16) -> Value {
    let mut changes = json!({
        "taskDefinition": definition,
        "desiredCount": replicas,
        "healthCheckGracePeriodSeconds": grace,
    });
    if let (true, Value::Object(fields)) = (container_port != old.container_port, &mut changes) {
        fields.insert("loadBalancers".to_owned(), service::attachments(&old.target_group, container_port));
    }
    changes
}

/// Get back to the old version, where ECS has not done it by itself. Answers whether it serves.
fn roll_back(ctx: &Context, cluster: &str, old: &Deployed, new: &Watched<'_>, check_changed: bool) -> Result<String> {
    progress!("going back to {}", old.image);
    let ecs = Json::new(ctx, &aws::ECS)?;
    if check_changed {
        target_group::check_like(ctx, &old.target_group, &old.check)?;
    }
    // The circuit breaker restores the definition, not how many tasks there should be.
    let back = changes(&old.task_definition, old.replicas, old.check.grace, old, old.container_port);
    service::update(&ecs, cluster, &old.service, back)?;
    let watched = Watched { definition: &old.task_definition, replicas: old.replicas, ..*new };
    Ok(match watch::until_it_serves(ctx, &watched)? {
        Outcome::Serves => format!("The old version, {}, still serves.", old.image),
        Outcome::Failed { reason, .. } => format!("The old version, {}, does not serve either: {reason}.", old.image),
    })
}

/// Remove what the failed version left.
fn clean_up_after_failure(
    ctx: &Context,
    cluster: &str,
    names: &Names,
    old: &Deployed,
    failed: &Revision,
    foundation: &foundation::State,
) -> Result<()> {
    ports::close_unused(ctx, &foundation.groups, cluster)?;
    let kept = Revision { definition: old.task_definition.clone(), parameters: old.parameters.clone() };
    revision::keep_only(ctx, names, &old.image, &kept, &failed.parameters)
}
