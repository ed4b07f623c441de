//! AWS as moto simulates it: a second opinion on the shapes of requests, written by others.
//!
//! moto has no tasks and so no healthy targets: a relay before it answers `DescribeTargetHealth`, and nothing else.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::clouds::CloudUnderTest;
use crate::relay::{Own, Relay, Rules};

const REGION: &str = "us-east-1";
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "moto-secret-key";

/// The program: `CLOUDARK_MOTO`, or where `cargo xtask test` installs it.
pub fn program() -> Option<PathBuf> {
    let given = std::env::var_os("CLOUDARK_MOTO").map(PathBuf::from);
    let installed = crate::repository().join("target/python/bin/moto_server");
    given.or_else(|| installed.exists().then_some(installed))
}

/// A running moto with its relay.
pub struct Moto {
    child: Child,
    /// moto itself.
    pub own_url: String,
    /// What the server under test talks to.
    pub relay: Relay,
    before: BTreeSet<String>,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one call that moto cannot answer as if tasks ran.
pub fn target_health(_: &HeaderMap, body: &[u8]) -> Option<Own> {
    let form = std::str::from_utf8(body).ok()?;
    if !form.split('&').any(|field| field == "Action=DescribeTargetHealth") {
        return None;
    }
    let body = "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <DescribeTargetHealthResult><TargetHealthDescriptions><member>\
         <Target><Id>10.0.0.10</Id><Port>8080</Port></Target><HealthCheckPort>8080</HealthCheckPort>\
         <TargetHealth><State>healthy</State></TargetHealth>\
         </member></TargetHealthDescriptions></DescribeTargetHealthResult>\
         <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>\
         </DescribeTargetHealthResponse>"
        .to_owned();
    Some(Own { content_type: "text/xml", body })
}

impl Moto {
    /// Starts it; none, with a message, where it is not installed. In CI it must be.
    pub async fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(std::env::var_os("CI").is_none(), "moto is not installed: `cargo xtask test` installs it");
            eprintln!("skipped: no moto here (`cargo xtask test` installs it, or set CLOUDARK_MOTO)");
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("MOTO_ECS_SERVICE_RUNNING", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto is run");
        let own_url = format!("http://127.0.0.1:{port}");
        let relay = Relay::before(&own_url, Rules { keep_host: true, answering: target_health }).await;
        let mut moto = Self { child, own_url, relay, before: BTreeSet::new() };
        moto.until_ready().await;
        moto.before = moto.everything().await;
        Some(moto)
    }

