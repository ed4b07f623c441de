//! The ECS service: what keeps an application's tasks running behind its target group.

use cloudark_sdk::aws::{self, Error, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mark;

/// A service, as far as we look at it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Its ARN.
    #[serde(rename = "serviceArn")]
    pub arn: String,
    /// Its name.
    #[serde(rename = "serviceName")]
    pub name: String,
    /// `ACTIVE`, `DRAINING` (being deleted) or `INACTIVE` (deleted).
    pub status: String,
    /// How many tasks should run.
    #[serde(rename = "desiredCount")]
    pub desired: u32,
    /// How many do.
    #[serde(rename = "runningCount")]
    pub running: u32,
    /// The ARN of the task definition that it was told to run.
    pub task_definition: String,
    /// The current deployment and those it replaces.
    pub deployments: Vec<Deployment>,
    /// The newest first.
    pub events: Vec<Event>,
    /// Which container and port are behind which target group.
    pub load_balancers: Vec<Attachment>,
    /// The ownership mark among them.
    pub tags: Vec<mark::JsonTag>,
}

/// One rollout of a task definition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// `PRIMARY`, `ACTIVE` (being replaced) or `INACTIVE`.
    pub status: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// How many tasks should run.
    #[serde(rename = "desiredCount")]
    pub desired: u32,
    /// How many do.
    #[serde(rename = "runningCount")]
    pub running: u32,
    /// How many tasks in a row did not start or stay up.
    pub failed_tasks: u32,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub rollout_state: Option<String>,
    /// Why.
    #[serde(rename = "rolloutStateReason")]
    pub rollout_reason: Option<String>,
}

/// A line of the service's history.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Unique.
    pub id: String,
    /// Seconds since the epoch.
    pub created_at: f64,
    /// `(service web) has reached a steady state.`
    pub message: String,
}

/// A container port behind a target group.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// The target group.
    pub target_group_arn: String,
    /// The port of the container.
    pub container_port: u16,
}

impl Service {
    /// Whether it is there: a deleted service stays readable as `INACTIVE`.
    pub fn exists(&self) -> bool {
        self.status != "INACTIVE"
    }
}

impl Deployment {
    /// Whether it is the one that ECS works on.
    pub fn is_primary(&self) -> bool {
        self.status == "PRIMARY"
    }

    /// Whether the circuit breaker made it to get back to an older version.
    pub fn is_rollback(&self) -> bool {
        self.rollout_reason.as_deref().is_some_and(|reason| reason.contains("rolling back"))
    }
}

/// What a service is created with.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The minted name.
    pub name: &'a str,
    /// The ARN of its cluster.
    pub cluster: &'a str,
    /// The ARN of its task definition.
    pub task_definition: &'a str,
    /// The target group that its tasks join.
    pub target_group: &'a str,
    /// The port that the container listens on.
    pub container_port: u16,
    /// How many tasks.
    pub replicas: u32,
    /// Seconds in which failing health checks do not count.
    pub grace: u32,
    /// Public subnets.
    pub subnets: &'a [String],
    /// The tasks' security group.
    pub group: &'a str,
}

/// The services of this cluster with these names that are not deleted.
pub fn describe(ecs: &Json, cluster: &str, names: &[String]) -> Result<Vec<Service>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        services: Vec<Service>,
    }
    let mut services = Vec::new();
    // DescribeServices takes ten at a time.
    for names in names.chunks(10) {
        let answer: Option<Answer> = ecs
            .call("DescribeServices", &json!({ "cluster": cluster, "services": names, "include": ["TAGS"] }))
            .or_absent()?;
        services.extend(answer.into_iter().flat_map(|answer| answer.services).filter(Service::exists));
    }
    Ok(services)
}

/// The service of this name, being deleted or not.
pub fn find(ecs: &Json, cluster: &str, name: &str) -> Result<Option<Service>, Error> {
    Ok(describe(ecs, cluster, &[name.to_owned()])?.into_iter().next())
}

/// The service of this name, if it is ours.
pub fn find_ours(ctx: &Context, ecs: &Json, cluster: &str, name: &str) -> Result<Option<()>> {
    let Some(service) = find(ecs, cluster, name)? else {
        return Ok(None);
    };
    mark::require(ctx, "service", name, &mark::of_json(&service.tags))?;
    Ok(Some(()))
}

/// All services of a cluster that are not deleted.
pub fn of_cluster(ecs: &Json, cluster: &str) -> Result<Vec<Service>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(default)]
        service_arns: Vec<String>,
        next_token: Option<String>,
    }
    let names: Option<Vec<String>> = ecs
        .pages("ListServices", &json!({ "cluster": cluster }), "nextToken", |page: Answer| {
            (page.service_arns, page.next_token)
        })
        .or_absent()?;
    describe(ecs, cluster, &names.unwrap_or_default())
}

/// Create it. The client token makes AWS answer a repeated call with the first one's service.
pub fn create(ctx: &Context, ecs: &Json, wanted: &Wanted<'_>) -> Result<()> {
    Ok(ecs.act(
        "CreateService",
        &json!({
            "cluster": wanted.cluster,
            "serviceName": wanted.name,
            "clientToken": ctx.token("service", 36),
            "taskDefinition": wanted.task_definition,
            "desiredCount": wanted.replicas,
            "launchType": "FARGATE",
            "loadBalancers": attachments(wanted.target_group, wanted.container_port),
            "healthCheckGracePeriodSeconds": wanted.grace,
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": { "enable": true, "rollback": true },
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
            },
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": wanted.subnets,
                "securityGroups": [wanted.group],
                // Without it a task in a public subnet cannot pull its image.
                "assignPublicIp": "ENABLED",
            }},
            "propagateTags": "SERVICE",
            "tags": mark::json(&ctx.tags()),
        }),
    )?)
}

/// How a service names what is behind its target group.
pub fn attachments(target_group: &str, container_port: u16) -> Value {
    json!([{
        "targetGroupArn": target_group,
        "containerName": super::task_definition::CONTAINER,
        "containerPort": container_port,
    }])
}

/// Change it: `changes` are the fields of UpdateService.
pub fn update(ecs: &Json, cluster: &str, name: &str, mut changes: Value) -> Result<(), Error> {
    if let Value::Object(fields) = &mut changes {
        fields.insert("cluster".to_owned(), cluster.into());
        fields.insert("service".to_owned(), name.into());
    }
    ecs.act("UpdateService", &changes)
}

/// Stop its tasks, delete it, and wait until it is gone.
pub fn remove(ctx: &Context, cluster: &str, name: &str) -> Result<()> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    if find_settled(|| find_ours(ctx, &ecs, cluster, name))?.is_none() {
        return Ok(());
    }
    if find(&ecs, cluster, name)?.is_some_and(|service| service.status == "ACTIVE") {
        progress!("stopping its tasks");
        update(&ecs, cluster, name, json!({ "desiredCount": 0 })).or_absent()?;
        ecs.act("DeleteService", &json!({ "cluster": cluster, "service": name, "force": true })).or_absent()?;
    }
    wait::until(every(10.seconds()), at_most(30.minutes()), || match find(&ecs, cluster, name)? {
        None => ready(()),
        Some(service) => pending(format!("service is {}, {} tasks run", service.status, service.running)),
    })
}
