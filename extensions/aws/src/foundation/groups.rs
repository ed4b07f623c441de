//! The security groups of an environment.

use cloudark_sdk::aws::{self, Query};
use cloudark_sdk::names::Rules;
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use super::Needs;
use crate::security_group::{self, Group, Ingress};

/// The groups that were needed, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// Of load balancers.
    pub balancers: Option<String>,
    /// Of tasks.
    pub tasks: Option<String>,
    /// Of databases.
    pub data: Option<String>,
}

impl Groups {
    /// How many there are.
    pub fn count(&self) -> usize {
        [&self.balancers, &self.tasks, &self.data].into_iter().flatten().count()
    }
}

const BALANCERS: &str = "balancers";
const TASKS: &str = "tasks";
const DATA: &str = "data";

/// At most 255 characters, and it must not begin with `sg-`.
const NAME: Rules = Rules::DNS_LABEL.prefix("cloudark-");

/// Make what is needed, and give the databases' group its rules. A group that is not needed any more stays until the
/// environment goes, and admits nobody.
pub(super) fn ensure(ctx: &Context, vpc: &str, needs: &Needs, current: Option<&Groups>) -> Result<Groups> {
    let make = |label: &str, whose: &str| -> Result<Group> {
        let name = ctx.name(label, NAME)?;
        security_group::ensure(ctx, &name, vpc, &description(&ctx.environment, whose))
    };
    let mut groups = current.cloned().unwrap_or_default();
    if needs.applications {
        groups.balancers = Some(make(BALANCERS, "load balancers")?.id);
        groups.tasks = Some(make(TASKS, "tasks")?.id);
    }
    if !needs.database_ports.is_empty() || groups.data.is_some() {
        let data = make(DATA, "databases")?;
        security_group::reconcile(ctx, &data, &data_rules(needs, groups.tasks.as_deref()))?;
        groups.data = Some(data.id);
    }
    Ok(groups)
}

/// Only tasks reach the databases, and only at their ports.
fn data_rules(needs: &Needs, tasks: Option<&str>) -> Vec<Ingress> {
    let of_tasks = |tasks| needs.database_ports.iter().map(move |port| Ingress::from_group(*port, tasks));
    tasks.into_iter().flat_map(of_tasks).collect()
}

/// AWS takes letters, digits, spaces and a few signs in a description.
fn description(environment: &str, whose: &str) -> String {
    format!("CloudARK environment {environment}: {whose}")
}

/// Remove them, those that refer to others first.
pub(super) fn remove(ctx: &Context) -> Result<()> {
    for label in [DATA, TASKS, BALANCERS] {
        security_group::remove(ctx, &ctx.name(label, NAME)?)?;
    }
    Ok(())
}

/// Keep the databases' group, but let nothing in by it any more; remove the others.
pub(super) fn close(ctx: &Context) -> Result<()> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    if let Some(data) = security_group::find(ctx, &ec2, &ctx.name(DATA, NAME)?, None)? {
        security_group::reconcile(ctx, &data, &[])?;
    }
    for label in [TASKS, BALANCERS] {
        security_group::remove(ctx, &ctx.name(label, NAME)?)?;
    }
    Ok(())
}
