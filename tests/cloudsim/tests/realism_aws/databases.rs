//! What RDS refuses, and the states a database goes through.

use serde_json::json;

use crate::common::{Cloud, Network};

/// A database that is accepted; tests change one thing.
pub const FINE: [(&str, &str); 7] = [
    ("DBInstanceIdentifier", "db1"),
    ("Engine", "mysql"),
    ("DBInstanceClass", "db.t4g.micro"),
    ("AllocatedStorage", "20"),
    ("MasterUsername", "testuser"),
    ("MasterUserPassword", "correct-horse"),
    ("DBName", "testdb"),
];

fn but(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = FINE.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes.iter().copied()).collect()
}

fn status(cloud: &Cloud) -> String {
    cloud.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "db1")]).text("DBInstanceStatus")
}

fn available(cloud: &Cloud) {
    cloud.rds("CreateDBInstance", &FINE).ok();
    assert!((0..20).any(|_| status(cloud) == "available"));
}

#[test]
fn a_subnet_group_in_one_zone_is_refused() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    cloud
        .rds(
            "CreateDBSubnetGroup",
            &[
                ("DBSubnetGroupName", "g"),
                ("DBSubnetGroupDescription", "d"),
                ("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
            ],
        )
        .refused(400, "DBSubnetGroupDoesNotCoverEnoughAZs", "Add subnets to cover at least 2 AZs");
}

#[test]
fn retired_classes_are_refused_and_not_orderable() {
    let cloud = Cloud::plain();
    for class in ["db.t1.micro", "db.m1.medium", "db.m1.small"] {
        cloud.rds("CreateDBInstance", &but(&[("DBInstanceClass", class)])).refused(
            400,
            "InvalidParameterCombination",
            "RDS does not support creating a DB instance",
        );
        let options = [("Engine", "mysql"), ("DBInstanceClass", class)];
        assert!(cloud.rds("DescribeOrderableDBInstanceOptions", &options).ok().texts("EngineVersion").is_empty());
    }
    cloud.rds("CreateDBInstance", &but(&[("DBInstanceClass", "huge")])).refused(400, "InvalidParameterValue", "class");
    let options = [("Engine", "mysql"), ("DBInstanceClass", "db.t4g.micro")];
    assert!(!cloud.rds("DescribeOrderableDBInstanceOptions", &options).ok().texts("EngineVersion").is_empty());
}

#[test]
fn less_than_20_gigabytes_is_refused() {
    let cloud = Cloud::plain();
    cloud.rds("CreateDBInstance", &but(&[("AllocatedStorage", "5")])).refused(
        400,
        "InvalidParameterValue",
        "Invalid storage size",
    );
}

#[test]
fn a_password_with_forbidden_characters_or_of_the_wrong_length_is_refused() {
    let cloud = Cloud::plain();
    for password in ["correct/horse", "correct@horse", "correct\"horse", "correct horse"] {
        cloud.rds("CreateDBInstance", &but(&[("MasterUserPassword", password)])).refused(
            400,
            "InvalidParameterValue",
            "Only printable ASCII characters",
        );
    }
    let long = "a-password-of-forty-two-characters-is-long";
    assert_eq!(long.len(), 42);
    for engine in ["mysql", "mariadb"] {
        cloud.rds("CreateDBInstance", &but(&[("Engine", engine), ("MasterUserPassword", long)])).refused(
            400,
            "InvalidParameterValue",
            "longer than 41",
        );
    }
    cloud.rds("CreateDBInstance", &but(&[("MasterUserPassword", "short")])).refused(
        400,
        "InvalidParameterValue",
        "shorter",
    );
    cloud.rds("CreateDBInstance", &but(&[("Engine", "postgres"), ("MasterUserPassword", long)])).ok();
}

#[test]
fn a_database_name_with_a_hyphen_is_refused() {
    let cloud = Cloud::plain();
    cloud.rds("CreateDBInstance", &but(&[("DBName", "test-db")])).refused(
        400,
        "InvalidParameterValue",
        "DBName must begin with a letter",
    );
}

#[test]
fn a_reserved_master_user_is_refused() {
    let cloud = Cloud::plain();
    cloud.rds("CreateDBInstance", &but(&[("Engine", "postgres"), ("MasterUsername", "admin")])).refused(
        400,
        "InvalidParameterValue",
        "reserved word used by the engine",
    );
    cloud.rds("CreateDBInstance", &but(&[("MasterUsername", "rdsadmin")])).refused(
        400,
        "InvalidParameterValue",
        "reserved word",
    );
    cloud.rds("CreateDBInstance", &but(&[("MasterUsername", "admin")])).ok();
}

