//! The replication group.

use cloudark_sdk::aws::{Error, Expect, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::config::Config;
use super::differences::Step;
use crate::version::is_version;
use crate::{mark, presence};

/// A replication group, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// Its identifier.
    #[serde(rename = "ReplicationGroupId")]
    pub id: String,
    /// `creating`, `available`, `modifying`, `deleting`, `create-failed` …
    #[serde(rename = "Status", default)]
    pub status: String,
    /// `cache.t4g.micro`
    #[serde(rename = "CacheNodeType", default)]
    pub node_type: String,
    /// Whether connections are encrypted.
    #[serde(rename = "TransitEncryptionEnabled", default)]
    pub tls: bool,
    #[serde(rename = "Engine", default)]
    engine: Option<String>,
    #[serde(rename = "AutomaticFailover", default)]
    failover: String,
    #[serde(rename = "MemberClusters", default)]
    members: List<String>,
    #[serde(rename = "NodeGroups", default)]
    nodes: List<NodeGroup>,
    /// It has our mark: tags can be asked for only while the group is available.
    #[serde(rename = "Description", default)]
    description: String,
}

#[derive(Debug, Clone, Deserialize)]
struct NodeGroup {
    #[serde(rename = "PrimaryEndpoint", default)]
    primary: Option<Endpoint>,
    #[serde(rename = "ReaderEndpoint", default)]
    reader: Option<Endpoint>,
}

/// Where a cache answers.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Endpoint {
    /// The host name.
    #[serde(rename = "Address", default)]
    pub address: String,
    /// The port.
    #[serde(rename = "Port", default)]
    pub port: u16,
}

impl Group {
    /// How many nodes stand beside the primary.
    pub fn replicas(&self) -> u32 {
        u32::try_from(self.members.items.len()).unwrap_or(u32::MAX).saturating_sub(1)
    }

    /// The engine; older groups do not say theirs.
    pub fn engine(&self, otherwise: &str) -> String {
        self.engine.clone().unwrap_or_else(|| otherwise.to_owned())
    }

    /// Whether a replica takes over when the primary fails.
    pub fn has_failover(&self) -> bool {
        matches!(self.failover.as_str(), "enabled" | "enabling")
    }

    /// Where to write, and where to read.
    pub fn endpoints(&self) -> (Endpoint, Endpoint) {
        let node = self.nodes.items.first();
        let primary = node.and_then(|node| node.primary.clone()).unwrap_or_default();
        let reader = node.and_then(|node| node.reader.clone()).unwrap_or_else(|| primary.clone());
        (primary, reader)
    }

    fn is_available(&self) -> bool {
        self.status == "available" && !self.endpoints().0.address.is_empty()
    }

    /// A group of so many nodes: for tests.
    #[cfg(test)]
    pub fn with_nodes(count: u32, failover: bool) -> Self {
        Self {
            id: "cache".into(),
            status: "available".into(),
            node_type: "cache.t4g.micro".into(),
            tls: true,
            engine: None,
            failover: if failover { "enabled" } else { "disabled" }.into(),
            members: List { items: (0..count).map(|node| format!("cache-{node}")).collect() },
            nodes: List { items: Vec::new() },
            description: String::new(),
        }
    }
}

/// The group with this identifier, whoever it belongs to.
fn look(elasticache: &Query, id: &str) -> Result<Option<Group>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "ReplicationGroups", default)]
        groups: List<Group>,
    }
    let form = Form::new().set("ReplicationGroupId", id);
    let answer: Option<Answer> = elasticache.call("DescribeReplicationGroups", form).or_absent()?;
    Ok(answer.and_then(|answer| answer.groups.items.into_iter().next()))
}

/// The group with this identifier, if it is ours.
pub fn find(ctx: &Context, elasticache: &Query, id: &str) -> Result<Option<Group>> {
    let found = look(elasticache, id)?;
    if let Some(group) = &found {
        mark::require(ctx, "cache", id, &mark::of_words(&group.description))?;
    }
    Ok(found)
}

/// What a group stands on.
#[derive(Debug)]
pub struct Site<'a> {
    /// The cache subnet group.
    pub subnets: &'a str,
    /// The security group.
    pub group: &'a str,
}

/// Ask for it. It takes minutes to be available.
pub fn create(
    ctx: &Context,
    elasticache: &Query,
    id: &str,
    config: &Config,
    site: &Site<'_>,
    token: Option<&Secret>,
) -> Result<()> {
    let replicated = config.replicas > 0;
    let form = Form::new()
        .set("ReplicationGroupId", id)
        .set("ReplicationGroupDescription", mark::words(&ctx.tags()))
        .set("Engine", config.engine)
        .set_some("EngineVersion", config.engine_version.as_ref())
        .set("CacheNodeType", &config.flavor)
        .set("NumCacheClusters", config.replicas + 1)
        .set("AutomaticFailoverEnabled", replicated)
        .set("MultiAZEnabled", replicated)
        .set("Port", super::PORT)
        .set("CacheSubnetGroupName", site.subnets)
        .list("SecurityGroupIds.SecurityGroupId", [site.group])
        .set("AtRestEncryptionEnabled", true)
        .set("TransitEncryptionEnabled", config.tls)
        .tags("Tags.Tag", &ctx.tags());
    let form = match token {
        Some(token) => form.secret("AuthToken", token),
        None => form,
    };
    Ok(elasticache.act("CreateReplicationGroup", form)?)
}

