//! How deployments end.

use serde_json::{Value, json};

use crate::common::{Cloud, Stage, look, settled, stopped};

fn update(cloud: &Cloud, definition: &str) {
    cloud.ecs("UpdateService", json!({ "cluster": "c", "service": "web", "taskDefinition": definition })).ok();
}

fn events(service: &Value) -> String {
    service["events"].to_string()
}

#[test]
fn a_good_deployment_completes_with_its_own_definition_as_primary() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    let second = stage.define(&cloud, "web:2");
    update(&cloud, &second);
    let during = look(&cloud);
    assert_eq!(during["deployments"].as_array().unwrap().len(), 2);
    // The old version serves until the new one is healthy.
    assert_eq!(during["runningCount"], 1);
    let service = settled(&cloud);
    assert_eq!(service["deployments"][0]["taskDefinition"], second);
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!((&service["runningCount"], &service["desiredCount"]), (&json!(1), &json!(1)));
    assert!(events(&service).contains("has reached a steady state"));
}

#[test]
fn the_circuit_breaker_rolls_back_and_the_old_version_is_primary() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let first = stage.define(&cloud, "web:1");
    cloud.ecs("CreateService", stage.service(&first)).ok();
    settled(&cloud);
    let second = stage.define(&cloud, "web:crash");
    update(&cloud, &second);
    let mut failed = Value::Null;
    for _ in 0..40 {
        let service = look(&cloud);
        let deployments = service["deployments"].as_array().unwrap().clone();
        failed = deployments.into_iter().find(|d| d["rolloutState"] == "FAILED").unwrap_or(failed);
    }
    assert_eq!(failed["taskDefinition"], second);
    assert!(failed["failedTasks"].as_u64().unwrap() >= 3, "{failed}");
    // One deployment, running = desired: and yet it failed.
    let service = look(&cloud);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(service["runningCount"], service["desiredCount"]);
    assert_eq!(service["deployments"][0]["taskDefinition"], first);
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(service["deployments"][0]["rolloutStateReason"].as_str().unwrap().contains("rolling back"), "{service}");
    assert_eq!(service["taskDefinition"], first);
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_go_back_to() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let service = stage.deploy(&cloud, "web:crash");
    assert_eq!(service["deployments"][0]["rolloutState"], "FAILED");
    assert!(service["deployments"][0]["rolloutStateReason"].as_str().unwrap().contains("circuit breaker"));
    for _ in 0..10 {
        look(&cloud);
    }
    assert_eq!((&look(&cloud)["runningCount"], &look(&cloud)["desiredCount"]), (&json!(0), &json!(1)));
}

#[test]
fn a_first_deployment_without_a_circuit_breaker_waits_for_ever() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let mut service = stage.service(&stage.define(&cloud, "web:missing"));
    service["deploymentConfiguration"] = json!({});
    cloud.ecs("CreateService", service).ok();
    for _ in 0..60 {
        look(&cloud);
    }
    let service = look(&cloud);
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert!(service["deployments"][0]["failedTasks"].as_u64().unwrap() > 5, "{service}");
    assert!(events(&service).contains("unable to consistently start tasks"));
    assert!(stopped(&cloud)[0]["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError"));
}

#[test]
fn a_crashing_task_says_its_exit_code_and_what_it_wrote() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:crash");
    let task = &stopped(&cloud)[0];
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    assert_eq!(
        (&task["stopCode"], &task["containers"][0]["exitCode"]),
        (&json!("EssentialContainerExited"), &json!(1))
    );
    let events =
        cloud.json("logs", "FilterLogEvents", &json!({ "logGroupName": "/web", "logStreamNamePrefix": "web/" })).ok();
    assert!(events.body.contains("fatal: cannot go on"));
}

#[test]
fn an_unhealthy_task_is_replaced_and_counts_as_failed() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let service = stage.deploy(&cloud, "web:unhealthy");
    assert_eq!(service["deployments"][0]["rolloutState"], "FAILED");
    assert!(events(&service).contains("Health checks failed with these codes: [500]"), "{service}");
    assert!(
        stopped(&cloud)
            .iter()
            .any(|task| { task["stoppedReason"].as_str().unwrap().contains("failed ELB health checks") })
    );
}

#[test]
fn a_secret_that_the_execution_role_may_not_read_stops_the_task() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    cloud.json("ssm", "PutParameter", &json!({ "Name": "/e/p", "Value": "hidden", "Type": "SecureString" })).ok();
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/e/p";
    let mut definition = stage.definition("web:1");
    definition["containerDefinitions"][0]["secrets"] = json!([{ "name": "P", "valueFrom": arn }]);
    let definition = cloud.ecs("RegisterTaskDefinition", definition).ok().value();
    cloud.ecs("CreateService", stage.service(definition["taskDefinition"]["taskDefinitionArn"].as_str().unwrap())).ok();
    for _ in 0..6 {
        look(&cloud);
    }
    let reason = stopped(&cloud)[0]["stoppedReason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("ResourceInitializationError") && reason.contains("ssm:GetParameters"), "{reason}");

    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": arn }] });
    let parameters = [("RoleName", "execution"), ("PolicyName", "read"), ("PolicyDocument", &policy.to_string())];
    cloud.query("iam", "PutRolePolicy", &parameters).ok();
    assert_eq!(settled(&cloud)["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_missing_log_group_stops_the_task() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    cloud.json("logs", "DeleteLogGroup", &json!({ "logGroupName": "/web" })).ok();
    stage.deploy(&cloud, "web:1");
    let reason = stopped(&cloud)[0]["stoppedReason"].as_str().unwrap().to_owned();
    assert!(reason.contains("The specified log group does not exist"), "{reason}");
}

#[test]
fn inactive_task_definitions_stay_readable_until_they_are_deleted() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let arn = stage.define(&cloud, "web:1");
    let named = json!({ "taskDefinition": arn });
    let delete = json!({ "taskDefinitions": [arn] });
    let refused = cloud.ecs("DeleteTaskDefinitions", delete.clone()).ok().value();
    assert!(refused["failures"][0]["reason"].as_str().unwrap().contains("ACTIVE"), "{refused}");
    cloud.ecs("DeregisterTaskDefinition", named.clone()).ok();
    let read = cloud.ecs("DescribeTaskDefinition", named.clone()).ok().value();
    assert_eq!(read["taskDefinition"]["status"], "INACTIVE");
    assert_eq!(read["taskDefinition"]["containerDefinitions"][0]["image"], "web:1");
    let lingering = cloud.inventory()["lingering"].clone();
    assert!(lingering.as_array().unwrap().iter().any(|item| item["id"] == arn.as_str()), "{lingering}");
    cloud.ecs("CreateService", stage.service(&arn)).refused(400, "ClientException", "TaskDefinition is inactive");
    cloud.ecs("DeleteTaskDefinitions", delete).ok();
    assert!((0..10).any(|_| cloud.ecs("DescribeTaskDefinition", named.clone()).status == 400));
    // Its number is never given again.
    assert!(stage.define(&cloud, "web:1").ends_with(":2"));
}
