//! Services and tasks as answers show them.

use serde_json::{Value, json};

use super::{Service, Task, services::Rollout};
use crate::aws::{Ctx, tag_list_lower, when};

/// A service.
pub fn service(ctx: &Ctx<'_>, service: &Service, tags: bool) -> Value {
    let tasks: Vec<&Task> =
        ctx.r.ecs.tasks.values().filter(|t| t.cluster == service.cluster && t.service == service.name).collect();
    let count = |tasks: &[&Task], of: fn(&Task) -> bool| tasks.iter().filter(|task| of(task)).count();
    let deployments: Vec<Value> = service
        .deployments
        .iter()
        .enumerate()
        .map(|(n, deployment)| {
            let own: Vec<&Task> = tasks.iter().copied().filter(|task| task.deployment == deployment.id).collect();
            let wanted = if n == 0 { service.desired } else { own.iter().filter(|task| task.is_wanted()).count() };
            json!({
                "id": deployment.id,
                "status": if n == 0 { "PRIMARY" } else { "ACTIVE" },
                "taskDefinition": deployment.definition,
                "desiredCount": wanted,
                "pendingCount": count(&own, Task::is_pending),
                "runningCount": count(&own, Task::is_running),
                "failedTasks": deployment.failed,
                "createdAt": when::seconds(deployment.created_ms),
                "updatedAt": when::seconds(deployment.updated_ms),
                "launchType": service.launch_type,
                "platformVersion": "1.4.0",
                "platformFamily": "Linux",
                "networkConfiguration": deployment.network.view(),
                "rolloutState": match deployment.rollout {
                    Rollout::InProgress => "IN_PROGRESS",
                    Rollout::Completed => "COMPLETED",
                    Rollout::Failed => "FAILED",
                },
                "rolloutStateReason": deployment.reason,
            })
        })
        .collect();
    let events: Vec<Value> = service
        .events
        .iter()
        .map(|event| json!({ "id": event.id, "createdAt": when::seconds(event.at_ms), "message": event.message }))
        .collect();
    let balancers: Vec<Value> = service
        .balancers
        .iter()
        .map(|b| json!({ "targetGroupArn": b.group, "containerName": b.container, "containerPort": b.port }))
        .collect();
    let primary = service.deployments.first();
    json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": ctx.arn("ecs", &format!("cluster/{}", service.cluster)),
        "status": service.status.name(),
        "desiredCount": service.desired,
        "runningCount": count(&tasks, Task::is_running),
        "pendingCount": count(&tasks, Task::is_pending),
        "launchType": service.launch_type,
        "platformVersion": "LATEST",
        "taskDefinition": primary.map(|deployment| deployment.definition.clone()),
        "loadBalancers": balancers,
        "serviceRegistries": [],
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": service.breaker.enable, "rollback": service.breaker.rollback },
            "maximumPercent": service.percent.0,
            "minimumHealthyPercent": service.percent.1,
        },
        "deployments": deployments,
        "events": events,
        "createdAt": when::seconds(service.birth.at_ms),
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": primary.map(|deployment| deployment.network.view()),
        "healthCheckGracePeriodSeconds": service.grace,
        "schedulingStrategy": "REPLICA",
        "deploymentController": { "type": "ECS" },
        "enableECSManagedTags": false,
        "propagateTags": service.propagate.as_deref().unwrap_or("NONE"),
        "enableExecuteCommand": false,
        "tags": if tags { tag_list_lower(&service.tags) } else { Value::Null },
    })
}

/// A task.
pub fn task(ctx: &Ctx<'_>, task: &Task, tags: bool) -> Value {
    let stopped = task.stop.as_ref();
    let eni = task.interface.as_ref().and_then(|id| ctx.r.ec2.interfaces.get(id));
    let attachments: Vec<Value> = task
        .interface
        .iter()
        .map(|id| {
            let mut details = vec![json!({ "name": "networkInterfaceId", "value": id })];
            if let Some(eni) = eni {
                details.push(json!({ "name": "subnetId", "value": eni.subnet }));
                details.push(json!({ "name": "privateIPv4Address", "value": eni.ip }));
            }
            let status = if task.is_stopped() { "DELETED" } else { "ATTACHED" };
            json!({ "id": task.id, "type": "ElasticNetworkInterface", "status": status, "details": details })
        })
        .collect();
    let containers: Vec<Value> = task
        .containers
        .iter()
        .map(|container| {
            json!({
                "containerArn": ctx.arn("ecs", &format!("container/{}/{}/{}", task.cluster, task.id, container.name)),
                "taskArn": task.arn,
                "name": container.name,
                "image": container.image,
                "lastStatus": if task.is_stopped() { "STOPPED" } else if task.is_running() { "RUNNING" } else { "PENDING" },
                "exitCode": container.exit,
                "reason": container.reason,
                "networkBindings": [],
                "networkInterfaces": [],
                "healthStatus": "UNKNOWN",
            })
        })
        .collect();
    json!({
        "taskArn": task.arn,
        "clusterArn": ctx.arn("ecs", &format!("cluster/{}", task.cluster)),
        "taskDefinitionArn": task.definition,
        "attachments": attachments,
        "availabilityZone": eni.map(|eni| eni.zone.clone()),
        "containers": containers,
        "cpu": task.size.0,
        "memory": task.size.1,
        "createdAt": when::seconds(task.birth.at_ms),
        "desiredStatus": if task.is_wanted() { "RUNNING" } else { "STOPPED" },
        "group": format!("service:{}", task.service),
        "healthStatus": "UNKNOWN",
        "lastStatus": task.stage.name(),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "startedAt": task.started_ms.map(when::seconds),
        "startedBy": task.deployment,
        "stopCode": stopped.map(|stop| stop.code.clone()),
        "stoppedReason": stopped.map(|stop| stop.reason.clone()),
        "stoppedAt": task.stopped_ms.map(when::seconds),
        "stoppingAt": stopped.map(|stop| when::seconds(stop.at_ms)),
        "overrides": { "containerOverrides": [] },
        "version": 1,
        "tags": if tags { tag_list_lower(&task.tags) } else { json!([]) },
    })
}
