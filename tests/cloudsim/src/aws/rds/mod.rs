//! RDS: database instances, subnet groups, snapshots, and what can be ordered.

mod catalog;
mod checks;
pub mod instances;
mod placement;
mod snapshots;
mod subnets;
mod tags;
mod view;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Ctx, Lister, ec2::thing, error::Answer, params::Params, service::Service, unknown_action};
pub use instances::{Database, Status};
pub use snapshots::Snapshot;
pub use subnets::SubnetGroup;

/// What RDS knows in a region, by identifier.
#[derive(Default, Serialize)]
pub struct Rds {
    pub databases: BTreeMap<String, Database>,
    pub subnet_groups: BTreeMap<String, SubnetGroup>,
    pub snapshots: BTreeMap<String, Snapshot>,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateDBSubnetGroup" => subnets::create(ctx, p),
        "DescribeDBSubnetGroups" => subnets::describe(ctx, p),
        "ModifyDBSubnetGroup" => subnets::modify(ctx, p),
        "DeleteDBSubnetGroup" => subnets::delete(ctx, p),
        "CreateDBInstance" => instances::create(ctx, p),
        "DescribeDBInstances" => instances::describe(ctx, p),
        "ModifyDBInstance" => instances::modify(ctx, p),
        "DeleteDBInstance" => instances::delete(ctx, p),
        "DescribeDBSnapshots" => snapshots::describe(ctx, p),
        "DeleteDBSnapshot" => snapshots::delete(ctx, p),
        "DescribeOrderableDBInstanceOptions" => catalog::orderable(ctx, p),
        "DescribeDBEngineVersions" => catalog::versions(ctx, p),
        "AddTagsToResource" => tags::add(ctx, p),
        "RemoveTagsFromResource" => tags::remove(ctx, p),
        "ListTagsForResource" => tags::list(ctx, p),
        _ => Err(unknown_action(ctx, Service::Rds, action)),
    }
}

impl Rds {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for database in self.databases.values() {
            let shown = thing(&database.arn, &database.id, &database.tags, &database.birth);
            list.add("rds", "db-instance", shown, |item| item.state = database.status.name().to_owned());
        }
        for group in self.subnet_groups.values() {
            let shown = thing(&group.arn, &group.name, &group.tags, &group.birth);
            list.add("rds", "db-subnet-group", shown, |_| {});
        }
        for snapshot in self.snapshots.values() {
            let shown = thing(&snapshot.arn, &snapshot.id, &snapshot.tags, &snapshot.birth);
            list.add("rds", "db-snapshot", shown, |item| {
                item.lingering = true;
                item.state = snapshot.status().to_owned();
            });
        }
    }
}
