//! Replication groups, with cluster mode disabled: one primary and its replicas.

use serde::Serialize;
use serde_json::{Value, json};

use super::{checks, snapshots, subnets};
use crate::{
    aws::{
        Ctx, Tags, ec2,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::{Birth, Ripening},
};

/// A replication group.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicationGroup {
    pub id: String,
    pub arn: String,
    pub description: String,
    pub engine: String,
    pub version: String,
    pub node_type: String,
    /// The primary and its replicas.
    pub nodes: i64,
    pub failover: bool,
    pub multi_az: bool,
    pub tls: bool,
    pub at_rest: bool,
    /// In plain: `/_sim/state` shows it, for tests that look for leaks elsewhere.
    pub token: Option<String>,
    pub port: i64,
    pub retention: i64,
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    pub status: Status,
    pub tags: Tags,
    pub birth: Birth,
}

/// What a group does at the moment.
#[derive(Clone, Debug, Serialize)]
pub enum Status {
    Creating(Ripening),
    Available,
    Modifying(Ripening),
    Deleting(Ripening),
    /// By configuration: it stays.
    CreateFailed,
}

impl Status {
    /// In AWS's words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Creating(_) => "creating",
            Self::Available => "available",
            Self::Modifying(_) => "modifying",
            Self::Deleting(_) => "deleting",
            Self::CreateFailed => "create-failed",
        }
    }
}

/// CreateReplicationGroup
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("ReplicationGroupId")?.to_lowercase();
    checks::identifier(&id)?;
    let description = p.need("ReplicationGroupDescription")?;
    let engine = p.text("Engine").unwrap_or_else(|| "redis".into());
    let version = checks::version(&engine, p.text("EngineVersion").as_deref())?;
    let node_type = p.need("CacheNodeType")?;
    checks::node_type(&node_type)?;
    let nodes = p.number("NumCacheClusters")?.unwrap_or(1);
    if !(1..=6).contains(&nodes) {
        return Err(AwsError::invalid("The number of cache clusters must be between 1 and 6."));
    }
    let (failover, multi_az) =
        (p.flag("AutomaticFailoverEnabled").unwrap_or(false), p.flag("MultiAZEnabled").unwrap_or(false));
    checks::failover(failover, multi_az, nodes)?;
    let token = checks::auth_token(p)?;
    if ctx.r.elasticache.groups.contains_key(&id) {
        return Err(AwsError::new("ReplicationGroupAlreadyExists", format!("Replication group {id} already exists.")));
    }
    let subnet_group = p.need("CacheSubnetGroupName")?.to_lowercase();
    let site = ctx.r.elasticache.subnet_groups.get(&subnet_group).ok_or_else(|| subnets::missing(&subnet_group))?;
    let (vpc, subnet) = (site.vpc.clone(), site.subnets.first().cloned().unwrap_or_default());
    let security_groups = security_groups(ctx, p, &vpc)?;
    let group = ReplicationGroup {
        arn: ctx.arn("elasticache", &format!("replicationgroup:{id}")),
        id,
        description,
        engine,
        version,
        node_type,
        nodes,
        failover,
        multi_az,
        tls: p.flag("TransitEncryptionEnabled").unwrap_or(false),
        at_rest: p.flag("AtRestEncryptionEnabled").unwrap_or(false),
        token,
        port: p.number("Port")?.unwrap_or(6379),
        retention: p.number("SnapshotRetentionLimit")?.unwrap_or(0),
        subnet_group,
        security_groups,
        status: Status::Creating(Ripening::from(ctx.now)),
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    let owner = ec2::Owner::Cache(group.arn.clone());
    ec2::interfaces::attach(
        ctx,
        &subnet,
        group.security_groups.clone(),
        format!("ElastiCache {}-001", group.id),
        owner,
        false,
    );
    let answer = json!({ "ReplicationGroup": view(ctx, &group) });
    ctx.r.elasticache.groups.insert(group.id.clone(), group);
    Ok(answer)
}

