//! The frame around the clouds: faults, the call log, the inventory, acts by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{Cloud, Network, Stage};
use serde_json::{Value, json};

fn group(cloud: &Cloud, name: &str, tags: &[(&str, &str)]) -> common::Answer {
    let mut parameters =
        vec![("GroupName".to_owned(), name.to_owned()), ("GroupDescription".to_owned(), "d".to_owned())];
    if !tags.is_empty() {
        parameters.push(("TagSpecification.1.ResourceType".to_owned(), "security-group".to_owned()));
    }
    for (n, (key, value)) in tags.iter().enumerate() {
        parameters.push((format!("TagSpecification.1.Tag.{}.Key", n + 1), (*key).to_owned()));
        parameters.push((format!("TagSpecification.1.Tag.{}.Value", n + 1), (*value).to_owned()));
    }
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    cloud.ec2("CreateSecurityGroup", &parameters)
}

#[test]
fn accounts_and_regions_do_not_see_each_other() {
    let mut cloud = Cloud::plain();
    group(&cloud, "mine", &[]).ok();
    let seen =
        |cloud: &Cloud| cloud.ec2("DescribeSecurityGroups", &[]).ok().texts("groupName").contains(&"mine".to_owned());
    assert!(seen(&cloud));
    cloud.region = "eu-west-1";
    assert!(!seen(&cloud));
    (cloud.region, cloud.key, cloud.secret) = ("us-east-1", "AKIDOTHER", "cloudsim-other-secret");
    assert!(!seen(&cloud));
    assert_eq!(cloud.query("sts", "GetCallerIdentity", &[]).ok().text("Account"), "210987654321");
}

#[test]
fn reset_before_does_nothing_and_reset_after_does_everything() {
    let cloud = Cloud::plain();
    let create =
        |name: &str| cloud.try_query("ec2", "CreateSecurityGroup", &[("GroupName", name), ("GroupDescription", "d")]);
    for (fault, made) in [("reset_before", 0), ("reset_after", 1)] {
        cloud.fault(json!({ "match": { "action": "CreateSecurityGroup" }, "fault": fault }));
        assert!(create("g").is_err());
        assert_eq!(cloud.existing("security-group").len(), made, "{fault}");
    }
    let calls = cloud.calls();
    assert_eq!(calls[0]["processed"], false);
    assert_eq!(
        (&calls[1]["processed"], &calls[1]["status"], &calls[1]["fault"]),
        (&json!(true), &Value::Null, &json!("reset_after"))
    );
}

#[test]
fn errors_strike_before_and_after() {
    let cloud = Cloud::plain();
    for (fault, status, code, made) in [
        (json!("status500"), 500, "InternalError", 0),
        (json!("status503"), 503, "Unavailable", 0),
        (
            json!({ "error": { "status": 403, "code": "UnauthorizedOperation", "message": "no" } }),
            403,
            "UnauthorizedOperation",
            0,
        ),
        (json!("status500_after"), 500, "InternalError", 1),
    ] {
        cloud.fault(json!({ "match": { "service": "ec2", "effect": "mutation" }, "fault": fault }));
        group(&cloud, "g", &[]).refused(status, code, "");
        assert_eq!(cloud.existing("security-group").len(), made);
    }
}

#[test]
fn delays_answer_late_and_hangs_never() {
    let cloud = Cloud::plain();
    cloud.fault(json!({ "match": { "action": "DescribeVpcs" }, "fault": { "delay": { "ms": 150 } } }));
    let start = Instant::now();
    cloud.ec2("DescribeVpcs", &[]).ok();
    assert!(start.elapsed() >= Duration::from_millis(150));
    cloud.fault(json!({ "match": { "action": "DescribeVpcs" }, "fault": { "hang": { "ms": 50 } } }));
    assert!(cloud.try_query("ec2", "DescribeVpcs", &[]).is_err());
    cloud.fault(json!({ "match": { "action": "CreateVpc" }, "fault": { "hang_after": { "ms": 50 } } }));
    assert!(cloud.try_query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).is_err());
    assert_eq!(cloud.existing("vpc").len(), 1);
}

#[test]
fn a_request_goes_on_when_its_client_has_gone() {
    let cloud = Cloud::with(json!({ "latency_ms": 200 }));
    cloud.control("DELETE", "/_sim/calls", &Value::Null);
    // The 10 ms of patience end long before the answer does.
    let form = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let host = format!("127.0.0.1:{}", cloud.port());
            let credentials =
                cloudsim::Credentials { access_key: cloud.key, secret_key: cloud.secret, session_token: None };
            let headers = [("host", host.as_str()), ("content-type", "application/x-www-form-urlencoded")];
            let scope = cloudsim::Scope { region: "us-east-1", service: "ec2" };
            let added =
                cloudsim::sign(&credentials, scope, "/", &headers, form.as_bytes(), time::OffsetDateTime::now_utc());
            let mut text = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", form.len());
            for (name, value) in
                headers.iter().map(|(n, v)| (*n, *v)).chain(added.iter().map(|(n, v)| (n.as_str(), v.as_str())))
            {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str("\r\n");
            let mut stream = std::net::TcpStream::connect(&host).unwrap();
            std::io::Write::write_all(&mut stream, format!("{text}{form}").as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        });
    });
    let made = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        cloud.existing("vpc").len() == 1
    });
    assert!(made);
}

