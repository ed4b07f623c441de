//! EC2: networks, subnets, gateways, routes, security groups and network interfaces.

mod cidr;
mod filters;
mod gateways;
pub mod groups;
pub mod interfaces;
mod routes;
mod rules;
mod subnets;
mod tags;
pub mod vpc;
mod zones;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Ctx, Lister, Tags, Thing, error::Answer, params::Params, service::Service, unknown_action};
pub use cidr::Cidr;
pub use filters::like;
pub use groups::Group;
pub use interfaces::{Eni, Owner};
pub use routes::RouteTable;
pub use subnets::Subnet;
pub use zones::ZONES;

/// What EC2 knows in a region.
#[derive(Default, Serialize)]
pub struct Ec2 {
    pub vpcs: BTreeMap<String, vpc::Vpc>,
    pub subnets: BTreeMap<String, Subnet>,
    pub gateways: BTreeMap<String, gateways::Gateway>,
    pub tables: BTreeMap<String, RouteTable>,
    pub groups: BTreeMap<String, Group>,
    pub interfaces: BTreeMap<String, Eni>,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "DescribeVpcs" => vpc::describe(ctx, p),
        "CreateVpc" => vpc::create(ctx, p),
        "ModifyVpcAttribute" => vpc::modify(ctx, p),
        "DescribeVpcAttribute" => vpc::attribute(ctx, p),
        "DeleteVpc" => vpc::delete(ctx, p),
        "DescribeAvailabilityZones" => zones::describe(ctx, p),
        "DescribeSubnets" => subnets::describe(ctx, p),
        "CreateSubnet" => subnets::create(ctx, p),
        "ModifySubnetAttribute" => subnets::modify(ctx, p),
        "DeleteSubnet" => subnets::delete(ctx, p),
        "DescribeInternetGateways" => gateways::describe(ctx, p),
        "CreateInternetGateway" => gateways::create(ctx, p),
        "AttachInternetGateway" => gateways::attach(ctx, p),
        "DetachInternetGateway" => gateways::detach(ctx, p),
        "DeleteInternetGateway" => gateways::delete(ctx, p),
        "DescribeRouteTables" => routes::describe(ctx, p),
        "CreateRouteTable" => routes::create(ctx, p),
        "CreateRoute" => routes::create_route(ctx, p),
        "DeleteRoute" => routes::delete_route(ctx, p),
        "AssociateRouteTable" => routes::associate(ctx, p),
        "DisassociateRouteTable" => routes::disassociate(ctx, p),
        "DeleteRouteTable" => routes::delete(ctx, p),
        "DescribeSecurityGroups" => groups::describe(ctx, p),
        "CreateSecurityGroup" => groups::create(ctx, p),
        "DeleteSecurityGroup" => groups::delete(ctx, p),
        "AuthorizeSecurityGroupIngress" => rules::authorize(ctx, p, false),
        "AuthorizeSecurityGroupEgress" => rules::authorize(ctx, p, true),
        "RevokeSecurityGroupIngress" => rules::revoke(ctx, p, false),
        "RevokeSecurityGroupEgress" => rules::revoke(ctx, p, true),
        "DescribeSecurityGroupRules" => rules::describe(ctx, p),
        "DescribeNetworkInterfaces" => interfaces::describe(ctx, p),
        "CreateTags" => tags::create(ctx, p),
        "DeleteTags" => tags::delete(ctx, p),
        "DescribeTags" => tags::describe(ctx, p),
        _ => Err(unknown_action(ctx, Service::Ec2, action)),
    }
}

impl Ec2 {
    /// The VPC that calls mean when they name none.
    pub fn default_vpc(&self) -> Option<&vpc::Vpc> {
        self.vpcs.values().find(|vpc| vpc.default)
    }

    /// The table that routes a subnet: its own, or its network's main one.
    pub fn table_of(&self, subnet: &Subnet) -> Option<&RouteTable> {
        let own = self.tables.values().find(|table| table.associations.iter().any(|(_, id)| *id == subnet.id));
        own.or_else(|| self.tables.values().find(|table| table.main && table.vpc == subnet.vpc))
    }

    /// Whether the subnet has a way to the internet.
    pub fn is_public(&self, subnet: &str) -> bool {
        let Some(subnet) = self.subnets.get(subnet) else {
            return false;
        };
        let routes = self.table_of(subnet).map(|table| table.routes.as_slice()).unwrap_or_default();
        routes.iter().any(|route| {
            route.destination == "0.0.0.0/0"
                && self.gateways.get(&route.gateway).is_some_and(|g| g.vpc.as_ref() == Some(&subnet.vpc))
        })
    }

    /// Whether the network has a gateway.
    pub fn has_gateway(&self, vpc: &str) -> bool {
        self.gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(vpc))
    }

    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for vpc in self.vpcs.values().filter(|vpc| !vpc.default) {
            list.add("ec2", "vpc", thing(&vpc.id, "", &vpc.tags, &vpc.birth), |_| {});
        }
        for subnet in self.subnets.values().filter(|subnet| !subnet.default) {
            list.add("ec2", "subnet", thing(&subnet.id, "", &subnet.tags, &subnet.birth), |_| {});
        }
        for gateway in self.gateways.values().filter(|gateway| !gateway.default) {
            list.add("ec2", "internet-gateway", thing(&gateway.id, "", &gateway.tags, &gateway.birth), |item| {
                item.state = gateway.vpc.as_ref().map(|vpc| format!("attached to {vpc}")).unwrap_or_default();
            });
        }
        for table in self.tables.values().filter(|table| !table.main) {
            list.add("ec2", "route-table", thing(&table.id, "", &table.tags, &table.birth), |_| {});
        }
        for group in self.groups.values() {
            if group.default {
                for rule in group.rules.iter().filter(|rule| rule.birth.call > 0) {
                    list.add("ec2", "security-group-rule", thing(&rule.id, "", &rule.tags, &rule.birth), |item| {
                        item.state = format!("on the default group {}", group.id);
                    });
                }
            } else {
                list.add("ec2", "security-group", thing(&group.id, &group.name, &group.tags, &group.birth), |_| {});
            }
        }
        let none = Tags::new();
        for eni in self.interfaces.values() {
            list.add("ec2", "network-interface", thing(&eni.id, &eni.description, &none, &eni.birth), |item| {
                item.managed_by = Some(eni.owner.name().to_owned());
                item.lingering = eni.leaving.is_some();
                item.state = if item.lingering { "leaving" } else { "in-use" }.to_owned();
            });
        }
    }
}

pub(super) fn thing<'a>(id: &'a str, name: &'a str, tags: &'a Tags, birth: &'a crate::life::Birth) -> Thing<'a> {
    Thing { id, name: if name.is_empty() { tags.get("Name").map_or("", String::as_str) } else { name }, tags, birth }
}

/// `tagSet`.
fn tag_set(tags: &Tags) -> Value {
    super::tag_list_lower(tags)
}

/// The answer of most changes.
fn done() -> Answer {
    Ok(serde_json::json!({ "return": true }))
}