fn security_groups(ctx: &Ctx<'_>, p: &Params, vpc: &str) -> Result<Vec<String>, AwsError> {
    let asked = p.list("SecurityGroupIds");
    for id in &asked {
        if ctx.r.ec2.groups.get(id).is_none_or(|group| group.vpc != vpc) {
            return Err(AwsError::invalid(format!("Some security group Ids are invalid: {id}")));
        }
    }
    if asked.is_empty() {
        let default = ctx.r.ec2.groups.values().find(|group| group.vpc == vpc && group.default);
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    Ok(asked)
}

/// DescribeReplicationGroups
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.text("ReplicationGroupId").map(|id| id.to_lowercase());
    let (config, now) = (ctx.config, ctx.now);
    let mut shown = Vec::new();
    for group in ctx.r.elasticache.groups.values_mut() {
        if id.as_ref().is_none_or(|id| *id == group.id) && group.birth.look(config, now) {
            shown.push(group.id.clone());
        }
    }
    for id in &shown {
        advance(ctx, id);
    }
    shown.retain(|id| ctx.r.elasticache.groups.contains_key(id));
    if let Some(id) = id.filter(|_| shown.is_empty()) {
        return Err(missing(&id));
    }
    let found: Vec<Value> =
        shown.iter().filter_map(|id| ctx.r.elasticache.groups.get(id)).map(|group| view(ctx, group)).collect();
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "ReplicationGroups": found, "Marker": next }))
}

/// DescribeCacheClusters: the nodes of the groups.
pub fn nodes(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let asked = p.text("CacheClusterId");
    let mut found = Vec::new();
    for group in ctx.r.elasticache.groups.values() {
        for id in (1..=group.nodes).map(|node| format!("{}-{node:03}", group.id)) {
            if asked.as_ref().is_none_or(|asked| *asked == id) {
                found.push(json!({
                    "CacheClusterId": id,
                    "CacheNodeType": group.node_type,
                    "Engine": group.engine,
                    "EngineVersion": group.version,
                    "CacheClusterStatus": group.status.name(),
                    "ReplicationGroupId": group.id,
                }));
            }
        }
    }
    if let Some(id) = asked.filter(|_| found.is_empty()) {
        return Err(AwsError::with_status(404, "CacheClusterNotFound", format!("CacheCluster not found: {id}")));
    }
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "CacheClusters": found, "Marker": next }))
}

/// Counts a poll for a group, and takes it to its next state when its time has come.
fn advance(ctx: &mut Ctx<'_>, id: &str) {
    let (config, now) = (ctx.config, ctx.now);
    let Some(group) = ctx.r.elasticache.groups.get_mut(id) else { return };
    let is_due = match &mut group.status {
        Status::Creating(state) | Status::Modifying(state) | Status::Deleting(state) => {
            state.poll(config.polls_until_ready, config, now)
        }
        Status::Available | Status::CreateFailed => false,
    };
    if !is_due {
        return;
    }
    match group.status {
        Status::Deleting(_) => {
            let owner = ec2::Owner::Cache(group.arn.clone());
            ctx.r.elasticache.groups.remove(id);
            ec2::interfaces::release(ctx, &owner);
        }
        Status::Creating(_) if config.aws.caches_fail => group.status = Status::CreateFailed,
        _ => group.status = Status::Available,
    }
}

/// The group, if it takes a change now.
fn changeable<'a>(ctx: &'a mut Ctx<'_>, id: &str) -> Result<&'a mut ReplicationGroup, AwsError> {
    let group = ctx.r.elasticache.groups.get_mut(id).ok_or_else(|| missing(id))?;
    if matches!(group.status, Status::Available) { Ok(group) } else { Err(busy(group)) }
}

/// ModifyReplicationGroup, at once whatever `ApplyImmediately` says.
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("ReplicationGroupId")?.to_lowercase();
    let now = ctx.now;
    let group = changeable(ctx, &id)?;
    let mut next = group.clone();
    let _ = p.flag("ApplyImmediately");
    if let Some(node_type) = p.text("CacheNodeType") {
        checks::node_type(&node_type)?;
        next.node_type = node_type;
    }
    if let Some(version) = p.text("EngineVersion") {
        let version = checks::version(&next.engine, Some(&version))?;
        if version.split('.').next() < next.version.split('.').next() {
            return Err(AwsError::invalid(format!("Downgrading from {} to {version} is not supported.", next.version)));
        }
        next.version = version;
    }
    next.failover = p.flag("AutomaticFailoverEnabled").unwrap_or(next.failover);
    next.multi_az = p.flag("MultiAZEnabled").unwrap_or(next.multi_az);
    checks::failover(next.failover, next.multi_az, next.nodes)?;
    next.retention = p.number("SnapshotRetentionLimit")?.unwrap_or(next.retention);
    next.status = Status::Modifying(Ripening::from(now));
    *group = next.clone();
    Ok(json!({ "ReplicationGroup": view(ctx, &next) }))
}

