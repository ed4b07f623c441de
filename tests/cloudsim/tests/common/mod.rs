//! A signed client for the simulated AWS, and the world that most tests start from.
#![allow(dead_code, missing_docs)]

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use cloudsim::{Config, Credentials, Scope, Sim, SimHandle, sign};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// A simulator and somebody who calls it.
pub struct Cloud {
    sim: SimHandle,
    pub region: &'static str,
    pub key: &'static str,
    pub secret: &'static str,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// `Err` is a connection that was closed without an answer.
pub type Outcome = std::io::Result<Answer>;

impl Cloud {
    /// Without lag, and without what fails only once: each test adds what it is about.
    pub fn plain() -> Self {
        Self::with(json!({}))
    }

    pub fn with(settings: Value) -> Self {
        let calm = json!({
            "lag_polls": 0,
            "aws": { "first_cluster_fails": false, "role_uses_refused": 0 },
        });
        let config = Config::default()
            .merged(&calm)
            .unwrap()
            .merged(&settings)
            .unwrap();
        let sim = Sim::start(config).unwrap();
        Self {
            sim,
            region: "us-east-1",
            key: "AKIDEXAMPLE",
            secret: "cloudsim-secret-key",
        }
    }

    pub fn port(&self) -> u16 {
        self.sim.port()
    }

    /// A call of a Query service.
    pub fn query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.try_query(service, action, parameters).unwrap()
    }

    pub fn try_query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Outcome {
        let version = match service {
            "ec2" => "2016-11-15",
            "elasticloadbalancing" => "2015-12-01",
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            _ => "2011-06-15",
        };
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = [("Action", action), ("Version", version)]
            .into_iter()
            .chain(parameters.iter().copied());
        let body: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.signed(service, &[kind], body.join("&").as_bytes())
    }

    /// A call of a JSON service.
    pub fn json(&self, service: &str, action: &str, parameters: &Value) -> Answer {
        let prefix = match service {
            "ecs" => "AmazonEC2ContainerServiceV20141113",
            "ssm" => "AmazonSSM",
            "logs" => "Logs_20140328",
            _ => "AmazonEC2ContainerRegistry_V20150921",
        };
        let target = format!("{prefix}.{action}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        self.signed(service, &headers, parameters.to_string().as_bytes())
            .unwrap()
    }

    pub fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("ec2", action, parameters)
    }

    pub fn elb(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("elasticloadbalancing", action, parameters)
    }

    pub fn rds(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("rds", action, parameters)
    }

    pub fn ecs(&self, action: &str, parameters: Value) -> Answer {
        self.json("ecs", action, &parameters)
    }

    pub fn signed(&self, service: &str, headers: &[(&str, &str)], body: &[u8]) -> Outcome {
        self.signed_at(service, headers, body, time::OffsetDateTime::now_utc())
    }

    pub fn signed_at(
        &self,
        service: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        at: time::OffsetDateTime,
    ) -> Outcome {
        let host = format!("127.0.0.1:{}", self.sim.port());
        let credentials = Credentials {
            access_key: self.key,
            secret_key: self.secret,
            session_token: None,
        };
        let mut all = vec![("host", host.as_str())];
        all.extend_from_slice(headers);
        let scope = Scope {
            region: self.region,
            service,
        };
        let added = sign(&credentials, scope, "/", &all, body, at);
        all.extend(
            added
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        self.raw("POST", "/", &all, body)
    }

    /// A request as it is.
    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Outcome {
        let mut stream = TcpStream::connect(("127.0.0.1", self.sim.port()))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: 127.0.0.1\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer {
            status,
            body: body.to_owned(),
        })
    }