#[test]
fn duplicates_are_things_of_one_environment_piece_and_label() {
    let cloud = Cloud::plain();
    let marks =
        |label: &'static str| [("cloudark:environment", "e"), ("cloudark:piece", "p"), ("cloudark:label", label)];
    group(&cloud, "a", &marks("tasks")).ok();
    group(&cloud, "b", &marks("balancer")).ok();
    assert!(cloud.inventory()["duplicates"].as_array().unwrap().is_empty());
    group(&cloud, "c", &marks("tasks")).ok();
    let duplicates = cloud.inventory()["duplicates"].clone();
    assert_eq!(duplicates.as_array().unwrap().len(), 1);
    let names: Vec<&str> =
        duplicates[0].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn a_rule_left_on_a_default_group_is_an_orphan() {
    let cloud = Cloud::plain();
    let groups = cloud.ec2("DescribeSecurityGroups", &[]).ok().text("groupId");
    assert!(cloud.existing("").is_empty());
    common::admit(&cloud, &groups, 80, "0.0.0.0/0").ok();
    assert_eq!(cloud.existing("security-group-rule").len(), 1);
}

#[test]
fn the_call_log_masks_secrets_and_the_state_does_not() {
    let cloud = Cloud::plain();
    let parameters = [
        ("DBInstanceIdentifier", "db1"),
        ("Engine", "mysql"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "testuser"),
        ("MasterUserPassword", "correct-horse"),
        ("MasterUserPasword", "misspelt-horse"),
    ];
    cloud.rds("CreateDBInstance", &parameters).ok();
    let call = &cloud.calls()[0];
    assert_eq!((&call["n"], &call["effect"], &call["status"]), (&json!(1), &json!("mutation"), &json!(200)));
    assert_eq!(call["params"]["MasterUserPassword"], "***");
    assert_eq!(call["ignored"], json!(["MasterUserPasword"]));
    assert!(cloud.control("GET", "/_sim/state", &Value::Null).to_string().contains("correct-horse"));
    cloud.control("DELETE", "/_sim/calls", &Value::Null);
    assert!(cloud.calls().is_empty());
}

#[test]
fn small_pages_can_be_forced() {
    let cloud = Cloud::with(json!({ "page_limit": 2 }));
    for name in ["a", "b", "c"] {
        group(&cloud, name, &[]).ok();
    }
    let first = cloud.ec2("DescribeSecurityGroups", &[]).ok();
    assert_eq!(first.texts("groupName").len(), 2);
    let second = cloud.ec2("DescribeSecurityGroups", &[("NextToken", &first.text("nextToken"))]).ok();
    assert_eq!(second.texts("groupName").len(), 2);
    assert!(second.text("nextToken").is_empty());
}

#[test]
fn things_can_be_done_by_hand() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    cloud.act(json!({ "act": "call", "service": "ec2", "action": "CreateSecurityGroup",
                      "params": { "GroupName": "theirs", "GroupDescription": "not ours" } }));
    assert!(
        cloud.existing("security-group").iter().any(|item| item["name"] == "theirs" && item["created_by_call"] == 0)
    );
    cloud.act(json!({ "act": "tag", "id": stage.inner, "tags": { "cloudark:environment": "somebody-else" } }));
    assert!(cloud.existing("").iter().any(|item| item["tags"]["cloudark:environment"] == "somebody-else"));
    cloud.act(json!({ "act": "log", "group": "/web", "stream": "web/web/x", "messages": ["by hand"] }));
    cloud.act(json!({ "act": "crash", "service": "web", "exit": 137 }));
    common::look(&cloud);
    assert!(common::stopped(&cloud).iter().any(|task| task["containers"][0]["exitCode"] == 137));
    cloud.act(json!({ "act": "remove", "id": "/web", "region": "us-east-1" }));
    assert!(cloud.existing("log-group").is_empty());
    let calls = cloud.calls().len();
    cloud.control("POST", "/_sim/reset", &Value::Null);
    assert!(cloud.existing("").is_empty() && cloud.calls().is_empty() && calls > 0);
    Network::of(&cloud);
}

#[test]
fn settings_change_at_run_time_and_unknown_ones_are_refused() {
    let cloud = Cloud::plain();
    cloud.configure(json!({ "lag_polls": 5, "aws": { "tasks_fail": true } }));
    let config = cloud.control("GET", "/_sim/config", &Value::Null);
    assert_eq!((&config["lag_polls"], &config["aws"]["tasks_fail"]), (&json!(5), &json!(true)));
    let json_type = [("content-type", "application/json")];
    let answer = cloud.raw("POST", "/_sim/config", &json_type, br#"{"lag_pols": 1}"#).unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("lag_pols"));
}
