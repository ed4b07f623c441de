//! Subnets.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Cidr, ZONES, done, filters, interfaces, tag_set, tags, vpc, zones::zone_id};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// A subnet.
#[derive(Clone, Debug, Serialize)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    pub cidr: Cidr,
    pub zone: String,
    pub public_addresses: bool,
    pub default: bool,
    /// How many addresses were ever given out.
    pub taken: u32,
    pub tags: Tags,
    pub birth: Birth,
}

impl Subnet {
    /// The next free address; AWS keeps the first four.
    pub fn take(&mut self) -> Ipv4Addr {
        let span = u32::try_from(self.cidr.size().saturating_sub(6)).unwrap_or(u32::MAX).max(1);
        let address = self.cidr.nth(4 + self.taken % span);
        self.taken += 1;
        address
    }
}

/// CreateSubnet
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let vpc_id = p.need("VpcId")?;
    let network = vpc::need(ctx, &vpc_id)?.cidr;
    let text = p.need("CidrBlock")?;
    let cidr: Cidr = text.parse().map_err(|()| vpc::malformed(&text))?;
    if !network.contains(cidr) || cidr.bits() > 28 {
        return Err(AwsError::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
    }
    if ctx.r.ec2.subnets.values().any(|other| other.vpc == vpc_id && other.cidr.overlaps(cidr)) {
        return Err(AwsError::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{text}' conflicts with another subnet"),
        ));
    }
    let subnet = Subnet {
        id: ctx.ids.ec2("subnet"),
        vpc: vpc_id,
        cidr,
        zone: zone(ctx, p)?,
        public_addresses: false,
        default: false,
        taken: 0,
        tags: tags::specified(p, "subnet")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "subnet": view(ctx, &subnet) });
    ctx.r.ec2.subnets.insert(subnet.id.clone(), subnet);
    Ok(answer)
}

fn zone(ctx: &Ctx<'_>, p: &Params) -> Result<String, AwsError> {
    let mut zones = ZONES.iter().map(|letter| (format!("{}{letter}", ctx.region), zone_id(ctx.region, letter)));
    let (name, id) = (p.text("AvailabilityZone"), p.text("AvailabilityZoneId"));
    let found = zones.clone().find(|(n, i)| Some(n) == name.as_ref() || Some(i) == id.as_ref());
    match (name.or(id), found) {
        (None, _) => Ok(zones.next().map(|(name, _)| name).unwrap_or_default()),
        (Some(_), Some((name, _))) => Ok(name),
        (Some(asked), None) => Err(AwsError::invalid(format!(
            "Value ({asked}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following \
             availability zones: {}.",
            zones.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn view(ctx: &Ctx<'_>, subnet: &Subnet) -> Value {
    let used = ctx.r.ec2.interfaces.values().filter(|eni| eni.subnet == subnet.id).count();
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    let letter = subnet.zone.get(ctx.region.len()..).unwrap_or_default();
    json!({
        "subnetId": subnet.id,
        "subnetArn": ctx.arn("ec2", &format!("subnet/{}", subnet.id)),
        "vpcId": subnet.vpc,
        "state": "available",
        "cidrBlock": subnet.cidr,
        "availabilityZone": subnet.zone,
        "availabilityZoneId": zone_id(ctx.region, letter),
        "availableIpAddressCount": subnet.cidr.size().saturating_sub(5).saturating_sub(used),
        "defaultForAz": subnet.default,
        "mapPublicIpOnLaunch": subnet.public_addresses,
        "assignIpv6AddressOnCreation": false,
        "ipv6Native": false,
        "ownerId": ctx.account,
        "tagSet": tag_set(&subnet.tags),
    })
}

/// DescribeSubnets
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "SubnetId");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for subnet in ctx.r.ec2.subnets.values_mut().filter(|subnet| named.wants(&subnet.id)) {
        let passes = filters::pass(&filters, &subnet.tags, |field| {
            Some(vec![match field {
                "subnet-id" => subnet.id.clone(),
                "vpc-id" => subnet.vpc.clone(),
                "availability-zone" | "availabilityZone" => subnet.zone.clone(),
                "cidr-block" | "cidr" | "cidrBlock" => subnet.cidr.to_string(),
                "default-for-az" | "defaultForAz" => subnet.default.to_string(),
                "map-public-ip-on-launch" => subnet.public_addresses.to_string(),
                "state" => "available".into(),
                _ => return None,
            }])
        })?;
        if passes && subnet.birth.look(config, now) {
            named.found(&subnet.id);
            found.push(subnet.clone());
        }
    }
    named.check(missing)?;
    let found: Vec<Value> = found.iter().map(|subnet| view(ctx, subnet)).collect();
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "subnetSet": found, "nextToken": next }))
}

/// ModifySubnetAttribute
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("SubnetId")?;
    let subnet = ctx.r.ec2.subnets.get_mut(&id).ok_or_else(|| missing(&id))?;
    match p.attribute("MapPublicIpOnLaunch") {
        Some(value) => subnet.public_addresses = value,
        None => {
            return Err(AwsError::new("InvalidParameterCombination", "No attributes specified."));
        }
    }
    done()
}

/// DeleteSubnet
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("SubnetId")?;
    if !ctx.r.ec2.subnets.contains_key(&id) {
        return Err(missing(&id));
    }
    interfaces::tick(ctx, |eni| eni.subnet == id);
    if ctx.r.ec2.interfaces.values().any(|eni| eni.subnet == id) {
        return Err(AwsError::new(
            "DependencyViolation",
            format!("The subnet '{id}' has dependencies and cannot be deleted."),
        ));
    }
    for table in ctx.r.ec2.tables.values_mut() {
        table.associations.retain(|(_, subnet)| *subnet != id);
    }
    ctx.r.ec2.subnets.remove(&id);
    done()
}

fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
}
