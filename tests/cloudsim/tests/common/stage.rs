//! The world that most tests start from: a network, a load balancer, a service behind it.

use serde_json::{Value, json};

use super::{Answer, Cloud};

/// The default network of a region.
pub struct Network {
    pub vpc: String,
    /// In three zones.
    pub subnets: Vec<String>,
}

impl Network {
    pub fn of(cloud: &Cloud) -> Self {
        let subnets = cloud.ec2("DescribeSubnets", &[]).ok();
        Self { vpc: subnets.text("vpcId"), subnets: subnets.texts("subnetId") }
    }

    pub fn group(&self, cloud: &Cloud, name: &str) -> String {
        let parameters = [("GroupName", name), ("GroupDescription", "for tests"), ("VpcId", self.vpc.as_str())];
        cloud.ec2("CreateSecurityGroup", &parameters).ok().text("groupId")
    }
}

/// Lets a group in on a port: `0.0.0.0/0` or a group.
pub fn admit(cloud: &Cloud, group: &str, port: u16, from: &str) -> Answer {
    let port = port.to_string();
    let peer =
        if from.starts_with("sg-") { "IpPermissions.1.Groups.1.GroupId" } else { "IpPermissions.1.IpRanges.1.CidrIp" };
    cloud.ec2(
        "AuthorizeSecurityGroupIngress",
        &[
            ("GroupId", group),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", &port),
            ("IpPermissions.1.ToPort", &port),
            (peer, from),
        ],
    )
}

/// Everything that a service behind a load balancer needs, and the service's settings.
pub struct Stage {
    pub network: Network,
    pub outer: String,
    pub inner: String,
    pub balancer: String,
    pub target: String,
    pub listener: String,
    pub role: String,
}

pub const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

pub fn role(cloud: &Cloud, name: &str) -> String {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "ecs-tasks.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    });
    let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())];
    let arn = cloud.query("iam", "CreateRole", &parameters).ok().text("Arn");
    cloud.query("iam", "AttachRolePolicy", &[("RoleName", name), ("PolicyArn", EXECUTION)]).ok();
    arn
}

impl Stage {
    pub fn set(cloud: &Cloud) -> Self {
        let network = Network::of(cloud);
        let (outer, inner) = (network.group(cloud, "outer"), network.group(cloud, "inner"));
        admit(cloud, &outer, 80, "0.0.0.0/0").ok();
        admit(cloud, &inner, 8080, &outer).ok();
        let balancer = cloud
            .elb(
                "CreateLoadBalancer",
                &[
                    ("Name", "web"),
                    ("Subnets.member.1", &network.subnets[0]),
                    ("Subnets.member.2", &network.subnets[1]),
                    ("SecurityGroups.member.1", &outer),
                ],
            )
            .ok()
            .text("LoadBalancerArn");
        let target = target_group(cloud, &network, "web", "200");
        let listener = listen(cloud, &balancer, &target);
        let role = role(cloud, "execution");
        cloud.ecs("CreateCluster", json!({ "clusterName": "c" })).ok();
        cloud.json("logs", "CreateLogGroup", &json!({ "logGroupName": "/web" })).ok();
        Self { network, outer, inner, balancer, target, listener, role }
    }

    pub fn define(&self, cloud: &Cloud, image: &str) -> String {
        cloud.ecs("RegisterTaskDefinition", self.definition(image)).ok().value()["taskDefinition"]["taskDefinitionArn"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn definition(&self, image: &str) -> Value {
        json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": self.role,
            "containerDefinitions": [{
                "name": "web", "image": image, "portMappings": [{ "containerPort": 8080 }],
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web" } },
            }],
        })
    }

    pub fn service(&self, definition: &str) -> Value {
        json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1, "launchType": "FARGATE",
            "loadBalancers": [{ "targetGroupArn": self.target, "containerName": "web", "containerPort": 8080 }],
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": [self.network.subnets[0], self.network.subnets[1]],
                "securityGroups": [self.inner], "assignPublicIp": "ENABLED" } },
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        })
    }

    /// Deploys an image, and looks until the deployment is over.
    pub fn deploy(&self, cloud: &Cloud, image: &str) -> Value {
        let definition = self.define(cloud, image);
        cloud.ecs("CreateService", self.service(&definition)).ok();
        settled(cloud)
    }
}

pub fn target_group(cloud: &Cloud, network: &Network, name: &str, codes: &str) -> String {
    let parameters = [
        ("Name", name),
        ("Protocol", "HTTP"),
        ("Port", "8080"),
        ("VpcId", network.vpc.as_str()),
        ("TargetType", "ip"),
        ("Matcher.HttpCode", codes),
    ];
    cloud.elb("CreateTargetGroup", &parameters).ok().text("TargetGroupArn")
}

pub fn listen(cloud: &Cloud, balancer: &str, target: &str) -> String {
    let parameters = [
        ("LoadBalancerArn", balancer),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", target),
    ];
    cloud.elb("CreateListener", &parameters).ok().text("ListenerArn")
}

pub fn look(cloud: &Cloud) -> Value {
    let answer = cloud.ecs("DescribeServices", json!({ "cluster": "c", "services": ["web"] })).ok().value();
    answer["services"][0].clone()
}

/// Looks at the service until no deployment is in progress; the last look, or the 40th.
pub fn settled(cloud: &Cloud) -> Value {
    let mut service = look(cloud);
    for _ in 0..40 {
        let deployments = service["deployments"].as_array().unwrap();
        if deployments.len() == 1 && deployments[0]["rolloutState"] != "IN_PROGRESS" {
            break;
        }
        service = look(cloud);
    }
    service
}

/// The tasks that have stopped.
pub fn stopped(cloud: &Cloud) -> Vec<Value> {
    let list = json!({ "cluster": "c", "serviceName": "web", "desiredStatus": "STOPPED" });
    let arns = cloud.ecs("ListTasks", list).ok().value()["taskArns"].clone();
    cloud.ecs("DescribeTasks", json!({ "cluster": "c", "tasks": arns })).ok().value()["tasks"]
        .as_array()
        .unwrap()
        .clone()
}
