//! The execution role: what ECS itself may do to start an application's tasks.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::{mark, presence};

/// Only ECS may assume it. The grant allows no other text.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// The name of the inline policy.
const POLICY: &str = "cloudark";

/// A role, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Role {
    /// `arn:aws:iam::123456789012:role/…`
    #[serde(rename = "Arn")]
    pub arn: String,
    #[serde(rename = "Tags", default)]
    tags: List<Tag>,
}

/// Where an account's things are, as its role's ARN shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Twelve digits.
    pub id: String,
}

impl Role {
    /// The account that it is in.
    pub fn account(&self) -> Account {
        let mut parts = self.arn.split(':').skip(1);
        let partition = parts.next().unwrap_or("aws").to_owned();
        Account { partition, id: parts.nth(2).unwrap_or_default().to_owned() }
    }
}

/// What the role allows.
#[derive(Debug, Clone)]
pub struct Permissions<'a> {
    /// The region of everything below.
    pub region: &'a str,
    /// The image, whose repository may be read if it is in ECR.
    pub image: &'a str,
    /// The log group's name.
    pub log_group: &'a str,
    /// The names of the SSM parameters.
    pub parameters: &'a [String],
}

impl Permissions<'_> {
    /// The policy document: this log group, these parameters and this repository, nothing else. The grant fixes
    /// what each place in it may say, so the first two statements are always there.
    fn document(&self, account: &Account) -> String {
        let Account { partition, id } = account;
        let region = self.region;
        let mut statements = vec![
            statement(
                &["logs:CreateLogStream", "logs:PutLogEvents"],
                &[format!("arn:{partition}:logs:{region}:{id}:log-group:{}:*", self.log_group)],
            ),
            // AWS knows no narrower resource for it.
            statement(&["ecr:GetAuthorizationToken"], &["*".to_owned()]),
        ];
        if !self.parameters.is_empty() {
            let arns: Vec<String> = self.parameters.iter().map(|name| parameter_arn(account, region, name)).collect();
            statements.push(statement(&["ssm:GetParameters"], &arns));
        }
        if let Some(repository) = repository_arn(partition, self.image) {
            statements.push(statement(
                &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                &[repository],
            ));
        }
        serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    }
}

fn statement(actions: &[&str], resources: &[String]) -> serde_json::Value {
    serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// The ARN of a parameter.
pub fn parameter_arn(account: &Account, region: &str, name: &str) -> String {
    let Account { partition, id } = account;
    format!("arn:{partition}:ssm:{region}:{id}:parameter/{}", name.trim_start_matches('/'))
}

/// The ARN of the repository of an image in ECR: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1`.
fn repository_arn(partition: &str, image: &str) -> Option<String> {
    let (host, rest) = image.split_once('/')?;
    let (account, host) = host.split_once(".dkr.ecr.")?;
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let repository = rest.split(['@', ':']).next()?;
    Some(format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}"))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Role")]
    role: Role,
}

fn get(iam: &Query, name: &str) -> Result<Option<Role>, Error> {
    let answer: Option<Answer> = iam.call("GetRole", Form::new().set("RoleName", name)).or_absent()?;
    Ok(answer.map(|answer| answer.role))
}

/// The role of this name, if it is ours.
fn find(ctx: &Context, iam: &Query, name: &str) -> Result<Option<Role>> {
    let role = get(iam, name)?;
    if let Some(role) = &role {
        mark::require(ctx, "role", name, &aws::pairs(&role.tags))?;
    }
    Ok(role)
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, name: &str) -> Result<Role> {
    let iam = Query::new(ctx, &aws::IAM)?;
    presence::ensure(
        "role",
        || find(ctx, &iam, name),
        || {
            let form = Form::new()
                .set("RoleName", name)
                .set("Description", format!("Starts {:?} of CloudARK environment {:?}", ctx.piece, ctx.environment))
                .set("AssumeRolePolicyDocument", TRUST)
                .tags("Tags.member", &ctx.tags());
            Ok(iam.act("CreateRole", form)?)
        },
    )
}

/// Let it do this, and nothing that it could before.
pub fn permit(ctx: &Context, name: &str, role: &Role, permissions: &Permissions<'_>) -> Result<()> {
    let iam = Query::new(ctx, &aws::IAM)?;
    let form = Form::new()
        .set("RoleName", name)
        .set("PolicyName", POLICY)
        .set("PolicyDocument", permissions.document(&role.account()));
    Ok(iam.act("PutRolePolicy", form)?)
}

/// Remove its policy, then itself: AWS deletes no role that has one.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let iam = Query::new(ctx, &aws::IAM)?;
    if find_settled(|| find(ctx, &iam, name))?.is_none() {
        return Ok(());
    }
    let policy = Form::new().set("RoleName", name).set("PolicyName", POLICY);
    iam.act("DeleteRolePolicy", policy).or_absent()?;
    iam.act("DeleteRole", Form::new().set("RoleName", name)).or_absent()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Role { arn: "arn:aws:iam::123456789012:role/cloudark-web".into(), tags: List::default() }.account()
    }

    #[test]
    fn the_account_is_read_from_the_role() {
        assert_eq!(account(), Account { partition: "aws".into(), id: "123456789012".into() });
    }

    #[test]
    fn the_role_allows_exactly_its_log_group_parameters_and_repository() {
        let permissions = Permissions {
            region: "eu-west-1",
            image: "1.dkr.ecr.us-west-2.amazonaws.com/team/web:7",
            log_group: "cloudark-web",
            parameters: &["cloudark-wp-password".to_owned()],
        };
        let document = permissions.document(&account());
        for part in [
            r#""Resource":["arn:aws:logs:eu-west-1:123456789012:log-group:cloudark-web:*"]"#,
            r#""Action":["ssm:GetParameters"]"#,
            r#""Resource":["arn:aws:ssm:eu-west-1:123456789012:parameter/cloudark-wp-password"]"#,
            r#""Resource":["arn:aws:ecr:us-west-2:1:repository/team/web"]"#,
        ] {
            assert!(document.contains(part), "{part} in {document}");
        }
        let plain = Permissions { image: "nginx:1", parameters: &[], ..permissions };
        let document = plain.document(&account());
        assert!(!document.contains("ssm") && !document.contains("repository"), "{document}");
    }
}
