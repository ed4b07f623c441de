//! What cannot be granted, and what the rest needs.

use super::*;

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
        (iam("{ op: DeleteRole, where: { RoleName: any } }"), "bind the target"),
        (iam("{ op: DeleteRole, where: { RoleName: [minted, { glob: \"*\" }] } }"), "bind the target"),
        (iam("{ op: CreateRole, where: { RoleName: minted } }"), "`AssumeRolePolicyDocument` gives power"),
        (iam("{ op: CreateRole, where: { RoleName: minted, AssumeRolePolicyDocument: any } }"), "gives power"),
        (iam("{ op: AttachRolePolicy, where: { RoleName: minted, PolicyArn: { glob: \"*\" } } }"), "gives power"),
        (iam("{ op: PutRolePolicy, where: { RoleName: minted } }"), "`PolicyDocument` gives power"),
        (iam("{ op: CreateAccessKey, where: { UserName: minted } }"), "hands out credentials"),
        (sts("\"Get*\""), "GetFederationToken, which hands out credentials"),
        (rds("allow: [{ op: AddTagsToResource, where: { Tags.Tag.*: mark } }]"), "could put our mark on anything"),
        (rds("read: [\"Delete*\"]"), "is no reading operation"),
        (rds("read: [\"*\"]"), "is no reading operation"),
        (rds("read: [Listen]"), "is no reading operation"),
        (rds("allow: [{ op: \"Create*\" }]"), "`*` is for `read` alone"),
        (rds("query: [a]"), "only `rest`"),
        (rds("allow: [{ op: CreateDBInstance }], owns: [{ op: CreateDBInstance, id: /a }]"), "`mark` condition"),
        (rds("allow: [{ op: CreateDBInstance, where: { /a: minted } }]"), "is no form field"),
    ] {
        let error = Grants::from_yaml(&text).map(|_| &text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Grants::from_yaml(&sts("GetCallerIdentity")).is_ok());
}

#[test]
fn the_least_policy_names_exactly_what_is_granted() {
    let policy = grants().policy();
    let statements = policy["aws-sigv4"]["Statement"].as_array().unwrap();
    let of = |sid: &str| statements.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("{sid}: {policy:#}"));
    assert_eq!(
        of("Rds")["Action"],
        json!([
            "rds:AddTagsToResource",
            "rds:CreateDBInstance",
            "rds:DeleteDBInstance",
            "rds:Describe*",
            "rds:ListTagsForResource",
            "rds:ModifyDBInstance"
        ])
    );
    assert_eq!(of("PassRole")["Resource"], json!(["arn:aws:iam::*:role/*"]));
    assert_eq!(
        of("ServiceLinkedRoles")["Condition"]["StringEquals"]["iam:AWSServiceName"],
        json!(["ecs.amazonaws.com", "rds.amazonaws.com"])
    );
    assert_eq!(statements.len(), 8);
}

#[test]
fn every_example_of_the_reference_can_be_granted() {
    use crate::extensions::package::Manifest;
    let reference = include_str!("../../../../../docs/grants.md");
    let blocks: Vec<&str> = reference.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 5);
    for block in blocks {
        let block = block.replace("sha256:…", &format!("sha256:{}", "0".repeat(64)));
        let ecr = "http:\n  - origin: https://api.ecr.*.amazonaws.com\n    protocol: aws-json\n    read: [Get*]\n";
        let read = match block.trim_start().split([':', ' ']).next().unwrap() {
            "name" => Manifest::from_yaml(&block).map(|_| ()).map_err(|e| e.to_string()),
            "-" => Grants::from_yaml(&format!("http:\n{block}")).map(|_| ()).map_err(|e| e.to_string()),
            "capture" => Grants::from_yaml(&format!("{ecr}{block}")).map(|_| ()).map_err(|e| e.to_string()),
            _ => Grants::from_yaml(&block).map(|_| ()).map_err(|e| e.to_string()),
        };
        read.unwrap_or_else(|e| panic!("{e}:\n{block}"));
    }
}
