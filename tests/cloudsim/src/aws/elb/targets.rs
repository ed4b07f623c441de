//! Target groups, and the targets in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{check::Check, checked_name, no_group};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
        tag_list,
    },
    life::{Birth, Ripening},
};

/// A target group.
#[derive(Clone, Debug, Serialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub port: i64,
    pub vpc: String,
    /// `ip` or `instance`.
    pub kind: String,
    pub check: Check,
    pub targets: Vec<Target>,
    pub attributes: BTreeMap<String, String>,
    pub tags: Tags,
    pub birth: Birth,
}

/// One target.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    pub id: String,
    pub port: i64,
    /// The groups of its interface; what may reach it.
    pub groups: Vec<String>,
    pub zone: String,
    /// The status that its application answers with; nothing listens where it is none.
    pub answers: Option<u16>,
    /// Since when it is checked.
    pub initial: Option<Ripening>,
    /// It is leaving.
    pub draining: Option<Ripening>,
}

/// CreateTargetGroup
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("Name")?;
    checked_name("Target group", &name)?;
    let kind = p.text("TargetType").unwrap_or_else(|| "instance".into());
    if kind != "ip" && kind != "instance" {
        return Err(AwsError::invalid(format!("cloudsim has no target type '{kind}'")));
    }
    let protocol = p.text("Protocol").ok_or_else(|| AwsError::invalid("A protocol must be specified"))?;
    let port = p.number("Port")?.ok_or_else(|| AwsError::invalid("A port must be specified"))?;
    if !(1..=65535).contains(&port) {
        return Err(AwsError::invalid(format!("The port '{port}' is not between 1 and 65535")));
    }
    let vpc = p.text("VpcId").ok_or_else(|| AwsError::invalid("A VPC ID must be specified"))?;
    if !ctx.r.ec2.vpcs.contains_key(&vpc) {
        return Err(AwsError::invalid(format!("The VPC ID '{vpc}' is not found")));
    }
    let _ = (p.flag("HealthCheckEnabled"), p.text("IpAddressType"), p.text("ProtocolVersion"));
    let check = Check {
        path: "/".into(),
        protocol: protocol.clone(),
        port: "traffic-port".into(),
        interval: 30,
        timeout: 5,
        healthy: 5,
        unhealthy: 2,
        matcher: "200".into(),
    }
    .changed(p)?;
    let id = ctx.ids.hex16();
    let group = TargetGroup {
        arn: ctx.arn("elasticloadbalancing", &format!("targetgroup/{name}/{id}")),
        name,
        protocol,
        port,
        vpc,
        kind,
        check,
        targets: Vec::new(),
        attributes: BTreeMap::from([("deregistration_delay.timeout_seconds".to_owned(), "300".to_owned())]),
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    if let Some(twin) = ctx.r.elb.groups.values().find(|other| other.name == group.name) {
        let same = (&twin.protocol, twin.port, &twin.vpc, &twin.kind, &twin.check, &twin.tags)
            == (&group.protocol, group.port, &group.vpc, &group.kind, &group.check, &group.tags);
        if same {
            return Ok(json!({ "TargetGroups": [view(ctx, twin)] }));
        }
        return Err(AwsError::new(
            "DuplicateTargetGroupName",
            format!("A target group with the same name '{}' exists, but with different settings", group.name),
        ));
    }
    let answer = json!({ "TargetGroups": [view(ctx, &group)] });
    ctx.r.elb.groups.insert(group.arn.clone(), group);
    Ok(answer)
}

fn view(ctx: &Ctx<'_>, group: &TargetGroup) -> Value {
    let users: Vec<&str> = ctx.r.elb.users_of(&group.arn).into_iter().map(|lb| lb.arn.as_str()).collect();
    json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "VpcId": group.vpc,
        "TargetType": group.kind,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
        "HealthCheckEnabled": true,
        "HealthCheckProtocol": group.check.protocol,
        "HealthCheckPort": group.check.port,
        "HealthCheckPath": group.check.path,
        "HealthCheckIntervalSeconds": group.check.interval,
        "HealthCheckTimeoutSeconds": group.check.timeout,
        "HealthyThresholdCount": group.check.healthy,
        "UnhealthyThresholdCount": group.check.unhealthy,
        "Matcher": { "HttpCode": group.check.matcher },
        "LoadBalancerArns": users,
    })
}

