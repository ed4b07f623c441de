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
