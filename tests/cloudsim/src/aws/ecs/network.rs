//! The `awsvpcConfiguration` of a service.

use serde::Serialize;
use serde_json::{Value, json};

use super::{client, parameter};
use crate::aws::{Ctx, ec2::Group, error::AwsError, params::Params};

/// Where tasks get their interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Network {
    pub subnets: Vec<String>,
    pub groups: Vec<String>,
    pub public: bool,
}

impl Network {
    /// As asked for; everything it names must exist, in one VPC.
    pub fn of(ctx: &Ctx<'_>, p: &Params) -> Result<Self, AwsError> {
        let vpc = p.object("networkConfiguration").and_then(|network| network.object("awsvpcConfiguration"));
        let vpc = vpc.ok_or_else(|| {
            parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        })?;
        let (subnets, mut groups) = (vpc.list("subnets"), vpc.list("securityGroups"));
        if subnets.is_empty() || subnets.len() > 16 || groups.len() > 5 {
            return Err(parameter("subnets must have 1 to 16 members, securityGroups at most 5."));
        }
        let mut network = None;
        for id in &subnets {
            let subnet = ctx.r.ec2.subnets.get(id).ok_or_else(|| {
                parameter(format!(
                    "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: \
                     InvalidSubnetID.NotFound)"
                ))
            })?;
            if network.is_some_and(|vpc| vpc != &subnet.vpc) {
                return Err(parameter("Subnets must be in the same VPC."));
            }
            network = Some(&subnet.vpc);
        }
        for id in &groups {
            let group: &Group = ctx.r.ec2.groups.get(id).ok_or_else(|| {
                parameter(format!(
                    "Error retrieving security group information for [{id}]: The security group '{id}' does not exist (ErrorCode: \
                     InvalidGroup.NotFound)"
                ))
            })?;
            if Some(&group.vpc) != network {
                return Err(parameter("Security group and subnets must be in the same VPC."));
            }
        }
        if groups.is_empty() {
            let default = ctx.r.ec2.groups.values().find(|group| group.default && Some(&group.vpc) == network);
            groups.extend(default.map(|group| group.id.clone()));
        }
        let public = match vpc.text("assignPublicIp").as_deref() {
            None | Some("DISABLED") => false,
            Some("ENABLED") => true,
            Some(other) => {
                return Err(client(format!("assignPublicIp must be ENABLED or DISABLED, not {other}.")));
            }
        };
        Ok(Self { subnets, groups, public })
    }

    /// As answers show it.
    pub fn view(&self) -> Value {
        json!({ "awsvpcConfiguration": {
            "subnets": self.subnets,
            "securityGroups": self.groups,
            "assignPublicIp": if self.public { "ENABLED" } else { "DISABLED" },
        } })
    }
}
