//! The target group: the addresses of an application's tasks, and how their health is checked.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::health_check::HealthCheck;
use crate::{elb, presence};

/// A target group, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    #[serde(rename = "TargetGroupArn")]
    pub arn: String,
    /// The load balancers that use it.
    #[serde(rename = "LoadBalancerArns", default)]
    pub load_balancers: aws::Texts,
}

/// What the load balancer thinks of a task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, `unavailable`.
    #[serde(rename = "State")]
    pub state: String,
    /// `Target.ResponseCodeMismatch` …
    #[serde(rename = "Reason", default)]
    pub reason: Option<String>,
    /// `Health checks failed with these codes: [500]`
    #[serde(rename = "Description", default)]
    pub description: Option<String>,
}

#[derive(Deserialize)]
struct Groups {
    #[serde(rename = "TargetGroups", default)]
    groups: List<TargetGroup>,
}

fn describe(elb: &Query, form: Form) -> Result<Vec<TargetGroup>, Error> {
    let answer: Option<Groups> = elb.call("DescribeTargetGroups", form).or_absent()?;
    Ok(answer.unwrap_or(Groups { groups: List::default() }).groups.items)
}

/// The target groups with these ARNs.
pub fn with_arns(elb: &Query, arns: &[String]) -> Result<Vec<TargetGroup>, Error> {
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    describe(elb, Form::new().list("TargetGroupArns.member", arns))
}

/// The one of this name, if it is ours.
pub fn find(ctx: &Context, elb: &Query, name: &str) -> Result<Option<TargetGroup>> {
    let found = describe(elb, Form::new().list("Names.member", [name]))?.into_iter().next();
    match found {
        Some(group) => Ok(elb::ours(ctx, elb, "target group", name, &group.arn)?.then_some(group)),
        None => Ok(None),
    }
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, name: &str, vpc: &str, port: u16, check: &HealthCheck) -> Result<TargetGroup> {
    let elb = Query::new(ctx, &aws::ELB)?;
    presence::ensure(
        "target group",
        || find(ctx, &elb, name),
        || {
            let form = Form::new()
                .set("Name", name)
                .set("Protocol", "HTTP")
                .set("Port", port)
                .set("VpcId", vpc)
                // Fargate tasks have addresses of their own, not instances.
                .set("TargetType", "ip")
                .set("HealthCheckPath", &check.path)
                .set("Matcher.HttpCode", &check.codes)
                .tags("Tags.member", &ctx.tags());
            Ok(elb.act("CreateTargetGroup", form)?)
        },
    )
}

/// Check the health of its tasks like this from now on.
pub fn check_like(ctx: &Context, arn: &str, check: &HealthCheck) -> Result<()> {
    let elb = Query::new(ctx, &aws::ELB)?;
    let form = Form::new()
        .set("TargetGroupArn", arn)
        .set("HealthCheckPath", &check.path)
        .set("Matcher.HttpCode", &check.codes);
    Ok(elb.act("ModifyTargetGroup", form)?)
}

/// What the load balancer thinks of each task.
pub fn health(elb: &Query, arn: &str) -> Result<Vec<Health>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "TargetHealthDescriptions", default)]
        targets: List<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        #[serde(rename = "TargetHealth")]
        health: Health,
    }
    let answer: Option<Answer> =
        elb.call("DescribeTargetHealth", Form::new().set("TargetGroupArn", arn)).or_absent()?;
    Ok(answer.into_iter().flat_map(|answer| answer.targets).map(|target| target.health).collect())
}

/// Remove it, once its load balancer has let it go.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let elb = Query::new(ctx, &aws::ELB)?;
    if find_settled(|| find(ctx, &elb, name))?.is_none() {
        return Ok(());
    }
    wait::until(every(5.seconds()), at_most(30.minutes()), || {
        let Some(group) = find(ctx, &elb, name)? else {
            return ready(());
        };
        let form = Form::new().set("TargetGroupArn", &group.arn);
        match elb.act("DeleteTargetGroup", form).or_absent().or_code(&["ResourceInUse"])? {
            Some(_) => ready(()),
            None => pending("the target group is still in use"),
        }
    })
}

/// Whether the tasks behind the load balancer can be reached: none is on trial or failing, and one is healthy.
/// The note says how it stands.
pub fn judge(targets: &[Health]) -> Result<(), String> {
    let count = |state: &str| targets.iter().filter(|target| target.state == state).count();
    let (healthy, unsettled) = (count("healthy"), count("initial") + count("unhealthy") + count("unavailable"));
    if healthy > 0 && unsettled == 0 {
        return Ok(());
    }
    let reason = targets.iter().find(|target| target.state != "healthy").and_then(Health::words);
    Err(match reason {
        Some(reason) => format!("{healthy} of {} targets healthy: {reason}", targets.len()),
        None => format!("{healthy} of {} targets healthy", targets.len()),
    })
}

impl Health {
    /// The reason in AWS's words.
    pub fn words(&self) -> Option<String> {
        match (&self.reason, &self.description) {
            (Some(reason), Some(description)) => Some(format!("{description} ({reason})")),
            (Some(words), None) | (None, Some(words)) => Some(words.clone()),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(state: &str, description: Option<&str>) -> Health {
        Health { state: state.into(), reason: None, description: description.map(str::to_owned) }
    }

    #[test]
    fn an_application_serves_once_no_target_is_on_trial_and_one_is_healthy() {
        assert_eq!(judge(&[target("healthy", None), target("draining", None)]), Ok(()));
        assert_eq!(judge(&[]), Err("0 of 0 targets healthy".into()));
        assert_eq!(
            judge(&[target("healthy", None), target("unhealthy", Some("codes: [500]"))]),
            Err("1 of 2 targets healthy: codes: [500]".into())
        );
    }
}
