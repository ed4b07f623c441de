//! The promises of the matcher under the protocols that name their operations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use proptest::prelude::*;
use serde_json::json;

use super::{Encoding, Signer, Substitution};
use crate::extensions::Origin;
use crate::extensions::grants::{Denial, Effect, Facts, Grants, HttpCall, Mode, Permit, Proof};
use crate::extensions::grants::{apply_captures, classify, shown};

struct World(Vec<(String, String)>);

impl Default for World {
    fn default() -> Self {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        Self(vec![
            pair("cloudark:environment", "e-1"),
            pair("cloudark:piece", "db"),
        ])
    }
}

impl Facts for World {
    fn is_minted(&self, name: &str) -> bool {
        ["env-db", "env-role"].contains(&name)
    }
    fn is_owned(&self, id: &str) -> bool {
        [
            "env-db",
            "sg-1",
            "arn:aws:ecs:eu-west-1:123456789012:cluster/c",
        ]
        .contains(&id)
    }
    fn is_from_application(&self, value: &str) -> bool {
        value == "nginx:1"
    }
    fn account(&self) -> Option<&str> {
        Some("123456789012")
    }
    fn setting(&self, _: &str) -> Option<&str> {
        None
    }
    fn mark(&self) -> &[(String, String)] {
        &self.0
    }
}

#[derive(Clone)]
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    signer: Option<Signer>,
    substitutions: Vec<Substitution>,
}

impl Request {
    fn call(&self) -> HttpCall<'_> {
        HttpCall {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: self.body.as_bytes(),
            signer: self.signer.as_ref(),
            substitutions: &self.substitutions,
            timeout_ms: None,
        }
    }

    fn check_with(&self, grants: &Grants) -> Result<Permit, Denial> {
        grants.check(&self.call(), &World::default(), Mode::Operation)
    }

    fn check(&self) -> Result<Permit, Denial> {
        self.check_with(&grants())
    }

    fn why(&self) -> String {
        self.check().unwrap_err().message
    }

    fn secret(mut self, field: &str, encoding: Encoding) -> Self {
        self.substitutions.push(Substitution {
            secret: "ref".into(),
            placeholder: "__cloudark_secret_0__".into(),
            encoding,
            field: field.into(),
        });
        self
    }
}

fn grants() -> Grants {
    Grants::from_yaml(include_str!("tests/grants.yaml")).unwrap()
}

