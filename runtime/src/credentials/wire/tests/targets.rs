//! The protocol that names its operation in a header.

use super::*;

#[test]
fn a_target_names_one_operation_of_one_json_object() {
    let good = json("ecs", "AmazonEC2ContainerServiceV20141113.DescribeClusters", &json!({}));
    good.check().unwrap();
    let with = |headers: Vec<(String, String)>| Request { headers, ..good.clone() };
    let kind = header("Content-Type", "application/x-amz-json-1.1");
    for request in [
        with(vec![kind.clone()]),
        with(vec![kind.clone(), header("X-Amz-Target", "DescribeClusters")]),
        with(vec![kind.clone(), header("X-Amz-Target", "A.DescribeClusters.DeleteCluster")]),
        with(vec![kind.clone(), header("X-Amz-Target", "A.DescribeClusters, A.DeleteCluster")]),
        with(vec![
            kind.clone(),
            header("X-Amz-Target", "A.DescribeClusters"),
            header("x-amz-target", "A.DeleteCluster"),
        ]),
        with(vec![header("Content-Type", "application/json"), header("X-Amz-Target", "A.DescribeClusters")]),
        with(vec![
            header("Content-Type", "application/x-www-form-urlencoded"),
            header("X-Amz-Target", "A.DescribeClusters"),
        ]),
        Request { method: "GET".into(), ..good.clone() },
        Request { url: format!("{}?Action=DeleteCluster", good.url), ..good.clone() },
        Request { url: format!("{}x", good.url), ..good.clone() },
        Request { body: "[]".into(), ..good.clone() },
        Request { body: String::new(), ..good.clone() },
        Request { body: "{\"a\":1,\"a\":2}".into(), ..good.clone() },
    ] {
        assert!(request.check().is_err(), "{:?} {}", request.headers, request.body);
    }
}

#[test]
fn a_task_definition_gets_no_foreign_role_and_no_foreign_image() {
    let register = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut body = json!({
            "family": "env-db", "executionRoleArn": "arn:aws:iam::123456789012:role/env-role",
            "containerDefinitions": [{"image": "nginx:1"}],
            "tags": [{"key": "cloudark:environment", "value": "e-1"}, {"key": "cloudark:piece", "value": "db"}],
        });
        change(&mut body);
        json("ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &body).check()
    };
    register(&|_| {}).unwrap();
    for (at, value) in [
        ("/family", json!("production")),
        ("/executionRoleArn", json!("arn:aws:iam::999999999999:role/env-role")),
        ("/executionRoleArn", json!("arn:aws:iam::123456789012:role/admin")),
        ("/executionRoleArn", json!("arn:aws:iam::123456789012:role/env-role/x")),
        ("/containerDefinitions/0/image", json!("evil:1")),
        ("/containerDefinitions", json!([])),
        ("/containerDefinitions", json!([{"image": "nginx:1"}, {"image": "evil:1"}])),
        ("/containerDefinitions", json!([{"image": "nginx:1"}, {}])),
        ("/tags", json!([])),
        ("/tags/0/value", json!("e-2")),
    ] {
        assert!(register(&|body| *body.pointer_mut(at).unwrap() = value.clone()).is_err(), "{at}");
    }
    for key in ["taskRoleArn", "TaskRoleArn", "Family", "ExecutionRoleArn"] {
        assert!(register(&|body| body[key] = json!("arn:aws:iam::123456789012:role/env-role")).is_err(), "{key}");
    }
}

#[test]
fn secrets_go_into_granted_fields() {
    let db = create_db(&[("MasterUserPassword", "__cloudark_secret_0__")]);
    assert_eq!(db.clone().secret("MasterUserPassword", Encoding::Form).check().unwrap().sinks, ["MasterUserPassword"]);
    assert!(db.clone().secret("MasterUserPassword", Encoding::Raw).check().is_err());
    let name = create_db(&[("DBName", "__cloudark_secret_0__")]);
    assert!(name.secret("DBName", Encoding::Form).check().is_err());
    let twice = create_db(&[("MasterUserPassword", "__cloudark_secret_0__"), ("DBName", "__cloudark_secret_0__")]);
    assert!(twice.secret("MasterUserPassword", Encoding::Form).check().is_err());
    let put = |value: &str| {
        json("ssm", "AmazonSSM.PutParameter", &json!({"Name": "env-db", "Type": "SecureString", "Value": value}))
    };
    assert!(put("__cloudark_secret_0__").secret("/Value", Encoding::Json).check().is_ok());
    assert!(put("__cloudark_secret_0__").secret("/Name", Encoding::Json).check().is_err());
    let plain = json!({"Name": "env-db", "Type": "String", "Value": "__cloudark_secret_0__"});
    assert!(json("ssm", "AmazonSSM.PutParameter", &plain).secret("/Value", Encoding::Json).check().is_err());
}

#[test]
fn at_one_endpoint_the_signer_says_which_service_is_meant() {
    let endpoint: Origin = "http://127.0.0.1:4566".parse().unwrap();
    let grants = grants().rebind(&endpoint);
    let at = |request: Request| Request { url: "http://127.0.0.1:4566/".into(), ..request }.check_with(&grants);
    assert_eq!(at(create_db(&[])).unwrap().operation, "CreateDBInstance");
    assert_eq!(
        at(json("ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", &json!({})))
            .unwrap()
            .captures
            .len(),
        1
    );
    // The rules of one service do not hold for another.
    assert!(at(Request { signer: signer("ec2"), ..create_db(&[]) }).is_err());
    assert!(at(Request { signer: signer("sts"), ..create_db(&[]) }).unwrap_err().message.contains("signed by"));
    assert!(at(Request { signer: None, ..create_db(&[]) }).is_err());
    assert!(create_db(&[]).check_with(&grants).is_err());
}
