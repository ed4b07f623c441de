//! The ports that the environment's security groups open: exactly those of the applications that there are.
//!
//! Two applications may use the same port, so a rule cannot simply go with one of them. What is open is compared
//! with what the services of the cluster need instead: after a deploy, and after a delete.

use std::collections::BTreeSet;

use cloudark_sdk::aws::{self, Json, Query};
use cloudark_sdk::prelude::*;

use super::{load_balancer, service, target_group};
use crate::foundation::Groups;
use crate::security_group::{self, Ingress};

/// The ports in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// Of load balancers.
    pub balancers: BTreeSet<u16>,
    /// Of containers.
    pub containers: BTreeSet<u16>,
}

/// The ports that the services of a cluster, and the load balancers before them, use.
fn in_use(ctx: &Context, cluster: &str) -> Result<Ports> {
    let (ecs, elb) = (Json::new(ctx, &aws::ECS)?, Query::new(ctx, &aws::ELB)?);
    let mut ports = Ports::default();
    let mut target_groups: Vec<String> = Vec::new();
    for attachment in service::of_cluster(&ecs, cluster)?.into_iter().flat_map(|service| service.load_balancers) {
        ports.containers.insert(attachment.container_port);
        target_groups.push(attachment.target_group_arn);
    }
    for target_group in target_groups {
        for group in target_group::with_arns(&elb, &[target_group])? {
            for balancer in &group.load_balancers.items {
                let listeners = load_balancer::listeners(&elb, balancer)?;
                ports.balancers.extend(listeners.into_iter().map(|listener| listener.port));
            }
        }
    }
    Ok(ports)
}

/// Open these ports too.
pub fn open(ctx: &Context, groups: &Groups, host_port: u16, container_port: u16) -> Result<()> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    let (balancers, tasks) = both(ctx, groups)?;
    require(ctx, &ec2, balancers)?;
    require(ctx, &ec2, tasks)?;
    security_group::authorise(&ec2, balancers, &Ingress::from_anywhere(host_port))?;
    security_group::authorise(&ec2, tasks, &Ingress::from_group(container_port, balancers))
}

/// Close what nothing uses any more.
pub fn close_unused(ctx: &Context, groups: &Groups, cluster: &str) -> Result<()> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    let (Some(balancers), Some(tasks)) = (&groups.balancers, &groups.tasks) else {
        return Ok(());
    };
    let used = in_use(ctx, cluster)?;
    for (group, needed) in [
        (balancers, used.balancers.iter().map(|port| Ingress::from_anywhere(*port)).collect::<Vec<_>>()),
        (tasks, used.containers.iter().map(|port| Ingress::from_group(*port, balancers)).collect()),
    ] {
        let Some(found) = security_group::with_id(&ec2, group)? else {
            continue;
        };
        for rule in found.ingress().iter().filter(|rule| !needed.contains(rule)) {
            security_group::revoke(&ec2, group, rule)?;
        }
    }
    Ok(())
}

/// The two groups that applications need.
pub fn both<'a>(ctx: &Context, groups: &'a Groups) -> Result<(&'a str, &'a str)> {
    match (&groups.balancers, &groups.tasks) {
        (Some(balancers), Some(tasks)) => Ok((balancers, tasks)),
        _ => fail!(
            permanent,
            "the foundation of {} has no groups for applications: update the environment",
            ctx.environment
        ),
    }
}

/// The group must be there: whoever deletes one by hand gets to know what to do.
fn require(ctx: &Context, ec2: &Query, group: &str) -> Result<()> {
    if security_group::with_id(ec2, group)?.is_none() {
        fail!(
            not_found,
            "security group {group} of environment {} is gone: `cld env update` makes it again",
            ctx.environment
        );
    }
    Ok(())
}