fn signer(service: &str) -> Option<Signer> {
    Some(Signer::AwsSigV4 {
        service: service.into(),
        region: "eu-west-1".into(),
    })
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A form, as an SDK encodes it.
fn form(service: &str, action: &str, fields: &[(&str, &str)]) -> Request {
    let host = match service {
        "iam" => "iam.amazonaws.com".to_owned(),
        service => format!("{service}.eu-west-1.amazonaws.com"),
    };
    const RESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, RESERVED).to_string();
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    Request {
        method: "POST".into(),
        url: format!("https://{host}/"),
        headers: vec![header(
            "Content-Type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )],
        body: [
            vec![format!("Action={action}"), "Version=2014-10-31".into()],
            fields,
        ]
        .concat()
        .join("&"),
        signer: signer(service),
        substitutions: Vec::new(),
    }
}

fn json(service: &str, target: &str, body: &serde_json::Value) -> Request {
    let host = if service == "ecr" {
        "api.ecr".to_owned()
    } else {
        service.to_owned()
    };
    Request {
        method: "POST".into(),
        url: format!("https://{host}.eu-west-1.amazonaws.com/"),
        headers: vec![
            header("Content-Type", "application/x-amz-json-1.1"),
            header("X-Amz-Target", target),
        ],
        body: body.to_string(),
        signer: signer(service),
        substitutions: Vec::new(),
    }
}

const MARKED: [(&str, &str); 4] = [
    ("Tags.Tag.1.Key", "cloudark:environment"),
    ("Tags.Tag.1.Value", "e-1"),
    ("Tags.Tag.2.Key", "cloudark:piece"),
    ("Tags.Tag.2.Value", "db"),
];

fn create_db(more: &[(&str, &str)]) -> Request {
    let fields = [
        &[("DBInstanceIdentifier", "env-db")],
        MARKED.as_slice(),
        more,
    ]
    .concat();
    form("rds", "CreateDBInstance", &fields)
}

fn delete_db(id: &str) -> Request {
    form(
        "rds",
        "DeleteDBInstance",
        &[("DBInstanceIdentifier", id), ("SkipFinalSnapshot", "true")],
    )
}

#[test]
fn what_a_rule_allows_passes() {
    let permit = create_db(&[
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"),
        ("AllocatedStorage", "20"),
    ])
    .check()
    .unwrap();
    assert_eq!(
        permit.summary,
        "POST https://rds.eu-west-1.amazonaws.com CreateDBInstance"
    );
    assert_eq!((permit.effect, permit.marked), (Effect::Once, true));
    assert_eq!(
        delete_db("env-db").check().unwrap().effect,
        Effect::Idempotent
    );
    assert_eq!(
        form(
            "rds",
            "DescribeDBInstances",
            &[("DBInstanceIdentifier", "other")]
        )
        .check()
        .unwrap()
        .effect,
        Effect::Read
    );
    let cluster = json!({"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/c"});
    json(
        "ecs",
        "AmazonEC2ContainerServiceV20141113.DeleteCluster",
        &cluster,
    )
    .check()
    .unwrap();
}

#[test]
fn a_database_without_our_mark_is_not_deleted() {
    assert!(
        delete_db("production")
            .why()
            .contains("`DBInstanceIdentifier` is not shown to be this environment's")
    );
    assert!(
        form("rds", "DeleteDBInstance", &[])
            .why()
            .contains("is missing")
    );
}

#[test]
fn a_query_cannot_change_anything_by_any_name() {
    let query = |request: &Request| grants().check(&request.call(), &World::default(), Mode::Query);
    assert!(query(&form("rds", "DescribeDBInstances", &[])).is_ok());
    assert!(
        query(&delete_db("env-db"))
            .unwrap_err()
            .message
            .contains("may only read")
    );
    let get = Request {
        method: "GET".into(),
        url: "https://rds.eu-west-1.amazonaws.com/?Action=DeleteDBInstance&DBInstanceIdentifier=env-db".into(),
        headers: vec![],
        body: String::new(),
        ..delete_db("env-db")
    };
    assert!(query(&get).unwrap_err().message.contains("POST alone"));
    // A POST whose body says one thing and whose query string another.
    let url = "https://rds.eu-west-1.amazonaws.com/?Action=DeleteDBInstance".to_owned();
    assert!(
        query(&Request {
            url,
            ..form("rds", "DescribeDBInstances", &[])
        })
        .is_err()
    );
}

#[test]
fn there_is_one_action_and_one_reading_of_a_form() {
    let with = |body: &str| Request {
        body: body.into(),
        ..delete_db("env-db")
    };
    for body in [
        "",
        "Action=",
        "DBInstanceIdentifier=env-db",
        "Action=DescribeDBInstances&Action=DeleteDBInstance",
        "Action=DescribeDBInstances&action=DeleteDBInstance",
        "action=DescribeDBInstances",
        "Action=DescribeDBInstances&%41ction=DeleteDBInstance",
        "Action=DescribeDBInstances;Action=DeleteDBInstance",
        "Action=Describe%00",
        "Action=DescribeDBInstances&",
        "Action=DescribeDBInstances&&A=b",
        "Action=DescribeDBInstances&A",
        "Action=DescribeDBInstances&A=%zz",
        "Action=DescribeDBInstances&A=%ff",
        "Action=DescribeDBInstances&A=b=c",
        "Action=DescribeDBInstances&A=b c",
        "Action=DescribeDBInstances&_method=DELETE",
        "Action=DescribeDBInstances&X-Amz-Security-Token=x",
        "Action=DescribeDBInstances&AWSAccessKeyId=x",
        "Action=DescribeDBInstances&A=b&A=c",
    ] {
        assert!(with(body).check().is_err(), "{body}");
    }
    let kind = |kind: &str| Request {
        headers: vec![header("Content-Type", kind)],
        ..delete_db("env-db")
    };
    for other in [
        "application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded; charset=utf-7",
        "",
    ] {
        assert!(kind(other).check().is_err(), "{other}");
    }
    assert!(kind("application/x-www-form-urlencoded").check().is_ok());
}

#[test]
fn a_conditioned_field_has_no_other_spelling() {
    for more in [
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-foreign"),
        ("VpcSecurityGroupIds.member.1", "sg-foreign"),
        ("vpcsecuritygroupids.VpcSecurityGroupId.1", "sg-foreign"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.01", "sg-1"),
        ("VpcSecurityGroupIds", "sg-foreign"),
        ("dBInstanceIdentifier", "production"),
        ("DBInstanceIdentifier.1", "production"),
        ("Tags.member.1.Key", "cloudark:environment"),
        ("Tags.Tag.3.Key.x", "a"),
        ("PubliclyAccessible", "true"),
        ("PubliclyAccessible", ""),
    ] {
        assert!(create_db(&[more]).check().is_err(), "{more:?}");
    }
    assert!(
        create_db(&[("PubliclyAccessible", "false")])
            .check()
            .is_ok()
    );
}

#[test]
fn what_is_made_carries_our_mark() {
    let create = |tags: &[(&str, &str)]| {
        form(
            "rds",
            "CreateDBInstance",
            &[&[("DBInstanceIdentifier", "env-db")], tags].concat(),
        )
    };
    assert!(create(&[]).why().contains("ownership mark"));
    assert!(create(&MARKED[..2]).check().is_err());
    let foreign = [
        ("Tags.Tag.1.Key", "cloudark:environment"),
        ("Tags.Tag.1.Value", "e-2"),
        MARKED[2],
        MARKED[3],
    ];
    assert!(create(&foreign).check().is_err());
    let both = [
        MARKED.as_slice(),
        &[
            ("Tags.Tag.3.Key", "cloudark:environment"),
            ("Tags.Tag.3.Value", "e-2"),
        ],
    ]
    .concat();
    assert!(create(&both).check().is_err());
    let more = [
        MARKED.as_slice(),
        &[("Tags.Tag.3.Key", "team"), ("Tags.Tag.3.Value", "x")],
    ]
    .concat();
    assert!(create(&more).check().is_ok());

    let tag = |at: usize, n: usize, key: &str, value: &str| {
        [
            (format!("TagSpecification.{at}.Tag.{n}.Key"), key.to_owned()),
            (
                format!("TagSpecification.{at}.Tag.{n}.Value"),
                value.to_owned(),
            ),
        ]
    };
    let group = |fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        form("ec2", "CreateSecurityGroup", &fields).check()
    };
    let kind = |at: usize, kind: &str| {
        vec![(
            format!("TagSpecification.{at}.ResourceType"),
            kind.to_owned(),
        )]
    };
    let marked = |at: usize| {
        [
            tag(at, 1, "cloudark:environment", "e-1"),
            tag(at, 2, "cloudark:piece", "db"),
        ]
        .concat()
    };
    assert!(
        group([kind(1, "security-group"), marked(1)].concat())
            .unwrap()
            .marked
    );
    assert!(group([kind(1, "vpc"), marked(1)].concat()).is_err());
    assert!(group(marked(1)).is_err());
    let second_unmarked = [
        kind(1, "security-group"),
        marked(1),
        kind(2, "security-group"),
        tag(2, 1, "a", "b").to_vec(),
    ]
    .concat();
    assert!(group(second_unmarked).is_err());
}

#[test]
fn each_element_of_a_list_is_checked() {
    let ingress = |fields: &[(&str, &str)]| {
        let open = [
            ("GroupId", "sg-1"),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "80"),
            ("IpPermissions.1.ToPort", "80"),
        ];
        form(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            &[open.as_slice(), fields].concat(),
        )
    };
    assert!(
        ingress(&[("IpPermissions.1.Groups.1.GroupId", "sg-1")])
            .check()
            .is_ok()
    );
    for more in [
        ("IpPermissions.1.Groups.2.GroupId", "sg-2"),
        ("IpPermissions.1.UserIdGroupPairs.1.GroupId", "sg-2"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ("IpPermissions.2.FromPort", "22"),
        ("IpPermissions.2.IpProtocol", "tcp"),
    ] {
        assert!(ingress(&[more]).check().is_err(), "{more:?}");
    }
}

#[test]
fn only_lists_all_other_fields() {
    let modify = |field: &str| {
        form(
            "rds",
            "ModifyDBInstance",
            &[("DBInstanceIdentifier", "env-db"), (field, "1")],
        )
        .check()
    };
    assert!(modify("AllocatedStorage").is_ok());
    assert!(
        modify("NewDBInstanceIdentifier")
            .unwrap_err()
            .message
            .contains("is not a field that the rule lists")
    );
}

#[test]
fn a_role_that_trusts_a_foreign_account_is_not_made() {
    let role = |document: &str| {
        let tags = [
            ("Tags.member.1.Key", "cloudark:environment"),
            ("Tags.member.1.Value", "e-1"),
            ("Tags.member.2.Key", "cloudark:piece"),
            ("Tags.member.2.Value", "db"),
        ];
        let fields = [
            &[
                ("RoleName", "env-role"),
                ("AssumeRolePolicyDocument", document),
            ],
            tags.as_slice(),
        ]
        .concat();
        form("iam", "CreateRole", &fields).check()
    };
    let statement = |principal: serde_json::Value| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
    let good = statement(json!({"Service": "ecs-tasks.amazonaws.com"}));
    role(&good.to_string()).unwrap();
    let mut second = good.clone();
    second["Statement"]
        .as_array_mut()
        .unwrap()
        .push(json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}));
    let mut extra = good.clone();
    extra["Statement"][0]["NotAction"] = json!([]);
    let twice = good.to_string().replace(
        "\"Principal\"",
        "\"Principal\":{\"AWS\":\"*\"},\"Principal\"",
    );
    for bad in [
        statement(json!({"AWS": "arn:aws:iam::999999999999:root"})).to_string(),
        statement(json!("*")).to_string(),
        statement(json!({"Service": "ec2.amazonaws.com"})).to_string(),
        statement(json!({"Service": "ecs-tasks.amazonaws.com", "AWS": "*"})).to_string(),
        statement(json!({"Service": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]})).to_string(),
        second.to_string(),
        extra.to_string(),
        twice,
        "{}".into(),
        String::new(),
        format!("{good} "),
    ] {
        let is_padding = bad == format!("{good} ");
        assert_eq!(role(&bad).is_ok(), is_padding, "{bad}");
    }
    let attach = |arn: &str| {
        form(
            "iam",
            "AttachRolePolicy",
            &[("RoleName", "env-role"), ("PolicyArn", arn)],
        )
        .check()
    };
    assert!(
        attach("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy").is_ok()
    );
    assert!(attach("arn:aws:iam::aws:policy/AdministratorAccess").is_err());
}

