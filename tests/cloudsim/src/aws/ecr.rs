//! ECR: repositories, and a token that opens nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ctx, Lister, Tags,
    ec2::thing,
    error::{Answer, AwsError},
    page,
    params::Params,
    service::Service,
    tag_list, unknown_action, when,
};
use crate::life::Birth;

/// What ECR knows in a region.
#[derive(Default, Serialize)]
pub struct Ecr {
    pub repositories: BTreeMap<String, Repository>,
}

/// A repository.
#[derive(Clone, Debug, Serialize)]
pub struct Repository {
    pub name: String,
    pub arn: String,
    pub uri: String,
    pub tags: Tags,
    pub birth: Birth,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateRepository" => create(ctx, p),
        "DescribeRepositories" => describe(ctx, p),
        "DeleteRepository" => {
            let (name, _) = (p.need("repositoryName")?, p.flag("force"));
            let gone = ctx.r.ecr.repositories.remove(&name).ok_or_else(|| missing(ctx.account, &name))?;
            Ok(json!({ "repository": view(ctx.account, &gone) }))
        }
        "GetAuthorizationToken" => Ok(json!({
            "authorizationData": [{
                // AWS:cloudsim-registry-token
                "authorizationToken": "QVdTOmNsb3Vkc2ltLXJlZ2lzdHJ5LXRva2Vu",
                "expiresAt": when::seconds(ctx.now + 12 * 3600 * 1000),
                "proxyEndpoint": format!("https://{}", registry(ctx)),
            }],
        })),
        "ListTagsForResource" => {
            let arn = p.need("resourceArn")?;
            let found = ctx.r.ecr.repositories.values().find(|repository| repository.arn == arn);
            let found = found.ok_or_else(|| missing(ctx.account, &arn))?;
            Ok(json!({ "tags": tag_list(&found.tags) }))
        }
        "TagResource" => {
            let (arn, tags) = (p.need("resourceArn")?, p.tags("tags")?);
            let found = ctx.r.ecr.repositories.values_mut().find(|repository| repository.arn == arn);
            found.ok_or_else(|| missing(ctx.account, &arn))?.tags.extend(tags);
            Ok(json!({}))
        }
        _ => Err(unknown_action(ctx, Service::Ecr, action)),
    }
}

fn registry(ctx: &Ctx<'_>) -> String {
    format!("{}.dkr.ecr.{}.amazonaws.com", ctx.account, ctx.region)
}

fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("repositoryName")?;
    let odd = |c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && !"._/-".contains(c);
    if name.len() < 2 || name.len() > 256 || name.chars().any(odd) {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
                 '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'' ({name})"
            ),
        ));
    }
    if ctx.r.ecr.repositories.contains_key(&name) {
        return Err(AwsError::new(
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry with id '{}'", ctx.account),
        ));
    }
    let repository = Repository {
        arn: ctx.arn("ecr", &format!("repository/{name}")),
        uri: format!("{}/{name}", registry(ctx)),
        name,
        tags: p.tags("tags")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "repository": view(ctx.account, &repository) });
    ctx.r.ecr.repositories.insert(repository.name.clone(), repository);
    Ok(answer)
}

fn view(account: &str, repository: &Repository) -> Value {
    json!({
        "repositoryArn": repository.arn,
        "registryId": account,
        "repositoryName": repository.name,
        "repositoryUri": repository.uri,
        "createdAt": when::seconds(repository.birth.at_ms),
        "imageTagMutability": "MUTABLE",
    })
}

fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let names = p.list("repositoryNames");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for repository in ctx.r.ecr.repositories.values_mut() {
        if (names.is_empty() || names.contains(&repository.name)) && repository.birth.look(config, now) {
            seen.push(repository.name.clone());
            found.push(view(ctx.account, repository));
        }
    }
    if let Some(name) = names.iter().find(|name| !seen.contains(name)) {
        return Err(missing(ctx.account, name));
    }
    let (found, next) = page(ctx, p, found, ("maxResults", "nextToken"), 100)?;
    Ok(json!({ "repositories": found, "nextToken": next }))
}

fn missing(account: &str, name: &str) -> AwsError {
    AwsError::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}

impl Ecr {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for repository in self.repositories.values() {
            let shown = thing(&repository.arn, &repository.name, &repository.tags, &repository.birth);
            list.add("ecr", "repository", shown, |_| {});
        }
    }
}
