//! The protocol that posts forms.

use super::*;

#[test]
fn what_a_rule_allows_passes() {
    let permit =
        create_db(&[("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"), ("AllocatedStorage", "20")]).check().unwrap();
    assert_eq!(permit.summary, "POST https://rds.eu-west-1.amazonaws.com CreateDBInstance");
    assert_eq!((permit.effect, permit.marked), (Effect::Once, true));
    assert_eq!(delete_db("env-db").check().unwrap().effect, Effect::Idempotent);
    assert_eq!(
        form("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", "other")]).check().unwrap().effect,
        Effect::Read
    );
    let cluster = json!({"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/c"});
    json("ecs", "AmazonEC2ContainerServiceV20141113.DeleteCluster", &cluster).check().unwrap();
}

#[test]
fn a_database_without_our_mark_is_not_deleted() {
    assert!(delete_db("production").why().contains("`DBInstanceIdentifier` is not shown to be this environment's"));
    assert!(form("rds", "DeleteDBInstance", &[]).why().contains("is missing"));
}

#[test]
fn a_query_cannot_change_anything_by_any_name() {
    let query = |request: &Request| grants().check(&request.call(), &World::default(), Mode::Query);
    assert!(query(&form("rds", "DescribeDBInstances", &[])).is_ok());
    assert!(query(&delete_db("env-db")).unwrap_err().message.contains("may only read"));
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
    assert!(query(&Request { url, ..form("rds", "DescribeDBInstances", &[]) }).is_err());
}

#[test]
fn there_is_one_action_and_one_reading_of_a_form() {
    let with = |body: &str| Request { body: body.into(), ..delete_db("env-db") };
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
    let kind = |kind: &str| Request { headers: vec![header("Content-Type", kind)], ..delete_db("env-db") };
    for other in ["application/json", "multipart/form-data", "application/x-www-form-urlencoded; charset=utf-7", ""] {
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
    assert!(create_db(&[("PubliclyAccessible", "false")]).check().is_ok());
}

#[test]
fn what_is_made_carries_our_mark() {
    let create = |tags: &[(&str, &str)]| {
        form("rds", "CreateDBInstance", &[&[("DBInstanceIdentifier", "env-db")], tags].concat())
    };
    assert!(create(&[]).why().contains("ownership mark"));
    assert!(create(&MARKED[..2]).check().is_err());
    let foreign = [("Tags.Tag.1.Key", "cloudark:environment"), ("Tags.Tag.1.Value", "e-2"), MARKED[2], MARKED[3]];
    assert!(create(&foreign).check().is_err());
    let both = [MARKED.as_slice(), &[("Tags.Tag.3.Key", "cloudark:environment"), ("Tags.Tag.3.Value", "e-2")]].concat();
    assert!(create(&both).check().is_err());
    let more = [MARKED.as_slice(), &[("Tags.Tag.3.Key", "team"), ("Tags.Tag.3.Value", "x")]].concat();
    assert!(create(&more).check().is_ok());

    let tag = |at: usize, n: usize, key: &str, value: &str| {
        [
            (format!("TagSpecification.{at}.Tag.{n}.Key"), key.to_owned()),
            (format!("TagSpecification.{at}.Tag.{n}.Value"), value.to_owned()),
        ]
    };
    let group = |fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        form("ec2", "CreateSecurityGroup", &fields).check()
    };
    let kind = |at: usize, kind: &str| vec![(format!("TagSpecification.{at}.ResourceType"), kind.to_owned())];
    let marked = |at: usize| [tag(at, 1, "cloudark:environment", "e-1"), tag(at, 2, "cloudark:piece", "db")].concat();
    assert!(group([kind(1, "security-group"), marked(1)].concat()).unwrap().marked);
    assert!(group([kind(1, "vpc"), marked(1)].concat()).is_err());
    assert!(group(marked(1)).is_err());
    let second_unmarked =
        [kind(1, "security-group"), marked(1), kind(2, "security-group"), tag(2, 1, "a", "b").to_vec()].concat();
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
        form("ec2", "AuthorizeSecurityGroupIngress", &[open.as_slice(), fields].concat())
    };
    assert!(ingress(&[("IpPermissions.1.Groups.1.GroupId", "sg-1")]).check().is_ok());
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
    let modify =
        |field: &str| form("rds", "ModifyDBInstance", &[("DBInstanceIdentifier", "env-db"), (field, "1")]).check();
    assert!(modify("AllocatedStorage").is_ok());
    assert!(modify("NewDBInstanceIdentifier").unwrap_err().message.contains("is not a field that the rule lists"));
}
