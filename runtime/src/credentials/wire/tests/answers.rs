//! What answers prove, show and hide.

use super::*;

#[test]
fn codes_are_found_in_each_form_of_an_error() {
    let permit = create_db(&[]).check().unwrap();
    let query = |status, body: &str| classify(&permit, status, &[], body.as_bytes());
    let throttled = Proof::NotPerformed { throttled: true, retry_after_s: None };
    let rds = |code: &str| {
        format!("<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>")
    };
    let ec2 = |code: &str| {
        format!("<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>")
    };
    assert_eq!(query(400, &rds("Throttling")), throttled);
    assert_eq!(query(503, &ec2("RequestLimitExceeded")), throttled);
    assert_eq!(
        query(400, &rds("InvalidParameterValue")),
        Proof::NotPerformed { throttled: false, retry_after_s: None }
    );
    assert_eq!(query(400, &rds("DBInstanceAlreadyExists")), Proof::Performed);
    assert_eq!(query(500, &rds("InternalFailure")), Proof::Unknown);
    assert_eq!(query(503, "<html>"), Proof::Unknown);
    assert_eq!(query(400, "Throttling"), Proof::Performed);
    let permit = json("ecs", "A.DescribeClusters", &json!({})).check().unwrap();
    for body in [
        json!({"__type": "com.amazonaws.ecs#ThrottlingException"}),
        json!({"__type": "ThrottlingException"}),
        json!({"code": "ThrottlingException:http://x"}),
    ] {
        assert_eq!(classify(&permit, 400, &[], body.to_string().as_bytes()), throttled, "{body}");
    }
    let named = [header("x-amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/")];
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
    assert_eq!(ids(&list(&[instance("a", "e-1"), instance("b", "e-2")])), ["a", "arn:a"]);
    assert_eq!(ids(&list(&[instance("a", "e-1")])), ["a", "arn:a"]);
    assert!(ids(&list(&[])).is_empty() && ids("<a").is_empty());
    // The id of one and the tags of another are not put together.
    let split = "<DBInstance><DBInstanceIdentifier>x</DBInstanceIdentifier></DBInstance>".to_owned();
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
    let answer = b"<CreateSecurityGroupResponse><groupId>sg-9</groupId></CreateSecurityGroupResponse>";
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
    assert_eq!(seen, json!({"authorizationData": [{"authorizationToken": "REF", "proxyEndpoint": "x"}]}));
}
