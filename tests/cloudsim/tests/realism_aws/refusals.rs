//! What is refused before anything is made.

use serde_json::json;

use crate::common::{Cloud, Network, Stage, listen, look, role, settled, target_group};

#[test]
fn a_load_balancer_in_one_zone_is_refused() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    cloud.elb("CreateLoadBalancer", &[("Name", "web"), ("Subnets.member.1", &network.subnets[0])]).refused(
        400,
        "ValidationError",
        "two different Availability Zones",
    );
    assert!(cloud.existing("load-balancer").is_empty());
}

#[test]
fn a_public_load_balancer_needs_an_internet_gateway() {
    let cloud = Cloud::plain();
    let vpc = cloud.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok().text("vpcId");
    let subnet = |cidr: &str, zone: &str| {
        let parameters = [("VpcId", vpc.as_str()), ("CidrBlock", cidr), ("AvailabilityZone", zone)];
        cloud.ec2("CreateSubnet", &parameters).ok().text("subnetId")
    };
    let (a, b) = (subnet("10.0.0.0/24", "us-east-1a"), subnet("10.0.1.0/24", "us-east-1b"));
    cloud.elb("CreateLoadBalancer", &[("Name", "web"), ("Subnets.member.1", &a), ("Subnets.member.2", &b)]).refused(
        400,
        "InvalidSubnet",
        "no internet gateway",
    );
}

#[test]
fn a_name_in_use_with_other_settings_is_refused_and_with_the_same_ones_found() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    let first = target_group(&cloud, &network, "web", "200");
    assert_eq!(first, target_group(&cloud, &network, "web", "200"));
    cloud
        .elb(
            "CreateTargetGroup",
            &[("Name", "web"), ("Protocol", "HTTP"), ("Port", "81"), ("VpcId", &network.vpc), ("TargetType", "ip")],
        )
        .refused(400, "DuplicateTargetGroupName", "different settings");
}

#[test]
fn a_fargate_size_outside_the_table_is_refused() {
    let cloud = Cloud::plain();
    for (cpu, memory, fine) in
        [("256", "512", true), ("256", "250", false), ("512", "512", false), ("1024", "8192", true)]
    {
        let answer = cloud.ecs(
            "RegisterTaskDefinition",
            json!({
                "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": cpu, "memory": memory,
                "containerDefinitions": [{ "name": "web", "image": "web:1" }],
            }),
        );
        if fine {
            answer.ok();
        } else {
            answer.refused(400, "ClientException", "No Fargate configuration exists for given values");
        }
    }
}

#[test]
fn awslogs_and_secrets_need_an_execution_role() {
    let cloud = Cloud::plain();
    let register = |container: serde_json::Value| {
        cloud.ecs(
            "RegisterTaskDefinition",
            json!({
                "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
                "containerDefinitions": [container],
            }),
        )
    };
    let options = json!({ "awslogs-group": "/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web" });
    register(
        json!({ "name": "web", "image": "web:1", "logConfiguration": { "logDriver": "awslogs", "options": options } }),
    )
    .refused(400, "ClientException", "log driver awslogs");
    register(json!({ "name": "web", "image": "web:1", "secrets": [{ "name": "P", "valueFrom": "/p" }] })).refused(
        400,
        "ClientException",
        "executionRoleArn",
    );
}

#[test]
fn a_service_on_a_target_group_that_no_listener_uses_is_refused() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let lonely = target_group(&cloud, &stage.network, "lonely", "200");
    let mut service = stage.service(&stage.define(&cloud, "web:1"));
    service["loadBalancers"][0]["targetGroupArn"] = json!(lonely);
    cloud.ecs("CreateService", service).refused(
        400,
        "InvalidParameterException",
        "does not have an associated load balancer",
    );
}