#[test]
fn a_target_names_one_operation_of_one_json_object() {
    let good = json(
        "ecs",
        "AmazonEC2ContainerServiceV20141113.DescribeClusters",
        &json!({}),
    );
    good.check().unwrap();
    let with = |headers: Vec<(String, String)>| Request {
        headers,
        ..good.clone()
    };
    let kind = header("Content-Type", "application/x-amz-json-1.1");
    for request in [
        with(vec![kind.clone()]),
        with(vec![
            kind.clone(),
            header("X-Amz-Target", "DescribeClusters"),
        ]),
        with(vec![
            kind.clone(),
            header("X-Amz-Target", "A.DescribeClusters.DeleteCluster"),
        ]),
        with(vec![
            kind.clone(),
            header("X-Amz-Target", "A.DescribeClusters, A.DeleteCluster"),
        ]),
        with(vec![
            kind.clone(),
            header("X-Amz-Target", "A.DescribeClusters"),
            header("x-amz-target", "A.DeleteCluster"),
        ]),
        with(vec![
            header("Content-Type", "application/json"),
            header("X-Amz-Target", "A.DescribeClusters"),
        ]),
        with(vec![
            header("Content-Type", "application/x-www-form-urlencoded"),
            header("X-Amz-Target", "A.DescribeClusters"),
        ]),
        Request {
            method: "GET".into(),
            ..good.clone()
        },
        Request {
            url: format!("{}?Action=DeleteCluster", good.url),
            ..good.clone()
        },
        Request {
            url: format!("{}x", good.url),
            ..good.clone()
        },
        Request {
            body: "[]".into(),
            ..good.clone()
        },
        Request {
            body: String::new(),
            ..good.clone()
        },
        Request {
            body: "{\"a\":1,\"a\":2}".into(),
            ..good.clone()
        },
    ] {
        assert!(
            request.check().is_err(),
            "{:?} {}",
            request.headers,
            request.body
        );
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
        json(
            "ecs",
            "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition",
            &body,
        )
        .check()
    };
    register(&|_| {}).unwrap();
    for (at, value) in [
        ("/family", json!("production")),
        (
            "/executionRoleArn",
            json!("arn:aws:iam::999999999999:role/env-role"),
        ),
        (
            "/executionRoleArn",
            json!("arn:aws:iam::123456789012:role/admin"),
        ),
        (
            "/executionRoleArn",
            json!("arn:aws:iam::123456789012:role/env-role/x"),
        ),
        ("/containerDefinitions/0/image", json!("evil:1")),
        ("/containerDefinitions", json!([])),
        (
            "/containerDefinitions",
            json!([{"image": "nginx:1"}, {"image": "evil:1"}]),
        ),
        ("/containerDefinitions", json!([{"image": "nginx:1"}, {}])),
        ("/tags", json!([])),
        ("/tags/0/value", json!("e-2")),
    ] {
        assert!(
            register(&|body| *body.pointer_mut(at).unwrap() = value.clone()).is_err(),
            "{at}"
        );
    }
    for key in ["taskRoleArn", "TaskRoleArn", "Family", "ExecutionRoleArn"] {
        assert!(
            register(&|body| body[key] = json!("arn:aws:iam::123456789012:role/env-role")).is_err(),
            "{key}"
        );
    }
}