/// DescribeTargetGroups
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (arns, names, balancer) = (p.list("TargetGroupArns"), p.list("Names"), p.text("LoadBalancerArn"));
    if let Some(arn) = &balancer
        && !ctx.r.elb.balancers.contains_key(arn)
    {
        return Err(super::no_balancer(arn));
    }
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let all = arns.is_empty() && names.is_empty();
    for group in ctx.r.elb.groups.values_mut() {
        let wanted = all || arns.contains(&group.arn) || names.contains(&group.name);
        if wanted && group.birth.look(config, now) {
            seen.extend([group.arn.clone(), group.name.clone()]);
            found.push(group.clone());
        }
    }
    if let Some(missing) = arns.iter().chain(&names).find(|name| !seen.contains(*name)) {
        return Err(no_group(missing));
    }
    let used = |group: &TargetGroup, lb: &String| ctx.r.elb.users_of(&group.arn).iter().any(|user| user.arn == *lb);
    found.retain(|group| balancer.as_ref().is_none_or(|lb| used(group, lb)));
    let found: Vec<Value> = found.iter().map(|group| view(ctx, group)).collect();
    let (found, next) = page(ctx, p, found, ("PageSize", "Marker"), 400)?;
    Ok(json!({ "TargetGroups": found, "NextMarker": next }))
}

/// ModifyTargetGroup
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("TargetGroupArn")?;
    let group = need(ctx, &arn)?;
    group.check = group.check.clone().changed(p)?;
    let group = group.clone();
    Ok(json!({ "TargetGroups": [view(ctx, &group)] }))
}

/// ModifyTargetGroupAttributes
pub fn modify_attributes(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let group = need(ctx, &p.need("TargetGroupArn")?)?;
    for attribute in p.objects("Attributes") {
        group.attributes.insert(attribute.need("Key")?, attribute.text("Value").unwrap_or_default());
    }
    Ok(json!({ "Attributes": tag_list(&group.attributes) }))
}

/// DescribeTargetGroupAttributes
pub fn describe_attributes(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let group = need(ctx, &p.need("TargetGroupArn")?)?;
    Ok(json!({ "Attributes": tag_list(&group.attributes) }))
}

/// DeleteTargetGroup; deleting what is not there succeeds.
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("TargetGroupArn")?;
    if ctx.r.elb.listeners.values().any(|listener| listener.forwards_to(&arn)) {
        return Err(AwsError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    ctx.r.elb.groups.remove(&arn);
    Ok(json!({}))
}

/// RegisterTargets: by hand, nothing listens there.
pub fn register_call(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("TargetGroupArn")?;
    let port = need(ctx, &arn)?.port;
    for target in p.objects("Targets") {
        let (id, port) = (target.need("Id")?, target.number("Port")?.unwrap_or(port));
        register(ctx, &arn, Target::new(&id, port, ctx.now));
    }
    Ok(json!({}))
}

/// DeregisterTargets
pub fn deregister_call(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("TargetGroupArn")?;
    need(ctx, &arn)?;
    for target in p.objects("Targets") {
        deregister(ctx, &arn, &target.need("Id")?);
    }
    Ok(json!({}))
}

impl Target {
    /// A target that nobody has checked yet.
    pub fn new(id: &str, port: i64, now: u64) -> Self {
        Self {
            id: id.to_owned(),
            port,
            groups: Vec::new(),
            zone: String::new(),
            answers: None,
            initial: Some(Ripening::from(now)),
            draining: None,
        }
    }
}

/// Puts a target into a group that exists.
pub fn register(ctx: &mut Ctx<'_>, group: &str, target: Target) {
    if let Some(group) = ctx.r.elb.groups.get_mut(group) {
        group.targets.retain(|other| (&other.id, other.port) != (&target.id, target.port));
        group.targets.push(target);
    }
}

/// A target begins to leave its group.
pub fn deregister(ctx: &mut Ctx<'_>, group: &str, id: &str) {
    let now = ctx.now;
    if let Some(group) = ctx.r.elb.groups.get_mut(group) {
        for target in group.targets.iter_mut().filter(|target| target.id == id && target.draining.is_none()) {
            target.draining = Some(Ripening::from(now));
        }
    }
}

fn need<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut TargetGroup, AwsError> {
    ctx.r.elb.groups.get_mut(arn).ok_or_else(|| no_group(arn))
}