#[test]
fn a_service_name_that_still_drains_is_refused_until_it_is_inactive() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    cloud.ecs("DeleteService", json!({ "cluster": "c", "service": "web", "force": true })).ok();
    let again = stage.service(&stage.define(&cloud, "web:2"));
    cloud.ecs("CreateService", again.clone()).refused(
        400,
        "InvalidParameterException",
        "Unable to Start a service that is still Draining",
    );
    let drained = (0..20).any(|_| look(&cloud)["status"] == "INACTIVE");
    assert!(drained);
    cloud.ecs("CreateService", again).ok();
    assert_eq!(settled(&cloud)["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_service_cannot_be_created_twice_but_a_token_finds_it() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let mut service = stage.service(&stage.define(&cloud, "web:1"));
    service["clientToken"] = json!("once");
    cloud.ecs("CreateService", service.clone()).ok();
    cloud.ecs("CreateService", service.clone()).ok();
    service["clientToken"] = json!("twice");
    cloud.ecs("CreateService", service).refused(400, "InvalidParameterException", "not idempotent");
    assert_eq!(cloud.existing("service").len(), 1);
}

#[test]
fn the_very_first_cluster_of_an_account_is_refused_once() {
    let cloud = Cloud::with(json!({ "aws": { "first_cluster_fails": true } }));
    cloud.ecs("CreateCluster", json!({ "clusterName": "c" })).refused(
        400,
        "InvalidParameterException",
        "Unable to assume the service linked role",
    );
    cloud.ecs("CreateCluster", json!({ "clusterName": "c" })).ok();
}

#[test]
fn a_role_cannot_be_assumed_in_its_first_moments() {
    let cloud = Cloud::with(json!({ "aws": { "role_uses_refused": 1 } }));
    let stage = Stage::set(&cloud);
    cloud.ecs("CreateService", stage.service(&stage.define(&cloud, "web:1"))).ok();
    let first = look(&cloud);
    assert!(first["events"][0]["message"].as_str().unwrap().contains("unable to assume the role"), "{first}");
    assert_eq!(first["deployments"][0]["failedTasks"], 1);
    assert_eq!(settled(&cloud)["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_policy_that_does_not_exist_cannot_be_attached() {
    let cloud = Cloud::plain();
    role(&cloud, "r");
    cloud
        .query("iam", "AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/NoSuchPolicy")])
        .refused(404, "NoSuchEntity", "does not exist");
}

#[test]
fn a_parameter_is_not_overwritten_unasked_nor_tagged_while_it_is() {
    let cloud = Cloud::plain();
    let put = |more: serde_json::Value| {
        let mut body = json!({ "Name": "/p", "Value": "v", "Type": "String" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cloud.json("ssm", "PutParameter", &body)
    };
    put(json!({})).ok();
    put(json!({})).refused(400, "ParameterAlreadyExists", "");
    put(json!({ "Overwrite": true, "Tags": [{ "Key": "a", "Value": "b" }] })).refused(
        400,
        "ValidationException",
        "tags and overwrite",
    );
    put(json!({ "Overwrite": true })).ok();
}

#[test]
fn a_rule_that_is_there_is_a_duplicate() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    let group = network.group(&cloud, "g");
    crate::common::admit(&cloud, &group, 80, "0.0.0.0/0").ok();
    crate::common::admit(&cloud, &group, 80, "0.0.0.0/0").refused(400, "InvalidPermission.Duplicate", "already exists");
    crate::common::admit(&cloud, &group, 81, "sg-00000000000000000").refused(
        400,
        "InvalidGroup.NotFound",
        "does not exist",
    );
}

#[test]
fn a_second_listener_on_a_port_is_refused() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let other = target_group(&cloud, &stage.network, "other", "200");
    assert_eq!(listen(&cloud, &stage.balancer, &stage.target), stage.listener);
    cloud
        .elb(
            "CreateListener",
            &[
                ("LoadBalancerArn", &stage.balancer),
                ("Protocol", "HTTP"),
                ("Port", "80"),
                ("DefaultActions.member.1.Type", "forward"),
                ("DefaultActions.member.1.TargetGroupArn", &other),
            ],
        )
        .refused(400, "DuplicateListener", "already exists on this port");
}

#[test]
fn too_many_networks_are_refused() {
    let cloud = Cloud::with(json!({ "aws": { "vpc_limit": 2 } }));
    cloud.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok();
    cloud.ec2("CreateVpc", &[("CidrBlock", "10.1.0.0/16")]).refused(400, "VpcLimitExceeded", "maximum number of VPCs");
}
