//! ElastiCache: replication groups of Redis and Valkey, and the subnet groups that they stand in.

mod checks;
pub mod groups;
mod snapshots;
mod subnets;
mod tags;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Ctx, Lister, ec2::thing, error::Answer, params::Params, service::Service, unknown_action};
pub use groups::ReplicationGroup;
pub use snapshots::Snapshot;
pub use subnets::SubnetGroup;

/// What ElastiCache knows in a region, by name.
#[derive(Default, Serialize)]
pub struct Elasticache {
    pub groups: BTreeMap<String, ReplicationGroup>,
    pub subnet_groups: BTreeMap<String, SubnetGroup>,
    pub snapshots: BTreeMap<String, Snapshot>,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateCacheSubnetGroup" => subnets::create(ctx, p),
        "DescribeCacheSubnetGroups" => subnets::describe(ctx, p),
        "DeleteCacheSubnetGroup" => subnets::delete(ctx, p),
        "CreateReplicationGroup" => groups::create(ctx, p),
        "DescribeReplicationGroups" => groups::describe(ctx, p),
        "DescribeCacheClusters" => groups::nodes(ctx, p),
        "ModifyReplicationGroup" => groups::modify(ctx, p),
        "IncreaseReplicaCount" => groups::resize(ctx, p, true),
        "DecreaseReplicaCount" => groups::resize(ctx, p, false),
        "DeleteReplicationGroup" => groups::delete(ctx, p),
        "ListTagsForResource" => tags::list(ctx, p),
        "AddTagsToResource" => tags::add(ctx, p),
        "RemoveTagsFromResource" => tags::remove(ctx, p),
        _ => Err(unknown_action(ctx, Service::Elasticache, action)),
    }
}

impl Elasticache {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for group in self.groups.values() {
            let shown = thing(&group.arn, &group.id, &group.tags, &group.birth);
            list.add("elasticache", "replication-group", shown, |item| item.state = group.status.name().to_owned());
        }
        for group in self.subnet_groups.values() {
            let shown = thing(&group.arn, &group.name, &group.tags, &group.birth);
            list.add("elasticache", "cache-subnet-group", shown, |_| {});
        }
        for snapshot in self.snapshots.values() {
            let shown = thing(&snapshot.arn, &snapshot.name, &snapshot.tags, &snapshot.birth);
            list.add("elasticache", "cache-snapshot", shown, |item| item.lingering = true);
        }
    }
}