#[test]
fn an_identifier_in_use_is_refused() {
    let cloud = Cloud::plain();
    cloud.rds("CreateDBInstance", &FINE).ok();
    cloud.rds("CreateDBInstance", &FINE).refused(400, "DBInstanceAlreadyExists", "already exists");
    assert_eq!(cloud.existing("db-instance").len(), 1);
}

#[test]
fn a_public_database_needs_a_network_with_names_and_a_gateway() {
    let cloud = Cloud::plain();
    let vpc = cloud.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok().text("vpcId");
    let subnet = |cidr: &str, zone: &str| {
        let parameters = [("VpcId", vpc.as_str()), ("CidrBlock", cidr), ("AvailabilityZone", zone)];
        cloud.ec2("CreateSubnet", &parameters).ok().text("subnetId")
    };
    let (a, b) = (subnet("10.0.0.0/24", "us-east-1a"), subnet("10.0.1.0/24", "us-east-1b"));
    let members = [("SubnetIds.SubnetIdentifier.1", a.as_str()), ("SubnetIds.SubnetIdentifier.2", b.as_str())];
    let named = [("DBSubnetGroupName", "g"), ("DBSubnetGroupDescription", "d")];
    cloud.rds("CreateDBSubnetGroup", &[&named[..], &members[..]].concat()).ok();
    let public = but(&[("DBSubnetGroupName", "g"), ("PubliclyAccessible", "true")]);
    cloud.rds("CreateDBInstance", &public).refused(400, "InvalidVPCNetworkStateFault", "no internet gateway");
    let igw = cloud.ec2("CreateInternetGateway", &[]).ok().text("internetGatewayId");
    cloud.ec2("AttachInternetGateway", &[("InternetGatewayId", &igw), ("VpcId", &vpc)]).ok();
    cloud.rds("CreateDBInstance", &public).refused(400, "InvalidVPCNetworkStateFault", "DNS hostnames");
    cloud.ec2("ModifyVpcAttribute", &[("VpcId", &vpc), ("EnableDnsHostnames.Value", "true")]).ok();
    cloud.rds("CreateDBInstance", &public).ok();
}

#[test]
fn a_database_is_created_backed_up_and_only_then_available_with_its_endpoint_late() {
    let cloud = Cloud::plain();
    let created = cloud.rds("CreateDBInstance", &FINE).ok();
    assert_eq!((created.text("DBInstanceStatus").as_str(), created.texts("Endpoint").len()), ("creating", 0));
    let mut seen = Vec::new();
    for _ in 0..10 {
        let look = cloud.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "db1")]).ok();
        let state = (look.text("DBInstanceStatus"), !look.text("Address").is_empty());
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    let expected = [("creating", false), ("backing-up", true), ("available", true)];
    assert_eq!(seen, expected.map(|(status, endpoint)| (status.to_owned(), endpoint)));
}

#[test]
fn deleting_takes_polls_and_must_say_what_becomes_of_the_data() {
    let cloud = Cloud::plain();
    available(&cloud);
    let name = ("DBInstanceIdentifier", "db1");
    cloud.rds("DeleteDBInstance", &[name]).refused(
        400,
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required",
    );
    cloud.rds("DeleteDBInstance", &[name, ("FinalDBSnapshotIdentifier", "last")]).ok();
    cloud.rds("DeleteDBInstance", &[name, ("SkipFinalSnapshot", "true")]).refused(
        400,
        "InvalidDBInstanceState",
        "already being deleted",
    );
    assert_eq!(status(&cloud), "deleting");
    let gone = (0..10).any(|_| cloud.rds("DescribeDBInstances", &[name]).status == 404);
    assert!(gone);
    cloud.rds("DescribeDBInstances", &[name]).refused(404, "DBInstanceNotFound", "not found");
    let inventory = cloud.inventory();
    assert!(inventory["resources"].as_array().unwrap().is_empty(), "{inventory}");
    assert!(inventory["lingering"].as_array().unwrap().iter().any(|item| item["type"] == "db-snapshot"));
}

#[test]
fn a_protected_database_is_not_deleted() {
    let cloud = Cloud::plain();
    cloud.rds("CreateDBInstance", &but(&[("DeletionProtection", "true")])).ok();
    cloud.rds("DeleteDBInstance", &[("DBInstanceIdentifier", "db1"), ("SkipFinalSnapshot", "true")]).refused(
        400,
        "InvalidParameterCombination",
        "protected",
    );
}

#[test]
fn a_database_can_fail_for_good() {
    let cloud = Cloud::with(json!({ "aws": { "databases_end": "failed" } }));
    cloud.rds("CreateDBInstance", &FINE).ok();
    assert!((0..10).any(|_| status(&cloud) == "failed"));
    assert!((0..5).all(|_| status(&cloud) == "failed"));
    cloud.rds("DeleteDBInstance", &[("DBInstanceIdentifier", "db1"), ("SkipFinalSnapshot", "true")]).ok();
}
