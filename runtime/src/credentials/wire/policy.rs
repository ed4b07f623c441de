//! The least cloud privilege that grants need, as the cloud's own document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::SignRule;

/// One operation that a grant allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need<'a> {
    /// Who signs it.
    pub sign: Option<&'a SignRule>,
    /// Where it goes.
    pub origin: String,
    /// Its name, perhaps ended by `*`.
    pub operation: String,
    /// Whether it puts our mark on what it makes.
    pub marks: bool,
    /// Resource names that it hands on: templates such as `arn:aws:iam::{account}:role/{minted}`.
    pub hands_on: Vec<String>,
}

/// One document for each kind of signer: for Signature Version 4 an IAM policy, for the others, whose clouds do
/// not name privileges after calls, the list of calls.
pub fn least_policy(needs: &[Need<'_>]) -> Value {
    let mut actions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut roles = BTreeSet::new();
    let mut linked = BTreeSet::new();
    let mut calls: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for need in needs {
        let Some(sign) = need.sign else { continue };
        match sign {
            SignRule::AwsSigV4(service) => {
                let prefix = action_prefix(service);
                let of_service = actions.entry(prefix).or_default();
                of_service.insert(format!("{prefix}:{}", need.operation));
                if need.marks {
                    of_service.insert(format!("{prefix}:{}", tagging(prefix, &need.operation)));
                }
                linked.extend(linked_role(prefix));
                if service != "iam" {
                    roles.extend(need.hands_on.iter().filter_map(|template| role(template)));
                }
            }
            SignRule::GoogleOauth(_) => note(&mut calls, "google-oauth", need),
            SignRule::Header { .. } => note(&mut calls, "header", need),
            SignRule::Basic => note(&mut calls, "basic", need),
            SignRule::OAuth2ClientCredentials(_) => note(&mut calls, "oauth2-client-credentials", need),
        }
    }
    let mut documents = serde_json::Map::new();
    if !actions.is_empty() {
        documents.insert("aws-sigv4".to_owned(), iam(&actions, &roles, &linked));
    }
    for (signer, calls) in calls {
        documents.insert(signer.to_owned(), json!({ "calls": calls }));
    }
    Value::Object(documents)
}

fn note<'a>(calls: &mut BTreeMap<&'a str, BTreeSet<String>>, signer: &'a str, need: &Need<'_>) {
    calls.entry(signer).or_default().insert(format!("{} at {}", need.operation, need.origin));
}

fn iam(actions: &BTreeMap<&str, BTreeSet<String>>, roles: &BTreeSet<String>, linked: &BTreeSet<&str>) -> Value {
    let mut statements: Vec<Value> = actions
        .iter()
        .map(|(prefix, actions)| json!({ "Sid": sid(prefix), "Effect": "Allow", "Action": actions, "Resource": "*" }))
        .collect();
    if !roles.is_empty() {
        statements.push(json!({
            "Sid": "PassRole", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": roles,
        }));
    }
    if !linked.is_empty() {
        statements.push(json!({
            "Sid": "ServiceLinkedRoles", "Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole"],
            "Resource": ["arn:aws:iam::*:role/aws-service-role/*"],
            "Condition": { "StringEquals": { "iam:AWSServiceName": linked } },
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The action that a create with tags needs besides its own (Service Authorization Reference, "dependent actions").
fn tagging(prefix: &str, operation: &str) -> String {
    match prefix {
        "ec2" => "CreateTags".to_owned(),
        "rds" | "elasticache" | "ssm" => "AddTagsToResource".to_owned(),
        "elasticloadbalancing" => "AddTags".to_owned(),
        "autoscaling" => "CreateOrUpdateTags".to_owned(),
        // TagRole for CreateRole.
        "iam" => format!("Tag{}", operation.trim_start_matches("Create")),
        _ => "TagResource".to_owned(),
    }
}

/// The service whose own role in the account is made when it is first used there (IAM User Guide, "AWS services that
/// work with IAM": service-linked roles).
fn linked_role(prefix: &str) -> Option<&'static str> {
    match prefix {
        "autoscaling" => Some("autoscaling.amazonaws.com"),
        "ecs" => Some("ecs.amazonaws.com"),
        "elasticache" => Some("elasticache.amazonaws.com"),
        "elasticloadbalancing" => Some("elasticloadbalancing.amazonaws.com"),
        "rds" => Some("rds.amazonaws.com"),
        _ => None,
    }
}

/// A statement's id takes letters and digits only.
fn sid(prefix: &str) -> String {
    prefix
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// The prefix of a service's actions where it is not the signing name (Service Authorization Reference).
fn action_prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        "email" => "ses",
        other => other,
    }
}

/// The role that a template names, with `*` for what is not known beforehand.
fn role(template: &str) -> Option<String> {
    if !template.contains(":role/") {
        return None;
    }
    let mut resource = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        resource.push_str(before);
        resource.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    resource.push_str(rest);
    Some(resource)
}
