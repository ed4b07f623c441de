//! What is slow: visibility, interfaces that stay, health.

use serde_json::json;

use crate::common::{Cloud, Network, Stage, look, settled, stopped};

#[test]
fn a_new_thing_is_not_found_by_the_first_looks() {
    let cloud = Cloud::with(json!({ "lag_polls": 2 }));
    let network = Network::of(&cloud);
    let group = network.group(&cloud, "g");
    let by_id = || cloud.ec2("DescribeSecurityGroups", &[("GroupId.1", &group)]);
    by_id().refused(400, "InvalidGroup.NotFound", "does not exist");
    by_id().refused(400, "InvalidGroup.NotFound", "does not exist");
    by_id().ok();
    // What cannot be seen is in the way all the same.
    network.group(&cloud, "h");
    cloud
        .ec2("CreateSecurityGroup", &[("GroupName", "h"), ("GroupDescription", "d"), ("VpcId", &network.vpc)])
        .refused(400, "InvalidGroup.Duplicate", "already exists");
}

#[test]
fn time_makes_things_visible_and_ready_too_where_it_is_configured() {
    let cloud = Cloud::with(json!({ "lag_polls": 1000, "lag_ms": 0, "polls_until_ready": 1000, "ready_after_ms": 0 }));
    cloud.rds("CreateDBInstance", &crate::databases::FINE).ok();
    let look = || cloud.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "db1")]).ok().text("DBInstanceStatus");
    assert!((0..4).any(|_| look() == "available"));
}

#[test]
fn network_interfaces_outlive_their_load_balancer() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    cloud.elb("DeleteListener", &[("ListenerArn", &stage.listener)]).ok();
    cloud.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &stage.balancer)]).ok();
    cloud.elb("DescribeLoadBalancers", &[("Names.member.1", "web")]).refused(400, "LoadBalancerNotFound", "not found");
    let rule = [
        ("GroupId", stage.inner.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "8080"),
        ("IpPermissions.1.ToPort", "8080"),
        ("IpPermissions.1.Groups.1.GroupId", stage.outer.as_str()),
    ];
    cloud.ec2("RevokeSecurityGroupIngress", &rule).ok();
    for _ in 0..3 {
        cloud.ec2("DeleteSecurityGroup", &[("GroupId", &stage.outer)]).refused(
            400,
            "DependencyViolation",
            "dependent object",
        );
    }
    cloud.ec2("DeleteSecurityGroup", &[("GroupId", &stage.outer)]).ok();
}

#[test]
fn network_interfaces_outlive_their_task_and_their_database() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    cloud.ecs("DeleteService", json!({ "cluster": "c", "service": "web", "force": true })).ok();
    assert!((0..20).any(|_| look(&cloud)["status"] == "INACTIVE"));
    let refused = (0..20).take_while(|_| cloud.ec2("DeleteSecurityGroup", &[("GroupId", &stage.inner)]).status != 200);
    assert!((1..10).contains(&refused.count()));

    let data = stage.network.group(&cloud, "data");
    let mut database = crate::databases::FINE.to_vec();
    database.push(("VpcSecurityGroupIds.VpcSecurityGroupId.1", &data));
    cloud.rds("CreateDBInstance", &database).ok();
    cloud.rds("DeleteDBInstance", &[("DBInstanceIdentifier", "db1"), ("SkipFinalSnapshot", "true")]).ok();
    assert!((0..20).any(|_| { cloud.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "db1")]).status == 404 }));
    cloud.ec2("DeleteSecurityGroup", &[("GroupId", &data)]).refused(400, "DependencyViolation", "dependent object");
    assert!((0..20).any(|_| { cloud.ec2("DeleteSecurityGroup", &[("GroupId", &data)]).status == 200 }));
}

