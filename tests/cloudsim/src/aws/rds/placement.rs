//! Where a database is put: subnet group, subnet, security groups.

use super::subnets;
use crate::aws::{Ctx, error::AwsError, params::Params};

/// Where a database is put.
pub struct Place {
    pub group: String,
    pub vpc: String,
    pub subnet: String,
    pub zone: String,
    pub groups: Vec<String>,
    pub public_by_default: bool,
}

pub fn place(ctx: &mut Ctx<'_>, p: &Params) -> Result<Place, AwsError> {
    let (group, vpc, candidates) = match p.text("DBSubnetGroupName").map(|name| name.to_lowercase()) {
        Some(name) if name != "default" => {
            let group = ctx.r.rds.subnet_groups.get(&name).ok_or_else(|| subnets::missing(&name))?;
            (name, group.vpc.clone(), group.subnets.clone())
        }
        _ => {
            let vpc = ctx.r.ec2.default_vpc().map(|vpc| vpc.id.clone()).ok_or_else(|| {
                AwsError::new(
                    "InvalidSubnet",
                    "No default subnet detected in VPC. Please contact AWS Support to recreate one.",
                )
            })?;
            let subnets = ctx.r.ec2.subnets.values().filter(|subnet| subnet.vpc == vpc).map(|s| s.id.clone()).collect();
            ("default".to_owned(), vpc, subnets)
        }
    };
    let wanted = p.text("AvailabilityZone");
    let fits = |id: &&String| {
        ctx.r.ec2.subnets.get(*id).is_some_and(|subnet| wanted.as_ref().is_none_or(|zone| subnet.zone == *zone))
    };
    let subnet = candidates.iter().find(fits).cloned().ok_or_else(|| {
        AwsError::new("InvalidVPCNetworkStateFault", format!("No usable subnet in DB subnet group '{group}'"))
    })?;
    let zone = ctx.r.ec2.subnets.get(&subnet).map(|subnet| subnet.zone.clone()).unwrap_or_default();
    let groups = groups(ctx, p, &vpc)?;
    let public_by_default = group == "default" && ctx.r.ec2.has_gateway(&vpc);
    Ok(Place { group, vpc, subnet, zone, groups, public_by_default })
}

pub fn groups(ctx: &Ctx<'_>, p: &Params, vpc: &str) -> Result<Vec<String>, AwsError> {
    let asked = p.list("VpcSecurityGroupIds");
    if asked.is_empty() {
        let default = ctx.r.ec2.groups.values().find(|group| group.vpc == vpc && group.default);
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    for id in &asked {
        match ctx.r.ec2.groups.get(id) {
            None => {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("Invalid security group , groupId= {id}, groupName=."),
                ));
            }
            Some(group) if group.vpc != vpc => {
                return Err(AwsError::new(
                    "InvalidParameterCombination",
                    format!(
                        "The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security \
                         group is in {}",
                        group.vpc
                    ),
                ));
            }
            Some(_) => {}
        }
    }
    Ok(asked)
}

pub fn check_public(ctx: &Ctx<'_>, vpc: &str) -> Result<(), AwsError> {
    let named = ctx.r.ec2.vpcs.get(vpc).is_some_and(|vpc| vpc.dns_support && vpc.dns_hostnames);
    let problem = if !ctx.r.ec2.has_gateway(vpc) {
        "The specified VPC has no internet gateway attached. Update the VPC and then try again"
    } else if !named {
        "The specified VPC does not support DNS resolution, DNS hostnames, or both. Update the VPC and then try again"
    } else {
        return Ok(());
    };
    Err(AwsError::new(
        "InvalidVPCNetworkStateFault",
        format!("Cannot create a publicly accessible DBInstance. {problem}"),
    ))
}