#[test]
fn secrets_go_into_granted_fields() {
    let db = create_db(&[("MasterUserPassword", "__cloudark_secret_0__")]);
    assert_eq!(
        db.clone()
            .secret("MasterUserPassword", Encoding::Form)
            .check()
            .unwrap()
            .sinks,
        ["MasterUserPassword"]
    );
    assert!(
        db.clone()
            .secret("MasterUserPassword", Encoding::Raw)
            .check()
            .is_err()
    );
    let name = create_db(&[("DBName", "__cloudark_secret_0__")]);
    assert!(name.secret("DBName", Encoding::Form).check().is_err());
    let twice = create_db(&[
        ("MasterUserPassword", "__cloudark_secret_0__"),
        ("DBName", "__cloudark_secret_0__"),
    ]);
    assert!(
        twice
            .secret("MasterUserPassword", Encoding::Form)
            .check()
            .is_err()
    );
    let put = |value: &str| {
        json(
            "ssm",
            "AmazonSSM.PutParameter",
            &json!({"Name": "env-db", "Type": "SecureString", "Value": value}),
        )
    };
    assert!(
        put("__cloudark_secret_0__")
            .secret("/Value", Encoding::Json)
            .check()
            .is_ok()
    );
    assert!(
        put("__cloudark_secret_0__")
            .secret("/Name", Encoding::Json)
            .check()
            .is_err()
    );
    let plain = json!({"Name": "env-db", "Type": "String", "Value": "__cloudark_secret_0__"});
    assert!(
        json("ssm", "AmazonSSM.PutParameter", &plain)
            .secret("/Value", Encoding::Json)
            .check()
            .is_err()
    );
}

