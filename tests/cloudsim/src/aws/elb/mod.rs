//! Elastic Load Balancing v2: application load balancers, target groups, listeners, and the health of targets.

mod balancers;
mod check;
pub mod health;
mod listeners;
mod tags;
mod targets;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Ctx, Lister,
    ec2::thing,
    error::{Answer, AwsError},
    params::Params,
    service::Service,
    unknown_action,
};
pub use balancers::LoadBalancer;
pub use listeners::Listener;
pub use targets::{Target, TargetGroup, deregister, register};

/// What ELB knows in a region, by ARN.
#[derive(Default, Serialize)]
pub struct Elb {
    pub balancers: BTreeMap<String, LoadBalancer>,
    pub groups: BTreeMap<String, TargetGroup>,
    pub listeners: BTreeMap<String, Listener>,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateLoadBalancer" => balancers::create(ctx, p),
        "DescribeLoadBalancers" => balancers::describe(ctx, p),
        "DeleteLoadBalancer" => balancers::delete(ctx, p),
        "ModifyLoadBalancerAttributes" => balancers::modify_attributes(ctx, p),
        "DescribeLoadBalancerAttributes" => balancers::describe_attributes(ctx, p),
        "SetSecurityGroups" => balancers::set_groups(ctx, p),
        "CreateTargetGroup" => targets::create(ctx, p),
        "DescribeTargetGroups" => targets::describe(ctx, p),
        "ModifyTargetGroup" => targets::modify(ctx, p),
        "ModifyTargetGroupAttributes" => targets::modify_attributes(ctx, p),
        "DescribeTargetGroupAttributes" => targets::describe_attributes(ctx, p),
        "DeleteTargetGroup" => targets::delete(ctx, p),
        "RegisterTargets" => targets::register_call(ctx, p),
        "DeregisterTargets" => targets::deregister_call(ctx, p),
        "DescribeTargetHealth" => health::describe(ctx, p),
        "CreateListener" => listeners::create(ctx, p),
        "DescribeListeners" => listeners::describe(ctx, p),
        "ModifyListener" => listeners::modify(ctx, p),
        "DeleteListener" => listeners::delete(ctx, p),
        "DescribeTags" => tags::describe(ctx, p),
        "AddTags" => tags::add(ctx, p),
        "RemoveTags" => tags::remove(ctx, p),
        _ => Err(unknown_action(ctx, Service::Elb, action)),
    }
}

impl Elb {
    /// The load balancers whose listeners forward to this target group.
    pub fn users_of(&self, group: &str) -> Vec<&LoadBalancer> {
        self.balancers
            .values()
            .filter(|lb| self.listeners.values().any(|l| l.balancer == lb.arn && l.forwards_to(group)))
            .collect()
    }

    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for lb in self.balancers.values() {
            list.add("elasticloadbalancing", "load-balancer", thing(&lb.arn, &lb.name, &lb.tags, &lb.birth), |item| {
                item.state = lb.state().to_owned();
            });
        }
        for group in self.groups.values() {
            let shown = thing(&group.arn, &group.name, &group.tags, &group.birth);
            list.add("elasticloadbalancing", "target-group", shown, |_| {});
        }
        for listener in self.listeners.values() {
            let shown = thing(&listener.arn, "", &listener.tags, &listener.birth);
            // One load balancer may have several listeners of one label, on ports of their own.
            list.add("elasticloadbalancing", "listener", shown, |item| {
                item.sameness = format!("{}:{}", listener.balancer, listener.port);
            });
        }
    }
}

/// Names of load balancers and target groups.
fn checked_name(what: &str, name: &str) -> Result<(), AwsError> {
    let problem = if name.len() > 32 {
        "cannot be longer than '32' characters"
    } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        "can only contain characters that are alphanumeric characters and hyphens(-)"
    } else if name.is_empty() || name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with a hyphen(-)"
    } else if what == "Load balancer" && name.starts_with("internal-") {
        "cannot begin with 'internal-'"
    } else {
        return Ok(());
    };
    Err(AwsError::invalid(format!("{what} name '{name}' {problem}")))
}

fn no_balancer(arn: &str) -> AwsError {
    AwsError::new("LoadBalancerNotFound", format!("Load balancers '[{arn}]' not found"))
}

fn no_group(arn: &str) -> AwsError {
    AwsError::new("TargetGroupNotFound", format!("Target groups '[{arn}]' not found"))
}

fn no_listener(arn: &str) -> AwsError {
    AwsError::new("ListenerNotFound", format!("One or more listeners not found: {arn}"))
}
