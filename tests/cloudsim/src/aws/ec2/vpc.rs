//! VPCs, and what every region starts with.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Cidr, RouteTable, Subnet, ZONES, done, filters, gateways, groups, interfaces, tag_set, tags};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::{Birth, Ripening},
};

/// A VPC.
#[derive(Clone, Debug, Serialize)]
pub struct Vpc {
    pub id: String,
    pub cidr: Cidr,
    pub default: bool,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub pending: Option<Ripening>,
    pub tags: Tags,
    pub birth: Birth,
}

/// Gives a region its default VPC: three subnets, a gateway, a main table and a group.
pub fn furnish(ctx: &mut Ctx<'_>) {
    let Ok(cidr) = "172.31.0.0/16".parse::<Cidr>() else {
        return;
    };
    let birth = Birth::old(ctx.now);
    let id = ctx.ids.ec2("vpc");
    let vpc = Vpc {
        id: id.clone(),
        cidr,
        default: true,
        dns_support: true,
        dns_hostnames: true,
        pending: None,
        tags: Tags::new(),
        birth: birth.clone(),
    };
    ctx.r.ec2.vpcs.insert(id.clone(), vpc);
    let gateway = gateways::Gateway {
        id: ctx.ids.ec2("igw"),
        vpc: Some(id.clone()),
        default: true,
        tags: Tags::new(),
        birth: birth.clone(),
    };
    let mut table = RouteTable::main(ctx.ids.ec2("rtb"), &id, birth.clone());
    table.add("0.0.0.0/0", &gateway.id);
    ctx.r.ec2.tables.insert(table.id.clone(), table);
    ctx.r.ec2.gateways.insert(gateway.id.clone(), gateway);
    for (n, letter) in ZONES.iter().enumerate() {
        let Ok(cidr) = format!("172.31.{}.0/20", n * 16).parse() else {
            continue;
        };
        let subnet = Subnet {
            id: ctx.ids.ec2("subnet"),
            vpc: id.clone(),
            cidr,
            zone: format!("{}{letter}", ctx.region),
            public_addresses: true,
            default: true,
            taken: 0,
            tags: Tags::new(),
            birth: birth.clone(),
        };
        ctx.r.ec2.subnets.insert(subnet.id.clone(), subnet);
    }
    let group = groups::Group::default_of(ctx, &id, birth);
    ctx.r.ec2.groups.insert(group.id.clone(), group);
}

/// CreateVpc
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let text = p.need("CidrBlock")?;
    let cidr: Cidr = text.parse().map_err(|()| malformed(&text))?;
    if !(16..=28).contains(&cidr.bits()) {
        return Err(AwsError::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
    }
    if ctx.r.ec2.vpcs.len() >= ctx.aws().vpc_limit {
        return Err(AwsError::new("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
    }
    let vpc = Vpc {
        id: ctx.ids.ec2("vpc"),
        cidr,
        default: false,
        dns_support: true,
        dns_hostnames: false,
        pending: Some(Ripening::from(ctx.now)),
        tags: tags::specified(p, "vpc")?,
        birth: ctx.birth(),
    };
    let table = RouteTable::main(ctx.ids.ec2("rtb"), &vpc.id, Birth::old(ctx.now));
    ctx.r.ec2.tables.insert(table.id.clone(), table);
    let group = groups::Group::default_of(ctx, &vpc.id, Birth::old(ctx.now));
    ctx.r.ec2.groups.insert(group.id.clone(), group);
    let answer = json!({ "vpc": view(ctx.account, &vpc) });
    ctx.r.ec2.vpcs.insert(vpc.id.clone(), vpc);
    Ok(answer)
}

fn view(account: &str, vpc: &Vpc) -> Value {
    json!({
        "vpcId": vpc.id,
        "state": if vpc.pending.is_some() { "pending" } else { "available" },
        "cidrBlock": vpc.cidr,
        "cidrBlockAssociationSet": [{
            "associationId": vpc.id.replace("vpc-", "vpc-cidr-assoc-"),
            "cidrBlock": vpc.cidr,
            "cidrBlockState": { "state": "associated" },
        }],
        "dhcpOptionsId": "dopt-0cloudsim",
        "instanceTenancy": "default",
        "isDefault": vpc.default,
        "ownerId": account,
        "tagSet": tag_set(&vpc.tags),
    })
}

/// DescribeVpcs
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "VpcId");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for vpc in ctx.r.ec2.vpcs.values_mut().filter(|vpc| named.wants(&vpc.id)) {
        let passes = filters::pass(&filters, &vpc.tags, |field| {
            Some(vec![match field {
                "vpc-id" => vpc.id.clone(),
                "cidr" | "cidrBlock" | "cidr-block" | "cidr-block-association.cidr-block" => vpc.cidr.to_string(),
                "state" => if vpc.pending.is_some() { "pending" } else { "available" }.into(),
                "is-default" | "isDefault" => vpc.default.to_string(),
                "owner-id" => ctx.account.to_owned(),
                _ => return None,
            }])
        })?;
        if !passes || !vpc.birth.look(config, now) {
            continue;
        }
        named.found(&vpc.id);
        if vpc.pending.as_mut().is_some_and(|pending| pending.poll(1, config, now)) {
            vpc.pending = None;
        }
        found.push(view(ctx.account, vpc));
    }
    named.check(missing)?;
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "vpcSet": found, "nextToken": next }))
}

