//! Running an application for the first time.

use cloudark_sdk::aws::{self, Json};
use cloudark_sdk::prelude::*;

use super::names::Names;
use super::revision::{self, Revision};
use super::service;
use super::wanted::Wanted;
use super::watch::{self, Outcome, Watched};
use super::{Deployed, diagnosis, load_balancer, log_group, ports, target_group};
use crate::{foundation, presence};

/// Run it; done when it serves.
pub fn deploy(ctx: &Context, cluster: &str, app: &Application) -> Result<Deployment<Deployed>> {
    let wanted = Wanted::of(app)?;
    let names = Names::of(ctx)?;
    let foundation: foundation::State = ctx.foundation()?;
    let (balancers, tasks) = ports::both(ctx, &foundation.groups)?;
    let subnets = foundation.network()?.two_subnet_ids();

    progress!("each task gets {}", wanted.size_words(app));
    log_group::ensure(ctx, &names.log_group)?;
    let revision = revision::write(ctx, &names, app, &wanted, 1, &[])?;

    progress!("making the load balancer");
    let balancer = load_balancer::ensure(ctx, &names.balancer, &subnets, balancers)?;
    let targets =
        target_group::ensure(ctx, &names.targets, &foundation.network()?.vpc, wanted.container_port, &wanted.check)?;
    let balancer = load_balancer::active(ctx, &names.balancer).doing(format!("waiting for {}", balancer.arn))?;
    load_balancer::listen(ctx, &balancer.arn, wanted.host_port, &targets.arn)?;
    ports::open(ctx, &foundation.groups, wanted.host_port, wanted.container_port)?;

    progress!("starting {}", app.image);
    let asked = service::Wanted {
        name: &names.service,
        cluster,
        task_definition: &revision.definition,
        target_group: &targets.arn,
        container_port: wanted.container_port,
        replicas: wanted.replicas,
        grace: wanted.check.grace,
        subnets: &subnets,
        group: tasks,
    };
    start(ctx, &asked)?;

    let watched = Watched {
        cluster,
        service: &names.service,
        target_group: &targets.arn,
        definition: &revision.definition,
        replicas: wanted.replicas,
    };
    if let Outcome::Failed { reason, .. } = watch::until_it_serves(ctx, &watched)? {
        let why = why(ctx, &watched, &names.log_group)?;
        fail!(permanent, "{} did not come up on ECS: {reason}. {why}", app.image);
    }
    Ok(describe(ctx, cluster, &names, app, &wanted, 1, revision, &balancer.host, &targets.arn))
}

/// Make the service, as soon as ECS can assume the execution role: new roles take some seconds to be known.
fn start(ctx: &Context, asked: &service::Wanted<'_>) -> Result<()> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    wait::until(every(5.seconds()), at_most(5.minutes()), || {
        let made = presence::ensure(
            "service",
            || service::find_ours(ctx, &ecs, asked.cluster, asked.name),
            || service::create(ctx, &ecs, asked),
        );
        match made {
            Err(failure) if failure.message.contains("assume") => pending("AWS is making the role known"),
            made => ready(made?),
        }
    })
}

/// What ECS, the load balancer and the containers say about a deployment that did not come up.
pub fn why(ctx: &Context, watched: &Watched<'_>, log_group: &str) -> Result<String> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    let service = service::find(&ecs, watched.cluster, watched.service)?.unwrap_or_default();
    diagnosis::of(
        ctx,
        &diagnosis::Patient {
            cluster: watched.cluster,
            service: &service,
            definition: watched.definition,
            target_group: watched.target_group,
            log_group,
        },
    )
}

/// What is recorded of an application that serves.
#[allow(clippy::too_many_arguments)]
pub fn describe(
    ctx: &Context,
    cluster: &str,
    names: &Names,
    app: &Application,
    wanted: &Wanted,
    number: u32,
    revision: Revision,
    host: &str,
    target_group: &str,
) -> Deployment<Deployed> {
    let url = match wanted.host_port {
        80 => format!("http://{host}"),
        port => format!("http://{host}:{port}"),
    };
    let tasks = if wanted.replicas == 1 { "1 task".to_owned() } else { format!("{} tasks", wanted.replicas) };
    Deployment::new(&names.service)
        .url(url)
        .output("Environment", &ctx.environment)
        .output("Host", host)
        .output("Image", &app.image)
        .summary(format!("{tasks} with {}", wanted.size_words(app)))
        .state(Deployed {
            cluster: cluster.to_owned(),
            service: names.service.clone(),
            log_group: names.log_group.clone(),
            target_group: target_group.to_owned(),
            host: host.to_owned(),
            revision: number,
            task_definition: revision.definition,
            parameters: revision.parameters,
            image: app.image.clone(),
            host_port: wanted.host_port,
            container_port: wanted.container_port,
            replicas: wanted.replicas,
            check: wanted.check.clone(),
        })
}
