//! A network of our own, for accounts without a default one: two public subnets in two zones, an internet gateway
//! and the route to it.
//!
//! These things have no names. They are found by our mark, which each is created with.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::network::{self, Network};
use super::subnets::Subnet;
use crate::presence;

/// Private addresses (RFC 1918) that few other networks use, should they ever be connected.
const ADDRESSES: &str = "10.42.0.0/16";
/// The addresses of the two subnets.
const SUBNET_ADDRESSES: [&str; 2] = ["10.42.0.0/20", "10.42.16.0/20"];

/// The network of our own: the calls that make it and take it down.
pub(super) struct Own<'a> {
    ctx: &'a Context,
    ec2: Query,
}

#[derive(Deserialize)]
struct Gateway {
    #[serde(rename = "internetGatewayId")]
    id: String,
}

#[derive(Deserialize)]
struct RouteTable {
    #[serde(rename = "routeTableId")]
    id: String,
}

impl<'a> Own<'a> {
    pub(super) fn new(ctx: &'a Context) -> Result<Self> {
        Ok(Self { ctx, ec2: Query::new(ctx, &aws::EC2)? })
    }

    /// Whether there is one.
    pub(super) fn exists(&self) -> Result<bool> {
        Ok(self.vpc()?.is_some())
    }

    /// Whether this is it.
    pub(super) fn is(&self, vpc: &str) -> Result<bool> {
        Ok(self.vpc()?.as_deref() == Some(vpc))
    }

    /// Make what is missing of it.
    pub(super) fn ensure(&self) -> Result<Network> {
        progress!("making a network: the account has no default one");
        let vpc = presence::ensure("network", || self.vpc(), || self.create_vpc())?;
        let dns = Form::new().set("VpcId", &vpc).set("EnableDnsHostnames.Value", true);
        self.ec2.act("ModifyVpcAttribute", dns)?;

        let mut subnets = Vec::new();
        for (zone, addresses) in self.zones()?.into_iter().zip(SUBNET_ADDRESSES) {
            let create = || self.create_subnet(&vpc, &zone, addresses);
            let id = presence::ensure("subnet", || self.subnet_in(&zone), create)?;
            subnets.push(Subnet { id, zone });
        }
        let gateway = presence::ensure("internet gateway", || self.gateway(), || self.create_gateway())?;
        let attachment = Form::new().set("InternetGatewayId", &gateway).set("VpcId", &vpc);
        self.ec2.act("AttachInternetGateway", attachment).or_code(&["Resource.AlreadyAssociated"])?;

        let table = presence::ensure("route table", || self.route_table(), || self.create_route_table(&vpc))?;
        let route =
            Form::new().set("RouteTableId", &table).set("DestinationCidrBlock", "0.0.0.0/0").set("GatewayId", &gateway);
        self.ec2.act("CreateRoute", route).or_code(&["RouteAlreadyExists"])?;
        for subnet in &subnets {
            let association = Form::new().set("RouteTableId", &table).set("SubnetId", &subnet.id);
            self.ec2.act("AssociateRouteTable", association).or_code(&["Resource.AlreadyAssociated"])?;
        }
        Ok(Network { vpc, subnets, own: true })
    }

    /// Take it down, in the order in which AWS lets go: again and again from the beginning while it does not, because
    /// interfaces go late and a part that was just made shows up late.
    pub(super) fn remove(&self) -> Result<()> {
        let Some(vpc) = find_settled(|| self.vpc())? else { return Ok(()) };
        progress!("removing the network");
        find_settled(|| self.gateway())?;
        wait::until(every(10.seconds()), at_most(30.minutes()), || match self.take_down(&vpc)? {
            None => ready(()),
            Some(part) => pending(format!("{part} is still in use")),
        })
    }

    /// One try. Answers the part that something still depends on.
    fn take_down(&self, vpc: &str) -> Result<Option<String>> {
        for subnet in self.subnets(self.marked(&[]))? {
            if !self.delete("DeleteSubnet", "SubnetId", &subnet.id)? {
                return Ok(Some(format!("subnet {}", subnet.id)));
            }
        }
        if let Some(table) = self.route_table()?
            && !self.delete("DeleteRouteTable", "RouteTableId", &table)?
        {
            return Ok(Some(format!("route table {table}")));
        }
        if let Some(gateway) = self.gateway()? {
            let attachment = Form::new().set("InternetGatewayId", &gateway).set("VpcId", vpc);
            let detached = self.ec2.act("DetachInternetGateway", attachment).or_absent();
            let detached = detached.or_code(&["Gateway.NotAttached"]).or_code(&["DependencyViolation"])?;
            if detached.is_none() || !self.delete("DeleteInternetGateway", "InternetGatewayId", &gateway)? {
                return Ok(Some(format!("internet gateway {gateway}")));
            }
        }
        let gone = self.delete("DeleteVpc", "VpcId", vpc)?;
        Ok((!gone).then(|| format!("network {vpc}")))
    }

