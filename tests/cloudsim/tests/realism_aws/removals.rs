//! What cannot be deleted yet, and what stays.

use serde_json::json;

use crate::common::{Cloud, EXECUTION, Network, Stage, admit, look, role};

#[test]
fn a_group_that_an_interface_or_a_rule_of_another_group_refers_to_stays() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    let (a, b) = (network.group(&cloud, "a"), network.group(&cloud, "b"));
    admit(&cloud, &b, 80, &a).ok();
    admit(&cloud, &a, 80, &a).ok();
    let delete = |id: &str| cloud.ec2("DeleteSecurityGroup", &[("GroupId", id)]);
    delete(&a).refused(400, "DependencyViolation", "dependent object");
    delete(&b).ok();
    // A rule that refers to its own group is in nobody's way.
    delete(&a).ok();
    let mut database = crate::databases::FINE.to_vec();
    let c = network.group(&cloud, "c");
    database.push(("VpcSecurityGroupIds.VpcSecurityGroupId.1", &c));
    cloud.rds("CreateDBInstance", &database).ok();
    delete(&c).refused(400, "DependencyViolation", "dependent object");
}

#[test]
fn a_subnet_group_in_use_stays() {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    cloud
        .rds(
            "CreateDBSubnetGroup",
            &[
                ("DBSubnetGroupName", "g"),
                ("DBSubnetGroupDescription", "d"),
                ("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
                ("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
            ],
        )
        .ok();
    let mut database = crate::databases::FINE.to_vec();
    database.push(("DBSubnetGroupName", "g"));
    cloud.rds("CreateDBInstance", &database).ok();
    cloud.rds("DeleteDBSubnetGroup", &[("DBSubnetGroupName", "g")]).refused(
        400,
        "InvalidDBSubnetGroupStateFault",
        "db1 is still using it",
    );
}

#[test]
fn a_role_with_policies_stays() {
    let cloud = Cloud::plain();
    role(&cloud, "r");
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let inline = [("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", policy)];
    cloud.query("iam", "PutRolePolicy", &inline).ok();
    let delete = || cloud.query("iam", "DeleteRole", &[("RoleName", "r")]);
    delete().refused(409, "DeleteConflict", "must detach all policies first");
    cloud.query("iam", "DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", EXECUTION)]).ok();
    delete().refused(409, "DeleteConflict", "must delete policies first");
    cloud.query("iam", "DeleteRolePolicy", &[("RoleName", "r"), ("PolicyName", "p")]).ok();
    delete().ok();
    delete().refused(404, "NoSuchEntity", "cannot be found");
}

#[test]
fn a_cluster_with_services_or_tasks_stays_and_a_deleted_one_lingers() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    let delete = || cloud.ecs("DeleteCluster", json!({ "cluster": "c" }));
    delete().refused(400, "ClusterContainsServicesException", "while Services are active");
    cloud.ecs("DeleteService", json!({ "cluster": "c", "service": "web" })).refused(
        400,
        "InvalidParameterException",
        "scaled above 0",
    );
    cloud.ecs("DeleteService", json!({ "cluster": "c", "service": "web", "force": true })).ok();
    assert_eq!(look(&cloud)["status"], "DRAINING");
    delete().refused(400, "ClusterContainsServicesException", "");
    assert!((0..20).any(|_| look(&cloud)["status"] == "INACTIVE"));
    delete().ok();
    let cluster = cloud.ecs("DescribeClusters", json!({ "clusters": ["c"] })).ok().value();
    assert_eq!(cluster["clusters"][0]["status"], "INACTIVE");
    assert!(cloud.existing("cluster").is_empty());
}

#[test]
fn the_log_group_of_a_deleted_service_stays() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    stage.deploy(&cloud, "web:1");
    cloud.ecs("DeleteService", json!({ "cluster": "c", "service": "web", "force": true })).ok();
    assert!((0..20).any(|_| look(&cloud)["status"] == "INACTIVE"));
    assert_eq!(cloud.existing("log-group").len(), 1);
}

#[test]
fn a_target_group_in_use_stays() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let delete = || cloud.elb("DeleteTargetGroup", &[("TargetGroupArn", &stage.target)]);
    delete().refused(400, "ResourceInUse", "currently in use");
    cloud.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &stage.balancer)]).ok();
    delete().ok();
}

#[test]
fn a_network_with_anything_in_it_stays() {
    let cloud = Cloud::plain();
    let vpc = cloud.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok().text("vpcId");
    let delete = || cloud.ec2("DeleteVpc", &[("VpcId", &vpc)]);
    let subnet = cloud.ec2("CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", "10.0.0.0/24")]).ok().text("subnetId");
    delete().refused(400, "DependencyViolation", "has dependencies");
    cloud.ec2("DeleteSubnet", &[("SubnetId", &subnet)]).ok();
    let igw = cloud.ec2("CreateInternetGateway", &[]).ok().text("internetGatewayId");
    cloud.ec2("AttachInternetGateway", &[("InternetGatewayId", &igw), ("VpcId", &vpc)]).ok();
    delete().refused(400, "DependencyViolation", "has dependencies");
    cloud.ec2("DeleteInternetGateway", &[("InternetGatewayId", &igw)]).refused(400, "DependencyViolation", "");
    cloud.ec2("DetachInternetGateway", &[("InternetGatewayId", &igw), ("VpcId", &vpc)]).ok();
    cloud.ec2("DeleteInternetGateway", &[("InternetGatewayId", &igw)]).ok();
    let table = cloud.ec2("CreateRouteTable", &[("VpcId", &vpc)]).ok().text("routeTableId");
    delete().refused(400, "DependencyViolation", "has dependencies");
    cloud.ec2("DeleteRouteTable", &[("RouteTableId", &table)]).ok();
    delete().ok();
    assert!(cloud.existing("").is_empty());
}

#[test]
fn a_gateway_whose_network_has_public_addresses_stays() {
    let cloud = Cloud::plain();
    let stage = Stage::set(&cloud);
    let igw = cloud.ec2("DescribeInternetGateways", &[]).ok().text("internetGatewayId");
    cloud.ec2("DetachInternetGateway", &[("InternetGatewayId", &igw), ("VpcId", &stage.network.vpc)]).refused(
        400,
        "DependencyViolation",
        "mapped public address",
    );
}
