//! What gives power: roles, images, secrets.

use super::*;

#[test]
fn a_role_that_trusts_a_foreign_account_is_not_made() {
    let role = |document: &str| {
        let tags = [
            ("Tags.member.1.Key", "cloudark:environment"),
            ("Tags.member.1.Value", "e-1"),
            ("Tags.member.2.Key", "cloudark:piece"),
            ("Tags.member.2.Value", "db"),
        ];
        let fields = [&[("RoleName", "env-role"), ("AssumeRolePolicyDocument", document)], tags.as_slice()].concat();
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
    let twice = good.to_string().replace("\"Principal\"", "\"Principal\":{\"AWS\":\"*\"},\"Principal\"");
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
    let attach = |arn: &str| form("iam", "AttachRolePolicy", &[("RoleName", "env-role"), ("PolicyArn", arn)]).check();
    assert!(attach("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy").is_ok());
    assert!(attach("arn:aws:iam::aws:policy/AdministratorAccess").is_err());
}