/// What ElastiCache says of a group that is busy with something else.
const BUSY: [&str; 2] = ["InvalidReplicationGroupState", "InvalidCacheClusterState"];

/// The version that a group runs: only its nodes show theirs.
fn version(elasticache: &Query, group: &Group) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "CacheClusters", default)]
        nodes: List<Node>,
    }
    #[derive(Deserialize)]
    struct Node {
        #[serde(rename = "EngineVersion", default)]
        version: Option<String>,
    }
    let Some(node) = group.members.items.first() else { return Ok(None) };
    let form = Form::new().set("CacheClusterId", node);
    let answer: Option<Answer> = elasticache.call("DescribeCacheClusters", form).or_absent()?;
    Ok(answer.and_then(|answer| answer.nodes.items.into_iter().next()?.version))
}

fn is_done(elasticache: &Query, group: &Group, step: &Step) -> Result<bool, Error> {
    Ok(match step {
        Step::Failover(on) => group.has_failover() == *on,
        Step::Grow(replicas) | Step::Shrink(replicas) => group.replicas() == *replicas,
        Step::NodeType(node_type) => group.node_type == *node_type,
        Step::Version(wanted) => version(elasticache, group)?.is_some_and(|version| is_version(&version, wanted)),
    })
}

fn ask(elasticache: &Query, id: &str, step: &Step) -> Result<(), Error> {
    // At once instead of in the next maintenance window.
    let form = Form::new().set("ReplicationGroupId", id).set("ApplyImmediately", true);
    match step {
        Step::Failover(on) => elasticache
            .act("ModifyReplicationGroup", form.set("AutomaticFailoverEnabled", on).set("MultiAZEnabled", on)),
        Step::Grow(replicas) => elasticache.act("IncreaseReplicaCount", form.set("NewReplicaCount", replicas)),
        Step::Shrink(replicas) => elasticache.act("DecreaseReplicaCount", form.set("NewReplicaCount", replicas)),
        Step::NodeType(node_type) => elasticache.act("ModifyReplicationGroup", form.set("CacheNodeType", node_type)),
        Step::Version(version) => elasticache.act("ModifyReplicationGroup", form.set("EngineVersion", version)),
    }
}

/// Make one change, and wait until it is so. While the group is busy it takes no change, also while it is busy with this
/// one: an earlier copy of the call may have arrived.
pub fn change(ctx: &Context, elasticache: &Query, id: &str, step: &Step) -> Result<Group> {
    wait::until(every(15.seconds()), at_most(90.minutes()), || {
        let Some(group) = find(ctx, elasticache, id)? else {
            return pending("cache is not visible");
        };
        lives(&group)?;
        if !group.is_available() {
            return pending(format!("cache is {}", group.status));
        }
        if is_done(elasticache, &group, step)? {
            return ready(group);
        }
        ask(elasticache, id, step).or_code(&BUSY)?;
        pending("cache is about to be changed")
    })
}

/// Whether it can still become available.
fn lives(group: &Group) -> Result<()> {
    match group.status.as_str() {
        "create-failed" => fail!(
            permanent,
            "ElastiCache reports that cache {:?} is create-failed: its events in the ElastiCache console say why. Delete \
             the resource and create it again",
            group.id
        ),
        "deleting" => {
            fail!(conflict, "cache {:?} is being deleted by somebody: create it again once it is gone", group.id)
        }
        _ => Ok(()),
    }
}

/// Wait until it is available.
pub fn available(ctx: &Context, elasticache: &Query, id: &str) -> Result<Group> {
    wait::until(every(15.seconds()), at_most(90.minutes()), || match find(ctx, elasticache, id)? {
        Some(group) if group.is_available() => ready(group),
        Some(group) => {
            lives(&group)?;
            pending(format!("cache is {}", group.status))
        }
        None => pending("cache is not visible yet"),
    })
}

/// Delete it, after a last snapshot of this name where one is given, and wait until it is gone.
pub fn remove(ctx: &Context, elasticache: &Query, id: &str, snapshot: Option<&str>) -> Result<()> {
    let form = Form::new().set("ReplicationGroupId", id).set_some("FinalSnapshotIdentifier", snapshot);
    presence::remove(
        "cache",
        (every(15.seconds()), at_most(90.minutes())),
        || find(ctx, elasticache, id),
        |group| &group.status,
        // It cannot be deleted while it is made or changed.
        || Ok(elasticache.act("DeleteReplicationGroup", form.clone()).or_absent().or_code(&BUSY)?),
    )
}
