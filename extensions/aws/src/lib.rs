//! CloudARK's extension for AWS: databases of RDS, and applications on ECS with Fargate.
//!
//! Read it like the runbooks it replaces: [`rds`], [`ecs`] and the [`foundation`] that both stand on. Everything is
//! created with the ownership [`mark`] in the call, found by its minted name and its mark, and deleted in the order
//! in which AWS lets go.

pub mod ecs;
pub mod foundation;
pub mod rds;

mod elb;
mod mark;
mod presence;
mod security_group;

use cloudark_sdk::{Credential, Setting};

cloudark_sdk::export! {
    name: "aws",
    cloud: "aws",
    summary: "Amazon Web Services: databases (rds) and containers (ecs)",
    foundation: foundation::Aws,
    resources: [rds::Rds],
    coes: [ecs::Ecs],
    settings: [
        Setting::required("region", "where everything is made: eu-west-1"),
        Setting::optional("vpc", "the network to use; the account's default one if silent"),
        Setting::optional("endpoint", "one address for all services: a simulator's"),
    ],
    credentials: [Credential::new("aws-sigv4", "AWS access key")],
}
