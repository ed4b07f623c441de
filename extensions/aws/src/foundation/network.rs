//! The network: the one that the user names, else the account's default one, else one of our own.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use super::own::Own;
use super::subnets::{self, Subnet};

/// Load balancers and DB subnet groups want subnets in two zones at least.
const FEWEST_ZONES: usize = 2;

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `vpc-…`
    pub vpc: String,
    /// Public subnets, one in each zone.
    pub subnets: Vec<Subnet>,
    /// Whether we made it.
    pub own: bool,
}

impl Network {
    /// The ids of all subnets.
    pub fn subnet_ids(&self) -> Vec<String> {
        self.subnets.iter().map(|subnet| subnet.id.clone()).collect()
    }

    /// The ids of the subnets for load balancers and tasks: in two zones.
    pub fn two_subnet_ids(&self) -> Vec<String> {
        self.subnets.iter().take(FEWEST_ZONES).map(|subnet| subnet.id.clone()).collect()
    }
}

/// Find the network, or make one where the account has none.
pub(super) fn ensure(ctx: &Context, named: Option<&str>, current: Option<&Network>) -> Result<Network> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    if let (Some(named), Some(current)) = (named, current)
        && named != current.vpc
    {
        fail!(
            invalid,
            "environment {} stands in {}, and cannot be moved to {named}: make a new environment there",
            ctx.environment,
            current.vpc
        );
    }
    let own = Own::new(ctx)?;
    let vpc = match named.or(current.map(|network| network.vpc.as_str())) {
        Some(vpc) => Some(with_id(&ec2, vpc)?),
        None if own.exists()? => None,
        None => default(&ec2)?,
    };
    let Some(vpc) = vpc else { return own.ensure() };
    if own.is(&vpc)? {
        return own.ensure();
    }
    let (found, tables) = subnets::of_network(&ec2, &vpc)?;
    let subnets = subnets::choose(&found, &tables);
    if subnets.len() < FEWEST_ZONES {
        fail!(
            invalid,
            "network {vpc} has public subnets in {} zones, and load balancers and databases need {FEWEST_ZONES}: add a \
             subnet in another zone, routed to an internet gateway, or name another network with `vpc:`",
            subnets.len()
        );
    }
    Ok(Network { vpc, subnets, own: false })
}

/// Remove what is ours of it.
pub(super) fn remove(ctx: &Context, current: Option<&Network>) -> Result<()> {
    match current {
        Some(network) if !network.own => Ok(()),
        _ => Own::new(ctx)?.remove(),
    }
}

#[derive(Deserialize)]
struct Vpcs {
    #[serde(rename = "vpcSet", default)]
    vpcs: List<Vpc>,
}

#[derive(Deserialize)]
struct Vpc {
    #[serde(rename = "vpcId")]
    id: String,
}

fn first(answer: Option<Vpcs>) -> Option<String> {
    answer.and_then(|answer| answer.vpcs.into_iter().next()).map(|vpc| vpc.id)
}

fn with_id(ec2: &Query, vpc: &str) -> Result<String> {
    let answer = ec2.call("DescribeVpcs", Form::new().list("VpcId", [vpc])).or_absent()?;
    first(answer).ok_or_else(|| {
        Failure::invalid(format!("there is no network {vpc} in this account and region: name one that is, or none"))
            .at("/vpc")
    })
}

fn default(ec2: &Query) -> Result<Option<String>, Error> {
    Ok(first(Some(ec2.call("DescribeVpcs", Form::new().filters(&[("is-default", &["true"])]))?)))
}

/// The network with our mark, visible or not yet.
pub(super) fn marked(ec2: &Query, form: Form) -> Result<Option<String>, Error> {
    Ok(first(Some(ec2.call("DescribeVpcs", form)?)))
}