/// IncreaseReplicaCount and DecreaseReplicaCount.
pub fn resize(ctx: &mut Ctx<'_>, p: &Params, up: bool) -> Answer {
    let id = p.need("ReplicationGroupId")?.to_lowercase();
    let replicas = p.number("NewReplicaCount")?.ok_or_else(|| AwsError::missing("NewReplicaCount"))?;
    let now = ctx.now;
    if p.flag("ApplyImmediately") != Some(true) {
        return Err(AwsError::invalid("ApplyImmediately must be true."));
    }
    let group = changeable(ctx, &id)?;
    let is_further = if up { replicas + 1 > group.nodes } else { replicas + 1 < group.nodes };
    if !is_further || !(0..=5).contains(&replicas) {
        return Err(AwsError::invalid(format!(
            "NewReplicaCount {replicas} must be {} the current replica count {}, from 0 to 5.",
            if up { "greater than" } else { "less than" },
            group.nodes - 1
        )));
    }
    checks::failover(group.failover, group.multi_az, replicas + 1)?;
    group.nodes = replicas + 1;
    group.status = Status::Modifying(Ripening::from(now));
    let group = group.clone();
    Ok(json!({ "ReplicationGroup": view(ctx, &group) }))
}

/// DeleteReplicationGroup
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("ReplicationGroupId")?.to_lowercase();
    let now = ctx.now;
    let snapshot = p.text("FinalSnapshotIdentifier");
    let _ = p.flag("RetainPrimaryCluster");
    let group = ctx.r.elasticache.groups.get(&id).ok_or_else(|| missing(&id))?.clone();
    if !matches!(group.status, Status::Available | Status::CreateFailed) {
        return Err(busy(&group));
    }
    if let Some(name) = snapshot {
        snapshots::make(ctx, &name, &group)?;
    }
    if let Some(group) = ctx.r.elasticache.groups.get_mut(&id) {
        group.status = Status::Deleting(Ripening::from(now));
    }
    Ok(
        json!({ "ReplicationGroup": view(ctx, &ReplicationGroup { status: Status::Deleting(Ripening::from(now)), ..group }) }),
    )
}

fn view(ctx: &Ctx<'_>, group: &ReplicationGroup) -> Value {
    let members: Vec<String> = (1..=group.nodes).map(|node| format!("{}-{node:03}", group.id)).collect();
    let domain = format!("{}.x1y2z3.{}.cache.amazonaws.com", group.id, ctx.region);
    let endpoint = |kind: &str| {
        let up = !matches!(group.status, Status::Creating(_) | Status::CreateFailed);
        up.then(|| json!({ "Address": format!("{kind}.{domain}"), "Port": group.port }))
    };
    let members_of_node: Vec<Value> =
        members.iter().map(|member| json!({ "CacheClusterId": member, "CacheNodeId": "0001" })).collect();
    let on = |flag: bool| if flag { "enabled" } else { "disabled" };
    json!({
        "ReplicationGroupId": group.id,
        "Description": group.description,
        "Status": group.status.name(),
        "PendingModifiedValues": {},
        "MemberClusters": members,
        "NodeGroups": [{
            "NodeGroupId": "0001",
            "Status": group.status.name(),
            "PrimaryEndpoint": endpoint("master"),
            "ReaderEndpoint": endpoint("replica"),
            "NodeGroupMembers": members_of_node,
        }],
        "AutomaticFailover": on(group.failover),
        "MultiAZ": on(group.multi_az),
        "SnapshotRetentionLimit": group.retention,
        "ClusterEnabled": false,
        "CacheNodeType": group.node_type,
        "AuthTokenEnabled": group.token.is_some(),
        "TransitEncryptionEnabled": group.tls,
        "AtRestEncryptionEnabled": group.at_rest,
        "ARN": group.arn,
        "Engine": group.engine,
    })
}

/// It is not in a state for that.
pub fn busy(group: &ReplicationGroup) -> AwsError {
    AwsError::new(
        "InvalidReplicationGroupState",
        format!(
            "Replication group {} has status {} which is not valid for this operation.",
            group.id,
            group.status.name()
        ),
    )
}

/// No such group.
pub fn missing(id: &str) -> AwsError {
    AwsError::with_status(404, "ReplicationGroupNotFoundFault", format!("ReplicationGroup {id} not found."))
}