    async fn until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        while http.get(format!("{}/moto-api/data.json", self.own_url)).send().await.is_err() {
            assert!(Instant::now() < until, "moto does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its credentials, for `cld setup aws`.
    pub fn key() -> Value {
        json!({ "source": "key", "id": KEY, "secret": SECRET })
    }

    /// A signed call to moto itself, past the relay.
    pub async fn call(&self, service: &str, content_type: &str, target: Option<&str>, body: &str) -> String {
        let host = self.own_url.trim_start_matches("http://").to_owned();
        let mut headers = vec![("content-type", content_type), ("host", host.as_str())];
        headers.extend(target.map(|target| ("x-amz-target", target)));
        let credentials = cloudsim::Credentials { access_key: KEY, secret_key: SECRET, session_token: None };
        let scope = cloudsim::Scope { region: REGION, service };
        let signed =
            cloudsim::sign(&credentials, scope, "/", &headers, body.as_bytes(), time::OffsetDateTime::now_utc());
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = http.post(&self.own_url).body(body.to_owned());
        for (name, value) in headers
            .iter()
            .map(|(name, value)| (*name, *value))
            .chain(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("moto answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{service} {body}: {status} {text}");
        text
    }

    /// The texts of this element in the answer to a Query call.
    async fn query(&self, service: &str, version: &str, action: &str, element: &str) -> Vec<String> {
        let body = format!("Action={action}&Version={version}");
        let text = self.call(service, "application/x-www-form-urlencoded; charset=utf-8", None, &body).await;
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let after = text.split(&open).skip(1);
        after.filter_map(|rest| rest.split(&close).next()).map(|id| format!("{service} {id}")).collect()
    }

    async fn json(&self, service: &str, target: &str, body: Value) -> Value {
        let text = self.call(service, "application/x-amz-json-1.1", Some(target), &body.to_string()).await;
        serde_json::from_str(&text).expect("JSON")
    }

    /// Everything that its own Describe and List calls show.
    async fn everything(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (service, version, action, element) in [
            ("ec2", "2016-11-15", "DescribeVpcs", "vpcId"),
            ("ec2", "2016-11-15", "DescribeSubnets", "subnetId"),
            ("ec2", "2016-11-15", "DescribeSecurityGroups", "groupId"),
            ("ec2", "2016-11-15", "DescribeInternetGateways", "internetGatewayId"),
            ("ec2", "2016-11-15", "DescribeRouteTables", "routeTableId"),
            ("ec2", "2016-11-15", "DescribeNetworkInterfaces", "networkInterfaceId"),
            ("elasticloadbalancing", "2015-12-01", "DescribeLoadBalancers", "LoadBalancerArn"),
            ("elasticloadbalancing", "2015-12-01", "DescribeTargetGroups", "TargetGroupArn"),
            ("rds", "2014-10-31", "DescribeDBInstances", "DBInstanceIdentifier"),
            ("rds", "2014-10-31", "DescribeDBSubnetGroups", "DBSubnetGroupName"),
            ("rds", "2014-10-31", "DescribeDBSnapshots", "DBSnapshotIdentifier"),
            ("iam", "2010-05-08", "ListRoles", "RoleName"),
            ("elasticache", "2015-02-02", "DescribeReplicationGroups", "ReplicationGroupId"),
            ("elasticache", "2015-02-02", "DescribeCacheSubnetGroups", "CacheSubnetGroupName"),
        ] {
            all.extend(self.query(service, version, action, element).await);
        }
        all.extend(self.clusters().await);
        let tables = self.json("dynamodb", "DynamoDB_20120810.ListTables", json!({})).await;
        let tables = tables["TableNames"].as_array().cloned().unwrap_or_default();
        all.extend(tables.iter().map(|table| format!("dynamodb {table}")));
        for (service, target, list, name) in [
            ("ssm", "AmazonSSM.DescribeParameters", "Parameters", "Name"),
            ("logs", "Logs_20140328.DescribeLogGroups", "logGroups", "logGroupName"),
        ] {
            let answer = self.json(service, target, json!({})).await;
            let items = answer[list].as_array().cloned().unwrap_or_default();
            all.extend(items.iter().map(|item| format!("{service} {}", item[name])));
        }
        all
    }

    /// Clusters and services that are not deleted, and all task definitions that can be used.
    async fn clusters(&self) -> Vec<String> {
        const TARGET: &str = "AmazonEC2ContainerServiceV20141113";
        let list = async |operation: &str, body: Value, field: &str| -> Vec<String> {
            let answer = self.json("ecs", &format!("{TARGET}.{operation}"), body).await;
            let items = answer[field].as_array().cloned().unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut all = list("ListTaskDefinitions", json!({ "status": "ACTIVE" }), "taskDefinitionArns").await;
        let clusters = list("ListClusters", json!({}), "clusterArns").await;
        let described = self.json("ecs", &format!("{TARGET}.DescribeClusters"), json!({ "clusters": clusters })).await;
        for cluster in described["clusters"].as_array().cloned().unwrap_or_default() {
            if cluster["status"] == "INACTIVE" {
                continue;
            }
            let arn = cluster["clusterArn"].as_str().unwrap_or_default().to_owned();
            all.extend(list("ListServices", json!({ "cluster": arn }), "serviceArns").await);
            all.push(arn);
        }
        all.into_iter().map(|arn| format!("ecs {arn}")).collect()
    }
}

impl CloudUnderTest for Moto {
    fn url(&self) -> String {
        self.relay.url.clone()
    }

    async fn inventory(&self) -> Vec<String> {
        self.everything().await.difference(&self.before).cloned().collect()
    }

    /// moto refuses a second thing of one name, and has no marks of its own to count by: see the inventory.
    async fn duplicates(&self) -> Vec<String> {
        Vec::new()
    }
}
