//! An application's load balancer, and the listener on its port.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::{elb, presence};

/// A load balancer, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct LoadBalancer {
    /// Its ARN.
    #[serde(rename = "LoadBalancerArn")]
    pub arn: String,
    /// Where it can be reached.
    #[serde(rename = "DNSName", default)]
    pub host: String,
    #[serde(rename = "State")]
    state: State,
}

#[derive(Debug, Clone, Deserialize)]
struct State {
    /// `provisioning`, `active`, `active_impaired`, `failed`.
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Reason", default)]
    reason: Option<String>,
}

/// What listens on a load balancer's port.
#[derive(Debug, Clone, Deserialize)]
pub struct Listener {
    /// Its ARN.
    #[serde(rename = "ListenerArn")]
    pub arn: String,
    /// The port.
    #[serde(rename = "Port")]
    pub port: u16,
}

#[derive(Deserialize)]
struct LoadBalancers {
    #[serde(rename = "LoadBalancers", default)]
    balancers: List<LoadBalancer>,
}

#[derive(Deserialize)]
struct Listeners {
    #[serde(rename = "Listeners", default)]
    listeners: List<Listener>,
}

/// The one of this name, if it is ours.
pub fn find(ctx: &Context, elb: &Query, name: &str) -> Result<Option<LoadBalancer>> {
    let form = Form::new().list("Names.member", [name]);
    let answer: Option<LoadBalancers> = elb.call("DescribeLoadBalancers", form).or_absent()?;
    match answer.and_then(|answer| answer.balancers.into_iter().next()) {
        Some(balancer) => Ok(elb::ours(ctx, elb, "load balancer", name, &balancer.arn)?.then_some(balancer)),
        None => Ok(None),
    }
}

/// Make it, or adopt the one that we made. It is of no use before [`active`].
pub fn ensure(ctx: &Context, name: &str, subnets: &[String], group: &str) -> Result<LoadBalancer> {
    let elb = Query::new(ctx, &aws::ELB)?;
    presence::ensure(
        "load balancer",
        || find(ctx, &elb, name),
        || {
            let form = Form::new()
                .set("Name", name)
                .set("Type", "application")
                .set("Scheme", "internet-facing")
                .list("Subnets.member", subnets)
                .list("SecurityGroups.member", [group])
                .tags("Tags.member", &ctx.tags());
            Ok(elb.act("CreateLoadBalancer", form)?)
        },
    )
}

/// Wait until it takes requests.
pub fn active(ctx: &Context, name: &str) -> Result<LoadBalancer> {
    let elb = Query::new(ctx, &aws::ELB)?;
    wait::until(every(10.seconds()), at_most(15.minutes()), || match find(ctx, &elb, name)? {
        Some(balancer) if balancer.state.code == "active" => ready(balancer),
        Some(balancer) if balancer.state.code == "failed" => fail!(
            permanent,
            "load balancer {name:?} failed: {}. Delete the application and deploy it again",
            balancer.state.reason.as_deref().unwrap_or("AWS gives no reason")
        ),
        Some(balancer) => pending(format!("load balancer is {}", balancer.state.code)),
        None => pending("load balancer is not visible yet"),
    })
}

/// The listeners of a load balancer; none if it is gone.
pub fn listeners(elb: &Query, balancer: &str) -> Result<Vec<Listener>, Error> {
    let form = Form::new().set("LoadBalancerArn", balancer);
    let answer: Option<Listeners> = elb.call("DescribeListeners", form).or_absent()?;
    Ok(answer.into_iter().flat_map(|answer| answer.listeners).collect())
}

/// Make the listener that forwards this port to the target group, or move the one that there is to the port. A
/// listener is owned through its load balancer.
pub fn listen(ctx: &Context, balancer: &str, port: u16, target_group: &str) -> Result<()> {
    let elb = Query::new(ctx, &aws::ELB)?;
    let listener = presence::ensure(
        "listener",
        || Ok(listeners(&elb, balancer)?.into_iter().next()),
        || {
            let form = Form::new()
                .set("LoadBalancerArn", balancer)
                .set("Protocol", "HTTP")
                .set("Port", port)
                .set("DefaultActions.member.1.Type", "forward")
                .set("DefaultActions.member.1.TargetGroupArn", target_group)
                .tags("Tags.member", &ctx.tags());
            Ok(elb.act("CreateListener", form)?)
        },
    )?;
    if listener.port != port {
        elb.act("ModifyListener", Form::new().set("ListenerArn", &listener.arn).set("Port", port))?;
    }
    Ok(())
}

/// Remove its listeners, then itself, and wait until it is gone.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let elb = Query::new(ctx, &aws::ELB)?;
    let Some(balancer) = find_settled(|| find(ctx, &elb, name))? else {
        return Ok(());
    };
    for listener in listeners(&elb, &balancer.arn)? {
        elb.act("DeleteListener", Form::new().set("ListenerArn", &listener.arn)).or_absent()?;
    }
    elb.act("DeleteLoadBalancer", Form::new().set("LoadBalancerArn", &balancer.arn)).or_absent()?;
    wait::until(every(10.seconds()), at_most(15.minutes()), || match find(ctx, &elb, name)? {
        None => ready(()),
        Some(_) => pending("the load balancer is being deleted"),
    })
}
