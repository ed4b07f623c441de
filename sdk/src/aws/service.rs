//! Which services there are, and where.

use crate::{Context, Failure, Result};

/// A service of the Query protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryService {
    /// The first label of its host, and the name that requests are signed for.
    pub name: &'static str,
    /// The API version that every call names.
    pub version: &'static str,
    /// One for all regions: its host has no region, and requests are signed for `us-east-1`.
    pub global: bool,
}

/// A service of the JSON protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonService {
    /// What stands before the region in its host.
    pub host: &'static str,
    /// The name that requests are signed for.
    pub name: &'static str,
    /// What `X-Amz-Target` begins with.
    pub target: &'static str,
    /// The content type: `application/x-amz-json-1.1`.
    pub content_type: &'static str,
}

/// Networks and security groups.
pub const EC2: QueryService = QueryService { name: "ec2", version: "2016-11-15", global: false };
/// Databases.
pub const RDS: QueryService = QueryService { name: "rds", version: "2014-10-31", global: false };
/// Caches.
pub const ELASTICACHE: QueryService = QueryService { name: "elasticache", version: "2015-02-02", global: false };
/// Load balancers (version 2: application and network).
pub const ELB: QueryService = QueryService { name: "elasticloadbalancing", version: "2015-12-01", global: false };
/// Roles and policies.
pub const IAM: QueryService = QueryService { name: "iam", version: "2010-05-08", global: true };
/// Who the credentials are.
pub const STS: QueryService = QueryService { name: "sts", version: "2011-06-15", global: false };

const JSON_1_1: &str = "application/x-amz-json-1.1";

/// Containers.
pub const ECS: JsonService =
    JsonService { host: "ecs", name: "ecs", target: "AmazonEC2ContainerServiceV20141113", content_type: JSON_1_1 };
/// Image repositories.
pub const ECR: JsonService = JsonService {
    host: "api.ecr",
    name: "ecr",
    target: "AmazonEC2ContainerRegistry_V20150921",
    content_type: JSON_1_1,
};
/// CloudWatch Logs.
pub const LOGS: JsonService =
    JsonService { host: "logs", name: "logs", target: "Logs_20140328", content_type: JSON_1_1 };
/// Parameters, secret ones too.
pub const SSM: JsonService = JsonService { host: "ssm", name: "ssm", target: "AmazonSSM", content_type: JSON_1_1 };

/// Tables.
pub const DYNAMODB: JsonService = JsonService {
    host: "dynamodb",
    name: "dynamodb",
    target: "DynamoDB_20120810",
    content_type: "application/x-amz-json-1.0",
};

/// The setting `region`.
///
/// # Errors
/// `invalid` where there is none.
pub fn region(ctx: &Context) -> Result<String> {
    ctx.setting("region").map(str::to_owned).ok_or_else(|| {
        Failure::invalid(
            "no AWS region is set: add `region: eu-west-1` to the environment file, or run `cld setup aws`",
        )
    })
}

/// Where a service answers, and the region that its requests are signed for.
pub(super) fn endpoint(ctx: &Context, host: &str, global: bool) -> Result<(String, String)> {
    let region = if global { "us-east-1".to_owned() } else { region(ctx)? };
    let url = match ctx.setting("endpoint").filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
        None if global => format!("https://{host}.amazonaws.com/"),
        None => format!("https://{host}.{region}.amazonaws.com/"),
    };
    Ok((url, region))
}