/// ModifyVpcAttribute: one attribute a call, as the real one demands.
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let vpc = need(ctx, &p.need("VpcId")?)?;
    match (p.attribute("EnableDnsSupport"), p.attribute("EnableDnsHostnames")) {
        (Some(_), Some(_)) => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified: enableDnsSupport, enableDnsHostnames",
            ));
        }
        (Some(support), None) => vpc.dns_support = support,
        (None, Some(hostnames)) => {
            if hostnames && !vpc.dns_support {
                return Err(AwsError::invalid("Cannot enable DNS hostnames while DNS support is disabled"));
            }
            vpc.dns_hostnames = hostnames;
        }
        (None, None) => {
            return Err(AwsError::new("InvalidParameterCombination", "No attributes specified."));
        }
    }
    done()
}

/// DescribeVpcAttribute
pub fn attribute(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let vpc = need(ctx, &p.need("VpcId")?)?;
    let mut answer = json!({ "vpcId": vpc.id });
    let (name, value) = match p.need("Attribute")?.as_str() {
        "enableDnsSupport" => ("enableDnsSupport", vpc.dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.dns_hostnames),
        other => {
            return Err(AwsError::invalid(format!("Value ({other}) for parameter attribute is invalid.")));
        }
    };
    if let Some(fields) = answer.as_object_mut() {
        fields.insert(name.into(), json!({ "value": value }));
    }
    Ok(answer)
}

/// DeleteVpc
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = need(ctx, &p.need("VpcId")?)?.id.clone();
    interfaces::tick(ctx, |eni| eni.vpc == id);
    let ec2 = &ctx.r.ec2;
    let used = ec2.subnets.values().any(|subnet| subnet.vpc == id)
        || ec2.gateways.values().any(|gateway| gateway.vpc.as_ref() == Some(&id))
        || ec2.tables.values().any(|table| table.vpc == id && !table.main)
        || ec2.groups.values().any(|group| group.vpc == id && !group.default)
        || ec2.interfaces.values().any(|eni| eni.vpc == id);
    if used {
        return Err(AwsError::new(
            "DependencyViolation",
            format!("The vpc '{id}' has dependencies and cannot be deleted."),
        ));
    }
    ctx.r.ec2.tables.retain(|_, table| table.vpc != id);
    ctx.r.ec2.groups.retain(|_, group| group.vpc != id);
    ctx.r.ec2.vpcs.remove(&id);
    done()
}

/// The VPC of this id.
pub fn need<'a>(ctx: &'a mut Ctx<'_>, id: &str) -> Result<&'a mut Vpc, AwsError> {
    ctx.r.ec2.vpcs.get_mut(id).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))
}

pub(super) fn malformed(text: &str) -> AwsError {
    AwsError::invalid(format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."))
}
