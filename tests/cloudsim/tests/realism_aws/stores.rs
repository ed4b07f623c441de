//! What DynamoDB and ElastiCache refuse, and the states that tables and caches go through.

use serde_json::{Value, json};

use crate::common::{Cloud, Network};

fn table() -> Value {
    json!({
        "TableName": "items",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": [{ "Key": "a", "Value": "b" }],
    })
}

/// A table that is accepted, with these fields changed.
fn but(changes: &Value) -> Value {
    let mut all = table();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn dynamodb(cloud: &Cloud, action: &str, parameters: &Value) -> crate::common::Answer {
    cloud.json("dynamodb", action, parameters)
}

fn until_active(cloud: &Cloud) {
    let named = json!({ "TableName": "items" });
    assert!((0..20).any(|_| dynamodb(cloud, "DescribeTable", &named).body.contains("\"ACTIVE\"")));
}

#[test]
fn a_table_whose_keys_and_billing_do_not_fit_is_refused() {
    let cloud = Cloud::plain();
    for (changes, part) in [
        (json!({ "TableName": "it" }), "length between 3 and 255"),
        (json!({ "AttributeDefinitions": [] }), "Number of attributes in KeySchema"),
        (json!({ "BillingMode": "PROVISIONED" }), "must both be specified"),
        (
            json!({ "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 } }),
            "Neither ReadCapacityUnits",
        ),
    ] {
        dynamodb(&cloud, "CreateTable", &but(&changes)).refused(400, "ValidationException", part);
    }
    dynamodb(&cloud, "CreateTable", &table()).ok();
    dynamodb(&cloud, "CreateTable", &table()).refused(400, "ResourceInUseException", "already exists");
}

#[test]
fn a_table_takes_no_change_while_it_is_made_and_none_that_changes_nothing() {
    let cloud = Cloud::plain();
    let named = json!({ "TableName": "items" });
    let capacity = json!({
        "TableName": "items", "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 },
    });
    dynamodb(&cloud, "CreateTable", &table()).ok();
    dynamodb(&cloud, "UpdateTable", &capacity).refused(400, "ResourceInUseException", "still in use");
    dynamodb(&cloud, "DeleteTable", &named).refused(400, "ResourceInUseException", "being created");
    until_active(&cloud);
    dynamodb(&cloud, "UpdateTable", &capacity).ok();
    until_active(&cloud);
    dynamodb(&cloud, "UpdateTable", &capacity).refused(400, "ValidationException", "will not change");
    dynamodb(&cloud, "DeleteTable", &named).ok();
    assert!(dynamodb(&cloud, "DescribeTable", &named).body.contains("DELETING"));
    assert!((0..20).any(|_| dynamodb(&cloud, "DescribeTable", &named).body.contains("ResourceNotFoundException")));
}

#[test]
fn the_tags_of_a_new_table_are_listed_later_than_the_table() {
    let cloud = Cloud::with(json!({ "lag_polls": 1 }));
    let arn = dynamodb(&cloud, "CreateTable", &table()).ok();
    let arn: Value = serde_json::from_str(&arn.body).unwrap();
    let resource = json!({ "ResourceArn": arn["TableDescription"]["TableArn"] });
    let listed = || dynamodb(&cloud, "ListTagsOfResource", &resource).ok().body.contains("\"a\"");
    assert!(!listed());
    assert!(listed());
}

/// A cache in a subnet group of its own; with these fields changed.
fn cache(cloud: &Cloud, changes: &[(&'static str, &'static str)]) -> crate::common::Answer {
    let fine = [
        ("ReplicationGroupId", "c1"),
        ("ReplicationGroupDescription", "a cache"),
        ("Engine", "valkey"),
        ("CacheNodeType", "cache.t4g.micro"),
        ("CacheSubnetGroupName", "g"),
        ("TransitEncryptionEnabled", "true"),
        ("AuthToken", "correct-horse-battery"),
        ("Tags.Tag.1.Key", "a"),
        ("Tags.Tag.1.Value", "b"),
    ];
    let kept = fine.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let all: Vec<_> = kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty()).collect();
    cloud.query("elasticache", "CreateReplicationGroup", &all)
}

fn with_subnets() -> Cloud {
    let cloud = Cloud::plain();
    let network = Network::of(&cloud);
    let group = [
        ("CacheSubnetGroupName", "g"),
        ("CacheSubnetGroupDescription", "d"),
        ("SubnetIds.SubnetIdentifier.1", network.subnets[0].as_str()),
    ];
    cloud.query("elasticache", "CreateCacheSubnetGroup", &group).ok();
    cloud
}

const C1: [(&str, &str); 1] = [("ReplicationGroupId", "c1")];

fn status(cloud: &Cloud) -> String {
    cloud.query("elasticache", "DescribeReplicationGroups", &C1).text("Status")
}

#[test]
fn a_cache_that_cannot_be_is_refused() {
    let cloud = with_subnets();
    for (change, code, part) in [
        (("CacheNodeType", "cache.t1.micro"), "InvalidParameterValue", "Cache Node Type"),
        (("CacheSubnetGroupName", "no"), "CacheSubnetGroupNotFoundFault", "does not exist"),
        (("TransitEncryptionEnabled", "false"), "InvalidParameterCombination", "encryption-in-transit"),
        (("AuthToken", "short"), "InvalidParameterValue", "AuthToken"),
        (("AuthToken", "with a space and more"), "InvalidParameterValue", "AuthToken"),
        (("AutomaticFailoverEnabled", "true"), "InvalidParameterCombination", "single node"),
        (("ReplicationGroupId", "1-begins-with-a-digit"), "InvalidParameterValue", "identifier"),
    ] {
        cache(&cloud, &[change]).refused(400, code, part);
    }
}

#[test]
fn a_cache_is_neither_changed_nor_deleted_nor_asked_for_its_tags_while_it_is_made() {
    let cloud = with_subnets();
    let arn = cache(&cloud, &[]).ok().text("ARN");
    let grow = [C1[0], ("NewReplicaCount", "1"), ("ApplyImmediately", "true")];
    for (action, parameters) in [
        ("IncreaseReplicaCount", &grow[..]),
        ("DeleteReplicationGroup", &C1[..]),
        ("ListTagsForResource", &[("ResourceName", arn.as_str())][..]),
    ] {
        cloud.query("elasticache", action, parameters).refused(400, "InvalidReplicationGroupState", "creating");
    }
    assert!((0..20).any(|_| status(&cloud) == "available"));
    cloud.query("elasticache", "ListTagsForResource", &[("ResourceName", arn.as_str())]).ok();
    cloud.query("elasticache", "IncreaseReplicaCount", &grow).ok();
    assert_eq!(status(&cloud), "modifying");
    assert!((0..20).any(|_| status(&cloud) == "available"));
    cloud.query("elasticache", "IncreaseReplicaCount", &grow).refused(400, "InvalidParameterValue", "greater than");
}

#[test]
fn a_cache_that_is_gone_leaves_its_interface_for_a_while() {
    let cloud = with_subnets();
    cache(&cloud, &[]).ok();
    assert!((0..20).any(|_| status(&cloud) == "available"));
    let group = [("CacheSubnetGroupName", "g")];
    cloud.query("elasticache", "DeleteCacheSubnetGroup", &group).refused(400, "CacheSubnetGroupInUse", "in use");
    cloud.query("elasticache", "DeleteReplicationGroup", &C1).ok();
    assert!((0..20).any(|_| cloud.query("elasticache", "DescribeReplicationGroups", &C1).status == 404));
    assert!(cloud.ec2("DescribeNetworkInterfaces", &[]).ok().body.contains("ElastiCache c1-001"));
    cloud.query("elasticache", "DeleteCacheSubnetGroup", &group).ok();
}
