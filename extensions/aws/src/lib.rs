//! CloudARK's extension for AWS: databases, tables and caches, and applications on ECS with Fargate.
//!
//! Read it like the runbooks it replaces: [`rds`], [`dynamodb`], [`elasticache`], [`ecs`] and the [`foundation`] that they
//! stand on. Everything is
//! created with the ownership [`mark`] in the call, found by its minted name and its mark, and deleted in the order
//! in which AWS lets go.

pub mod dynamodb;
pub mod ecs;
pub mod elasticache;
pub mod foundation;
pub mod rds;

mod elb;
mod mark;
mod presence;
mod security_group;
mod version;

use cloudark_sdk::{Credential, Setting};

cloudark_sdk::export! {
    name: "aws",
    cloud: "aws",
    summary: "Amazon Web Services: databases (rds), tables (dynamodb), caches (elasticache) and containers (ecs)",
    foundation: foundation::Aws,
    resources: [rds::Rds, dynamodb::Dynamodb, elasticache::Elasticache],
    coes: [ecs::Ecs],
    settings: [
        Setting::required("region", "where everything is made: eu-west-1"),
        Setting::optional("vpc", "the network to use; the account's default one if silent"),
        Setting::optional("endpoint", "one address for all services: a simulator's"),
    ],
    credentials: [Credential::new("aws-sigv4", "AWS access key")],
}
