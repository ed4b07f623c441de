//! Removing an application, in the order in which AWS lets go of its parts. It works from the minted names alone.

use std::collections::BTreeMap;

use cloudark_sdk::prelude::*;

use super::names::Names;
use super::{load_balancer, log_group, parameter, ports, role, service, target_group, task_definition};
use crate::foundation;

/// Remove everything that was made for it. `cluster` is the ARN, where there is, or was, a cluster;
/// `revision` the one that serves, 0 where none ever did.
pub fn undeploy(ctx: &Context, cluster: Option<&str>, revision: u32, minted: &BTreeMap<String, String>) -> Result<()> {
    let names = Names::of(ctx)?;
    if let Some(cluster) = cluster {
        service::remove(ctx, cluster, &names.service)?;
    }
    progress!("removing the load balancer");
    load_balancer::remove(ctx, &names.balancer)?;
    target_group::remove(ctx, &names.targets)?;
    if let (Some(cluster), true) = (cluster, ctx.has_foundation()) {
        ports::close_unused(ctx, &ctx.foundation::<foundation::State>()?.groups, cluster)?;
    }
    progress!("removing definitions, secrets and logs");
    task_definition::remove(ctx, &names.family)?;
    for name in parameter::minted(minted, revision) {
        parameter::remove(ctx, name)?;
    }
    role::remove(ctx, &names.role)?;
    log_group::remove(ctx, &names.log_group)
}