#[test]
fn at_one_endpoint_the_signer_says_which_service_is_meant() {
    let endpoint: Origin = "http://127.0.0.1:4566".parse().unwrap();
    let grants = grants().rebind(&endpoint);
    let at = |request: Request| {
        Request {
            url: "http://127.0.0.1:4566/".into(),
            ..request
        }
        .check_with(&grants)
    };
    assert_eq!(at(create_db(&[])).unwrap().operation, "CreateDBInstance");
    assert_eq!(
        at(json(
            "ecr",
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            &json!({})
        ))
        .unwrap()
        .captures
        .len(),
        1
    );
    // The rules of one service do not hold for another.
    assert!(
        at(Request {
            signer: signer("ec2"),
            ..create_db(&[])
        })
        .is_err()
    );
    assert!(
        at(Request {
            signer: signer("sts"),
            ..create_db(&[])
        })
        .unwrap_err()
        .message
        .contains("signed by")
    );
    assert!(
        at(Request {
            signer: None,
            ..create_db(&[])
        })
        .is_err()
    );
    assert!(create_db(&[]).check_with(&grants).is_err());
}

#[test]
fn codes_are_found_in_each_form_of_an_error() {
    let permit = create_db(&[]).check().unwrap();
    let query = |status, body: &str| classify(&permit, status, &[], body.as_bytes());
    let throttled = Proof::NotPerformed {
        throttled: true,
        retry_after_s: None,
    };
    let rds = |code: &str| {
        format!(
            "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"
        )
    };
    let ec2 = |code: &str| {
        format!(
            "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>"
        )
    };
    assert_eq!(query(400, &rds("Throttling")), throttled);
    assert_eq!(query(503, &ec2("RequestLimitExceeded")), throttled);
    assert_eq!(
        query(400, &rds("InvalidParameterValue")),
        Proof::NotPerformed {
            throttled: false,
            retry_after_s: None
        }
    );
    assert_eq!(
        query(400, &rds("DBInstanceAlreadyExists")),
        Proof::Performed
    );
    assert_eq!(query(500, &rds("InternalFailure")), Proof::Unknown);
    assert_eq!(query(503, "<html>"), Proof::Unknown);
    assert_eq!(query(400, "Throttling"), Proof::Performed);
    let permit = json("ecs", "A.DescribeClusters", &json!({}))
        .check()
        .unwrap();
    for body in [
        json!({"__type": "com.amazonaws.ecs#ThrottlingException"}),
        json!({"__type": "ThrottlingException"}),
        json!({"code": "ThrottlingException:http://x"}),
    ] {
        assert_eq!(
            classify(&permit, 400, &[], body.to_string().as_bytes()),
            throttled,
            "{body}"
        );
    }
    let named = [header(
        "x-amzn-ErrorType",
        "ThrottlingException:http://internal.amazon.com/",
    )];
    assert_eq!(classify(&permit, 400, &named, b""), throttled);
}

