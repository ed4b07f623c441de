//! Whether targets are healthy, and why not.

use serde_json::{Value, json};

use super::{LoadBalancer, Target, TargetGroup, no_group};
use crate::aws::{Ctx, ec2::Owner, error::Answer, params::Params};

/// A target's health in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub state: &'static str,
    pub reason: Option<&'static str>,
    pub description: Option<String>,
}

impl Health {
    fn new(state: &'static str, reason: &'static str, description: impl Into<String>) -> Self {
        Self { state, reason: Some(reason), description: Some(description.into()) }
    }
}

/// Counts one health check round for a group's targets.
pub fn tick(ctx: &mut Ctx<'_>, arn: &str) {
    let (config, now) = (ctx.config, ctx.now);
    let used = !ctx.r.elb.users_of(arn).is_empty();
    let Some(group) = ctx.r.elb.groups.get_mut(arn) else {
        return;
    };
    for target in &mut group.targets {
        // Nobody checks the targets of a group that no listener uses.
        if used && target.initial.as_mut().is_some_and(|s| s.poll(config.aws.health_polls, config, now)) {
            target.initial = None;
        }
    }
    group
        .targets
        .retain_mut(|target| !target.draining.as_mut().is_some_and(|s| s.poll(config.aws.draining_polls, config, now)));
}

/// A target's health as it stands.
pub fn of(ctx: &Ctx<'_>, group: &TargetGroup, target: &Target) -> Health {
    if target.draining.is_some() {
        return Health::new("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
    }
    let users = ctx.r.elb.users_of(&group.arn);
    let Some(lb) = users.first() else {
        return Health::new(
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        );
    };
    if !target.zone.is_empty() && !lb.subnets.iter().any(|(zone, _)| *zone == target.zone) {
        return Health::new(
            "unused",
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        );
    }
    if target.initial.is_some() {
        return Health::new("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
    }
    match target.answers {
        Some(status) if reaches(ctx, lb, target) => {
            if group.check.accepts(status) {
                Health { state: "healthy", reason: None, description: None }
            } else {
                Health::new(
                    "unhealthy",
                    "Target.ResponseCodeMismatch",
                    format!("Health checks failed with these codes: [{status}]"),
                )
            }
        }
        _ => Health::new("unhealthy", "Target.Timeout", "Request timed out"),
    }
}

/// Whether the load balancer's packets arrive: out of its groups, into the target's, through routed subnets.
fn reaches(ctx: &Ctx<'_>, lb: &LoadBalancer, target: &Target) -> bool {
    let ec2 = &ctx.r.ec2;
    let owner = Owner::LoadBalancer(lb.arn.clone());
    let Ok(address) = target.id.parse() else {
        return false;
    };
    let out = lb.groups.iter().filter_map(|id| ec2.groups.get(id));
    let into: Vec<_> = target.groups.iter().filter_map(|id| ec2.groups.get(id)).collect();
    let mut interfaces = ec2.interfaces.values().filter(|eni| eni.owner == owner);
    let admitted = interfaces.all(|eni| into.iter().any(|group| group.admits(false, target.port, eni.ip, &lb.groups)));
    let routed = lb.internal || lb.subnets.iter().all(|(_, subnet)| ec2.is_public(subnet));
    admitted && routed && out.into_iter().any(|group| group.admits(true, target.port, address, &target.groups))
}

/// DescribeTargetHealth
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("TargetGroupArn")?;
    if !ctx.r.elb.groups.contains_key(&arn) {
        return Err(no_group(&arn));
    }
    tick(ctx, &arn);
    let group = ctx.r.elb.groups.get(&arn).ok_or_else(|| no_group(&arn))?;
    let asked: Vec<String> = p.objects("Targets").iter().filter_map(|target| target.text("Id")).collect();
    let descriptions: Vec<Value> = group
        .targets
        .iter()
        .filter(|target| asked.is_empty() || asked.contains(&target.id))
        .map(|target| {
            let health = of(ctx, group, target);
            let zone = (!target.zone.is_empty()).then_some(&target.zone);
            json!({
                "Target": { "Id": target.id, "Port": target.port, "AvailabilityZone": zone },
                "HealthCheckPort": target.port.to_string(),
                "TargetHealth": { "State": health.state, "Reason": health.reason, "Description": health.description },
            })
        })
        .collect();
    Ok(json!({ "TargetHealthDescriptions": descriptions }))
}
