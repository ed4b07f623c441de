//! What all pieces on AWS stand on: a network, and the security groups that say who may talk to whom.
//!
//! | group | for | admits |
//! | --- | --- | --- |
//! | `balancers` | load balancers | the ports of the applications, from anywhere |
//! | `tasks` | tasks | the ports of the containers, from `balancers` |
//! | `data` | databases and caches | their ports, from `tasks` |
//!
//! Tables stand on no network: where there are only tables, there is none.
//!
//! The rules of the first two come and go with the applications; see [`ports`](crate::ecs::ports).

mod groups;
mod network;
mod own;
mod subnets;

use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

pub use groups::Groups;
pub use network::Network;
pub use subnets::Subnet;

use crate::rds;

/// The foundation of AWS.
pub struct Aws;

/// What the other pieces get of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The network and the subnets to use.
    pub network: Option<Network>,
    /// The security groups.
    pub groups: Groups,
}

impl State {
    /// The network.
    ///
    /// # Errors
    /// Where nothing needed one when the foundation was prepared.
    pub fn network(&self) -> Result<&Network> {
        match &self.network {
            Some(network) => Ok(network),
            None => fail!(permanent, "the environment has no network on AWS: update it"),
        }
    }
}

impl Foundation for Aws {
    type State = State;

    fn prepare(ctx: &Context, pieces: &[Piece], current: Option<&Instance<State>>) -> Result<Instance<State>> {
        let needs = Needs::of(pieces)?;
        let before = current.and_then(|foundation| foundation.state.network.as_ref());
        if !needs.network && before.is_none() {
            let state = State { network: None, groups: Groups::default() };
            return Ok(Instance::new("none").summary("no network is needed").state(state));
        }
        progress!("looking for the network");
        let network = network::ensure(ctx, wanted_vpc(ctx, pieces).as_deref(), before)?;
        progress!("making the security groups");
        let groups = groups::ensure(ctx, &network.vpc, &needs, current.map(|foundation| &foundation.state.groups))?;
        let summary = format!("{}, {} subnets, {} security groups", network.vpc, network.subnets.len(), groups.count());
        Ok(Instance::new(network.vpc.clone()).summary(summary).state(State { network: Some(network), groups }))
    }

    fn release(ctx: &Context, pieces: &[Piece], current: Option<&Instance<State>>) -> Result<()> {
        // A database that outlives its environment keeps what it stands on; one that was never made does not.
        if pieces.iter().any(rds::is_retained) && rds::is_any_left(ctx)? {
            progress!("keeping the network of the database that is retained");
            return groups::close(ctx);
        }
        groups::remove(ctx)?;
        network::remove(ctx, current.and_then(|current| current.state.network.as_ref()))
    }
}

/// What the pieces need of the foundation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Needs {
    /// Whether anything stands on a network.
    network: bool,
    /// Whether applications will run.
    applications: bool,
    /// The ports of the databases and caches, sorted, each once.
    database_ports: Vec<u16>,
}

impl Needs {
    fn of(pieces: &[Piece]) -> Result<Self> {
        let mut needs = Self::default();
        for piece in pieces {
            needs.network |= piece.kind != crate::dynamodb::KIND;
            match piece.kind.as_str() {
                crate::elasticache::KIND => needs.database_ports.push(crate::elasticache::PORT),
                crate::ecs::KIND => needs.applications = true,
                crate::rds::KIND => needs.database_ports.push(rds::port(&piece.config)?),
                _ => {}
            }
        }
        needs.database_ports.sort_unstable();
        needs.database_ports.dedup();
        Ok(needs)
    }
}

/// The VPC that the cluster's configuration or the setting names.
fn wanted_vpc(ctx: &Context, pieces: &[Piece]) -> Option<String> {
    let configured = pieces.iter().find_map(|piece| piece.config.get("vpc")?.as_str());
    configured.or_else(|| ctx.setting("vpc")).filter(|vpc| !vpc.is_empty()).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cloudark_sdk::context::PieceRole;
    use cloudark_sdk::testing::Host;
    use serde_json::json;

    fn piece(kind: &str, config: serde_json::Value) -> Piece {
        Piece { role: PieceRole::Resource, kind: kind.to_owned(), name: kind.to_owned(), config }
    }

    #[test]
    fn the_foundation_opens_each_databases_port_once() {
        let pieces = [
            piece("rds", json!({})),
            piece("rds", json!({ "engine": "mariadb" })),
            piece("rds", json!({ "engine": "postgres" })),
        ];
        let needs = Needs::of(&pieces).unwrap();
        assert_eq!(needs, Needs { network: true, applications: false, database_ports: vec![3306, 5432] });
        let beside = [piece("dynamodb", json!({})), piece("elasticache", json!({}))];
        assert_eq!(Needs::of(&beside).unwrap().database_ports, [6379]);
        assert_eq!(Needs::of(&[piece("dynamodb", json!({}))]).unwrap(), Needs::default());
        assert!(Needs::of(&[piece("ecs", json!({}))]).unwrap().applications);
        assert!(Needs::of(&[piece("rds", json!({ "engine": "oracle" }))]).is_err());
    }

    #[test]
    fn the_file_says_more_about_the_network_than_the_setting() {
        let host = Host::new();
        let ctx = host.context("aws", &[("vpc", "vpc-setting")]);
        assert_eq!(wanted_vpc(&ctx, &[]).as_deref(), Some("vpc-setting"));
        let cluster = piece("ecs", json!({ "vpc": "vpc-file" }));
        assert_eq!(wanted_vpc(&ctx, &[cluster]).as_deref(), Some("vpc-file"));
        assert_eq!(wanted_vpc(&host.context("aws", &[]), &[]), None);
    }
}