#[test]
fn a_target_is_healthy_only_if_its_group_admits_the_load_balancers() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let closed = stage.network.group(&cloud, "closed");
    let mut service = stage.service(&stage.define(&cloud, "web:1"));
    service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"] = json!([closed]);
    cloud.ecs("CreateService", service).ok();
    let health = || cloud.elb("DescribeTargetHealth", &[("TargetGroupArn", &stage.target)]).ok();
    let mut reasons = Vec::new();
    for _ in 0..8 {
        look(&cloud);
        reasons.push(health().text("Reason"));
    }
    assert!(reasons.iter().any(|reason| reason == "Elb.RegistrationInProgress"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason == "Target.Timeout"), "{reasons:?}");
    // Once the rule is there, the next round finds it healthy.
    crate::common::admit(&cloud, &closed, 8080, &stage.outer).ok();
    assert_eq!(settled(&cloud)["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(health().text("State"), "healthy");
}

#[test]
fn a_target_behind_an_unrouted_load_balancer_is_not_healthy() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    let table = cloud.ec2("DescribeRouteTables", &[]).ok().text("routeTableId");
    cloud.ec2("DeleteRoute", &[("RouteTableId", &table), ("DestinationCidrBlock", "0.0.0.0/0")]).ok();
    let health = cloud.elb("DescribeTargetHealth", &[("TargetGroupArn", &stage.target)]).ok();
    assert_eq!((health.text("State").as_str(), health.text("Reason").as_str()), ("unhealthy", "Target.Timeout"));
}

#[test]
fn only_the_codes_that_the_health_check_names_are_healthy() {
    for (image, codes, healthy) in
        [("web:302", "200", false), ("web:302", "200-399", true), ("web:unhealthy", "200-499", false)]
    {
        let cloud = Cloud::plain();
        let stage = Stage::set(&cloud);
        let target = ("TargetGroupArn", stage.target.as_str());
        cloud.elb("ModifyTargetGroup", &[target, ("Matcher.HttpCode", codes)]).ok();
        let mut service = stage.service(&stage.define(&cloud, image));
        service["deploymentConfiguration"] = json!({});
        cloud.ecs("CreateService", service).ok();
        let mut seen = Vec::new();
        for _ in 0..7 {
            look(&cloud);
            let health = cloud.elb("DescribeTargetHealth", &[target]).ok();
            seen.push((health.text("State"), health.text("Description")));
        }
        assert_eq!(seen.iter().any(|(state, _)| state == "healthy"), healthy, "{image} {codes}: {seen:?}");
        let mismatch = seen.iter().any(|(_, why)| why.contains("Health checks failed with these codes"));
        assert_eq!(mismatch, !healthy, "{image} {codes}: {seen:?}");
    }
}

#[test]
fn a_fargate_task_without_a_public_address_or_a_route_cannot_pull() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let mut service = stage.service(&stage.define(&cloud, "web:1"));
    let network = service["networkConfiguration"]["awsvpcConfiguration"].as_object_mut().unwrap();
    network.remove("assignPublicIp");
    cloud.ecs("CreateService", service).ok();
    for _ in 0..6 {
        look(&cloud);
    }
    let task = &stopped(&cloud)[0];
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(task["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError"), "{task}");
    assert!(task["containers"][0]["reason"].as_str().unwrap().starts_with("CannotPullContainerError"), "{task}");
}

#[test]
fn throttling_has_each_services_own_code_and_status_and_nothing_was_done() {
    let cloud = Cloud::plain();
    cloud.fault(json!({ "match": { "every": true }, "fault": "throttle" }));
    cloud.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).refused(503, "RequestLimitExceeded", "");
    cloud.rds("CreateDBInstance", &[]).refused(400, "Throttling", "Rate exceeded");
    cloud.elb("CreateLoadBalancer", &[]).refused(400, "Throttling", "Rate exceeded");
    cloud.query("iam", "CreateRole", &[]).refused(400, "Throttling", "Rate exceeded");
    cloud.ecs("CreateCluster", json!({})).refused(400, "ThrottlingException", "Rate exceeded");
    cloud.json("ssm", "PutParameter", &json!({})).refused(400, "ThrottlingException", "Rate exceeded");
    cloud.json("logs", "CreateLogGroup", &json!({})).refused(400, "ThrottlingException", "Rate exceeded");
    assert!(cloud.existing("").is_empty());
    assert!(cloud.calls().iter().all(|call| call["processed"] == false));
}