    /// Delete one thing. Whether it is gone: not, while something depends on it.
    fn delete(&self, action: &str, parameter: &str, id: &str) -> Result<bool> {
        let deleted = self.ec2.act(action, Form::new().set(parameter, id)).or_absent();
        Ok(deleted.or_code(&["DependencyViolation"])?.is_some())
    }

    /// Our mark, and what it is: for people, and for whoever counts what there is twice.
    fn tags(&self, label: &str) -> Vec<(String, String)> {
        let mut tags = self.ctx.tags();
        tags.push(("cloudark:label".to_owned(), label.to_owned()));
        tags.push(("Name".to_owned(), format!("{} {label}", self.ctx.environment)));
        tags
    }

    /// Parameters that find things with our mark.
    fn marked(&self, also: &[(&str, &str)]) -> Form {
        let ours = self.ctx.tags();
        let tags = ours.iter().map(|(key, value)| (format!("tag:{key}"), value.as_str()));
        let also = also.iter().map(|(name, value)| ((*name).to_owned(), *value));
        tags.chain(also).enumerate().fold(Form::new(), |form, (index, (name, value))| {
            let filter = format!("Filter.{}", index + 1);
            form.set(&format!("{filter}.Name"), name).set(&format!("{filter}.Value.1"), value)
        })
    }

    fn vpc(&self) -> Result<Option<String>> {
        Ok(network::marked(&self.ec2, self.marked(&[]))?)
    }

    fn create_vpc(&self) -> Result<()> {
        let form = Form::new().set("CidrBlock", ADDRESSES).tag_specification("vpc", &self.tags("vpc"));
        Ok(self.ec2.act("CreateVpc", form)?)
    }

    fn zones(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "availabilityZoneInfo", default)]
            zones: List<Zone>,
        }
        #[derive(Deserialize)]
        struct Zone {
            #[serde(rename = "zoneName")]
            name: String,
        }
        let form = Form::new().filters(&[("state", &["available"]), ("zone-type", &["availability-zone"])]);
        let answer: Answer = self.ec2.call("DescribeAvailabilityZones", form)?;
        let mut zones: Vec<String> = answer.zones.into_iter().map(|zone| zone.name).collect();
        zones.sort();
        if zones.len() < SUBNET_ADDRESSES.len() {
            fail!(
                permanent,
                "this region has {} availability zones, and load balancers need two: use another",
                zones.len()
            );
        }
        Ok(zones)
    }

    fn subnets(&self, form: Form) -> Result<Vec<Subnet>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "subnetSet", default)]
            subnets: List<super::subnets::Found>,
        }
        let answer: Answer = self.ec2.call("DescribeSubnets", form)?;
        Ok(answer.subnets.into_iter().map(|found| Subnet { id: found.id, zone: found.zone }).collect())
    }

    fn subnet_in(&self, zone: &str) -> Result<Option<String>> {
        let found = self.subnets(self.marked(&[("availability-zone", zone)]))?;
        Ok(found.into_iter().next().map(|subnet| subnet.id))
    }

    fn create_subnet(&self, vpc: &str, zone: &str, addresses: &str) -> Result<()> {
        let form = Form::new()
            .set("VpcId", vpc)
            .set("CidrBlock", addresses)
            .set("AvailabilityZone", zone)
            .tag_specification("subnet", &self.tags(&format!("subnet in {zone}")));
        Ok(self.ec2.act("CreateSubnet", form)?)
    }

    fn gateway(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "internetGatewaySet", default)]
            gateways: List<Gateway>,
        }
        let answer: Answer = self.ec2.call("DescribeInternetGateways", self.marked(&[]))?;
        Ok(answer.gateways.into_iter().next().map(|gateway| gateway.id))
    }

    fn create_gateway(&self) -> Result<()> {
        let form = Form::new().tag_specification("internet-gateway", &self.tags("gateway"));
        Ok(self.ec2.act("CreateInternetGateway", form)?)
    }

    fn route_table(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "routeTableSet", default)]
            tables: List<RouteTable>,
        }
        let answer: Answer = self.ec2.call("DescribeRouteTables", self.marked(&[]))?;
        Ok(answer.tables.into_iter().next().map(|table| table.id))
    }

    fn create_route_table(&self, vpc: &str) -> Result<()> {
        let form = Form::new().set("VpcId", vpc).tag_specification("route-table", &self.tags("routes"));
        Ok(self.ec2.act("CreateRouteTable", form)?)
    }
}