#[test]
fn answers_show_what_carries_our_mark() {
    let mark = &World::default().0[..1];
    let instance = |id: &str, env: &str| {
        format!(
            "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceArn>arn:{id}</DBInstanceArn><TagList><Tag><Key>cloudark:environment</Key><Value>{env}</Value></Tag></TagList></DBInstance>"
        )
    };
    let list = |instances: &[String]| {
        format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{}</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>",
            instances.concat()
        )
    };
    let describe = form("rds", "DescribeDBInstances", &[]);
    let permit = describe.check().unwrap();
    let ids = |body: &str| shown(&permit, &describe.call(), 200, body.as_bytes(), mark);
    assert_eq!(
        ids(&list(&[instance("a", "e-1"), instance("b", "e-2")])),
        ["a", "arn:a"]
    );
    assert_eq!(ids(&list(&[instance("a", "e-1")])), ["a", "arn:a"]);
    assert!(ids(&list(&[])).is_empty() && ids("<a").is_empty());
    // The id of one and the tags of another are not put together.
    let split =
        "<DBInstance><DBInstanceIdentifier>x</DBInstanceIdentifier></DBInstance>".to_owned();
    assert_eq!(ids(&list(&[split, instance("a", "e-1")])), ["a", "arn:a"]);

    let create = form(
        "ec2",
        "CreateSecurityGroup",
        &[
            ("TagSpecification.1.ResourceType", "security-group"),
            ("TagSpecification.1.Tag.1.Key", "cloudark:environment"),
            ("TagSpecification.1.Tag.1.Value", "e-1"),
            ("TagSpecification.1.Tag.2.Key", "cloudark:piece"),
            ("TagSpecification.1.Tag.2.Value", "db"),
        ],
    );
    let permit = create.check().unwrap();
    let answer =
        b"<CreateSecurityGroupResponse><groupId>sg-9</groupId></CreateSecurityGroupResponse>";
    assert_eq!(shown(&permit, &create.call(), 200, answer, mark), ["sg-9"]);
    assert!(shown(&permit, &create.call(), 500, answer, mark).is_empty());

    let tags = form("rds", "ListTagsForResource", &[("ResourceName", "arn:x")]);
    let permit = tags.check().unwrap();
    let answer = b"<ListTagsForResourceResponse><ListTagsForResourceResult><TagList><Tag><Key>cloudark:environment</Key><Value>e-1</Value></Tag></TagList></ListTagsForResourceResult></ListTagsForResourceResponse>";
    assert_eq!(shown(&permit, &tags.call(), 200, answer, mark), ["arn:x"]);
}