    /// A call of the control API.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self
            .raw(
                method,
                path,
                &[("content-type", "application/json")],
                body.to_string().as_bytes(),
            )
            .unwrap();
        assert!(answer.status < 300, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    pub fn configure(&self, settings: Value) {
        self.control("POST", "/_sim/config", &settings);
    }

    pub fn fault(&self, rule: Value) {
        self.control("POST", "/_sim/faults", &json!([rule]));
    }

    pub fn act(&self, act: Value) -> Value {
        self.control("POST", "/_sim/act", &act)
    }

    /// What exists, of a type.
    pub fn existing(&self, kind: &str) -> Vec<Value> {
        let inventory = self.control("GET", "/_sim/inventory", &Value::Null);
        let resources = inventory["resources"].as_array().unwrap();
        resources
            .iter()
            .filter(|item| kind.is_empty() || item["type"] == kind)
            .cloned()
            .collect()
    }

    pub fn inventory(&self) -> Value {
        self.control("GET", "/_sim/inventory", &Value::Null)
    }

    pub fn calls(&self) -> Vec<Value> {
        self.control("GET", "/_sim/calls", &Value::Null)["calls"]
            .as_array()
            .unwrap()
            .clone()
    }
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// It was refused, with this code and this in its message.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str, message: &str) {
        let found = if self.body.starts_with('{') {
            self.value()["__type"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        } else {
            self.text("Code")
        };
        assert_eq!(
            (self.status, found.as_str()),
            (status, code),
            "{}",
            self.body
        );
        assert!(self.body.contains(message), "{} lacks {message}", self.body);
    }

    /// The text of the first element of this name.
    pub fn text(&self, element: &str) -> String {
        self.texts(element).into_iter().next().unwrap_or_default()
    }

    pub fn texts(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.body.split(&open).skip(1);
        parts
            .map(|part| part.split(&close).next().unwrap().to_owned())
            .collect()
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The default network of a region.
pub struct Network {
    pub vpc: String,
    /// In three zones.
    pub subnets: Vec<String>,
}

impl Network {
    pub fn of(cloud: &Cloud) -> Self {
        let subnets = cloud.ec2("DescribeSubnets", &[]).ok();
        Self {
            vpc: subnets.text("vpcId"),
            subnets: subnets.texts("subnetId"),
        }
    }

    pub fn group(&self, cloud: &Cloud, name: &str) -> String {
        let parameters = [
            ("GroupName", name),
            ("GroupDescription", "for tests"),
            ("VpcId", self.vpc.as_str()),
        ];
        cloud
            .ec2("CreateSecurityGroup", &parameters)
            .ok()
            .text("groupId")
    }
}

/// Lets a group in on a port: `0.0.0.0/0` or a group.
pub fn admit(cloud: &Cloud, group: &str, port: u16, from: &str) -> Answer {
    let port = port.to_string();
    let peer = if from.starts_with("sg-") {
        "IpPermissions.1.Groups.1.GroupId"
    } else {
        "IpPermissions.1.IpRanges.1.CidrIp"
    };
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
    let parameters = [
        ("RoleName", name),
        ("AssumeRolePolicyDocument", &trust.to_string()),
    ];
    let arn = cloud
        .query("iam", "CreateRole", &parameters)
        .ok()
        .text("Arn");
    cloud
        .query(
            "iam",
            "AttachRolePolicy",
            &[("RoleName", name), ("PolicyArn", EXECUTION)],
        )
        .ok();
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
        cloud
            .ecs("CreateCluster", json!({ "clusterName": "c" }))
            .ok();
        cloud
            .json("logs", "CreateLogGroup", &json!({ "logGroupName": "/web" }))
            .ok();
        Self {
            network,
            outer,
            inner,
            balancer,
            target,
            listener,
            role,
        }
    }

    pub fn define(&self, cloud: &Cloud, image: &str) -> String {
        cloud
            .ecs("RegisterTaskDefinition", self.definition(image))
            .ok()
            .value()["taskDefinition"]["taskDefinitionArn"]
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
    cloud
        .elb("CreateTargetGroup", &parameters)
        .ok()
        .text("TargetGroupArn")
}

pub fn listen(cloud: &Cloud, balancer: &str, target: &str) -> String {
    let parameters = [
        ("LoadBalancerArn", balancer),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", target),
    ];
    cloud
        .elb("CreateListener", &parameters)
        .ok()
        .text("ListenerArn")
}

pub fn look(cloud: &Cloud) -> Value {
    let answer = cloud
        .ecs(
            "DescribeServices",
            json!({ "cluster": "c", "services": ["web"] }),
        )
        .ok()
        .value();
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
    cloud
        .ecs("DescribeTasks", json!({ "cluster": "c", "tasks": arns }))
        .ok()
        .value()["tasks"]
        .as_array()
        .unwrap()
        .clone()
}