#[test]
fn a_registry_token_is_captured() {
    let request = json("ecr", "A.GetAuthorizationToken", &json!({}));
    let permit = request.check().unwrap();
    let body = json!({"authorizationData": [{"authorizationToken": "QVdTOnMzY3IzdA==", "proxyEndpoint": "x"}]});
    let mut kept = String::new();
    let captured = apply_captures(&permit, body.to_string().as_bytes(), |secret| {
        kept = secret.to_owned();
        "REF".into()
    });
    assert_eq!(kept, "s3cr3t");
    let seen: serde_json::Value = serde_json::from_slice(&captured.body).unwrap();
    assert_eq!(
        seen,
        json!({"authorizationData": [{"authorizationToken": "REF", "proxyEndpoint": "x"}]})
    );
}

#[test]
fn power_without_conditions_cannot_be_granted() {
    let iam = |allow: &str| {
        format!(
            "http: [{{ origin: https://iam.amazonaws.com, protocol: aws-query, sign: {{ aws-sigv4: iam }}, allow: [{allow}] }}]"
        )
    };
    let rds = |allow: &str| {
        format!(
            "http: [{{ origin: https://rds.eu.amazonaws.com, protocol: aws-query, sign: {{ aws-sigv4: rds }}, {allow} }}]"
        )
    };
    let sts = |read: &str| {
        format!(
            "http: [{{ origin: https://sts.amazonaws.com, protocol: aws-query, sign: {{ aws-sigv4: sts }}, read: [{read}] }}]"
        )
    };
    for (text, expected) in [
        (iam("{ op: DeleteRole }"), "bind the target"),
        (
            iam("{ op: DeleteRole, where: { RoleName: any } }"),
            "bind the target",
        ),
        (
            iam("{ op: DeleteRole, where: { RoleName: [minted, { glob: \"*\" }] } }"),
            "bind the target",
        ),
        (
            iam("{ op: CreateRole, where: { RoleName: minted } }"),
            "`AssumeRolePolicyDocument` gives power",
        ),
        (
            iam("{ op: CreateRole, where: { RoleName: minted, AssumeRolePolicyDocument: any } }"),
            "gives power",
        ),
        (
            iam(
                "{ op: AttachRolePolicy, where: { RoleName: minted, PolicyArn: { glob: \"*\" } } }",
            ),
            "gives power",
        ),
        (
            iam("{ op: PutRolePolicy, where: { RoleName: minted } }"),
            "`PolicyDocument` gives power",
        ),
        (
            iam("{ op: CreateAccessKey, where: { UserName: minted } }"),
            "hands out credentials",
        ),
        (
            sts("\"Get*\""),
            "GetFederationToken, which hands out credentials",
        ),
        (
            rds("allow: [{ op: AddTagsToResource, where: { Tags.Tag.*: mark } }]"),
            "could put our mark on anything",
        ),
        (rds("read: [\"Delete*\"]"), "is no reading operation"),
        (rds("read: [\"*\"]"), "is no reading operation"),
        (rds("read: [Listen]"), "is no reading operation"),
        (
            rds("allow: [{ op: \"Create*\" }]"),
            "`*` is for `read` alone",
        ),
        (rds("query: [a]"), "only `rest`"),
        (
            rds("allow: [{ op: CreateDBInstance }], owns: [{ op: CreateDBInstance, id: /a }]"),
            "`mark` condition",
        ),
        (
            rds("allow: [{ op: CreateDBInstance, where: { /a: minted } }]"),
            "is no form field",
        ),
    ] {
        let error = Grants::from_yaml(&text)
            .map(|_| &text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Grants::from_yaml(&sts("GetCallerIdentity")).is_ok());
}

#[test]
fn the_least_policy_names_exactly_what_is_granted() {
    let policy = grants().policy();
    let statements = policy["aws-sigv4"]["Statement"].as_array().unwrap();
    let of = |sid: &str| {
        statements
            .iter()
            .find(|one| one["Sid"] == sid)
            .unwrap_or_else(|| panic!("{sid}: {policy:#}"))
    };
    assert_eq!(
        of("Rds")["Action"],
        json!([
            "rds:CreateDBInstance",
            "rds:DeleteDBInstance",
            "rds:Describe*",
            "rds:ListTagsForResource",
            "rds:ModifyDBInstance"
        ])
    );
    assert_eq!(of("PassRole")["Resource"], json!(["arn:aws:iam::*:role/*"]));
    assert_eq!(statements.len(), 7);
}

proptest! {
    /// Whatever form is posted: a delete passes only if the one field that names its target names ours.
    #[test]
    fn no_form_deletes_what_is_not_ours(
        fields in proptest::collection::vec((
            "(Action|action|Action[.]1|DBInstanceIdentifier|dbinstanceidentifier|DBInstanceIdentifier[.]1|%44BInstanceIdentifier|X|Version)",
            "(DeleteDBInstance|DescribeDBInstances|env-db|production|env%2Ddb|env-db%00|)",
        ), 0..5),
        joint in "(&|&|&|;|&&)",
        query in "([?]Action=DeleteDBInstance|)",
    ) {
        let body = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(&joint);
        let mut request = Request { body, ..delete_db("") };
        request.url.push_str(&query);
        if let Ok(permit) = request.check() && permit.effect != Effect::Read {
            let count = |wanted: &str| fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).count();
            prop_assert_eq!((count("Action"), count("DBInstanceIdentifier"), fields.len() <= 4), (1, 1, true));
            let target = fields.iter().find(|(name, _)| name == "DBInstanceIdentifier").unwrap();
            prop_assert!(["env-db", "env%2Ddb"].contains(&target.1.as_str()));
            prop_assert!(query.is_empty() && !fields.iter().any(|(name, _)| name.contains('%') || name.contains('[')));
        }
    }

    #[test]
    fn no_bytes_crash_the_protocols(body in "\\PC{0,60}", kind in "(application/x-www-form-urlencoded|application/x-amz-json-1.1|\\PC{0,8})", target in "\\PC{0,20}", service in "(rds|ecs)") {
        let request = Request {
            headers: vec![header("Content-Type", &kind), header("X-Amz-Target", &target)],
            body: body.clone(), signer: signer(&service),
            url: format!("https://{service}.eu-west-1.amazonaws.com/"), ..delete_db("")
        };
        let _ = request.check();
        for permit in [create_db(&[]).check().unwrap(), json("ecr", "A.GetAuthorizationToken", &json!({})).check().unwrap()] {
            classify(&permit, 400, &[], body.as_bytes());
            shown(&permit, &request.call(), 200, body.as_bytes(), &World::default().0);
            apply_captures(&permit, body.as_bytes(), |_| String::new());
        }
    }
}
