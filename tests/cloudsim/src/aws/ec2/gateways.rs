//! Internet gateways.

use serde::Serialize;
use serde_json::{Value, json};

use super::{done, filters, interfaces, tag_set, tags, vpc};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// An internet gateway.
#[derive(Clone, Debug, Serialize)]
pub struct Gateway {
    pub id: String,
    pub vpc: Option<String>,
    pub default: bool,
    pub tags: Tags,
    pub birth: Birth,
}

/// CreateInternetGateway
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let gateway = Gateway {
        id: ctx.ids.ec2("igw"),
        vpc: None,
        default: false,
        tags: tags::specified(p, "internet-gateway")?,
        birth: ctx.birth(),
    };
    let answer = json!({ "internetGateway": view(ctx.account, &gateway) });
    ctx.r.ec2.gateways.insert(gateway.id.clone(), gateway);
    Ok(answer)
}

fn view(account: &str, gateway: &Gateway) -> Value {
    let attachments: Vec<Value> = gateway.vpc.iter().map(|vpc| json!({ "vpcId": vpc, "state": "available" })).collect();
    json!({
        "internetGatewayId": gateway.id,
        "ownerId": account,
        "attachmentSet": attachments,
        "tagSet": tag_set(&gateway.tags),
    })
}

/// DescribeInternetGateways
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "InternetGatewayId");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for gateway in ctx.r.ec2.gateways.values_mut().filter(|gateway| named.wants(&gateway.id)) {
        let passes = filters::pass(&filters, &gateway.tags, |field| {
            Some(match field {
                "internet-gateway-id" => vec![gateway.id.clone()],
                "attachment.vpc-id" => gateway.vpc.clone().into_iter().collect(),
                "attachment.state" => gateway.vpc.iter().map(|_| "available".to_owned()).collect(),
                "owner-id" => vec![ctx.account.to_owned()],
                _ => return None,
            })
        })?;
        if passes && gateway.birth.look(config, now) {
            named.found(&gateway.id);
            found.push(view(ctx.account, gateway));
        }
    }
    named.check(missing)?;
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "internetGatewaySet": found, "nextToken": next }))
}

/// AttachInternetGateway
pub fn attach(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, network) = (p.need("InternetGatewayId")?, p.need("VpcId")?);
    vpc::need(ctx, &network)?;
    let taken = ctx.r.ec2.has_gateway(&network);
    let gateway = ctx.r.ec2.gateways.get_mut(&id).ok_or_else(|| missing(&id))?;
    if let Some(other) = &gateway.vpc {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {other}"),
        ));
    }
    if taken {
        return Err(AwsError::invalid(format!("Network {network} already has an internet gateway attached")));
    }
    gateway.vpc = Some(network);
    done()
}

/// DetachInternetGateway
pub fn detach(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, network) = (p.need("InternetGatewayId")?, p.need("VpcId")?);
    vpc::need(ctx, &network)?;
    let gateway = ctx.r.ec2.gateways.get(&id).ok_or_else(|| missing(&id))?;
    if gateway.vpc.as_ref() != Some(&network) {
        return Err(AwsError::new(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {network}"),
        ));
    }
    interfaces::tick(ctx, |eni| eni.vpc == network);
    if ctx.r.ec2.interfaces.values().any(|eni| eni.vpc == network && eni.public_ip.is_some()) {
        return Err(AwsError::new(
            "DependencyViolation",
            format!(
                "Network {network} has some mapped public address(es). Please unmap those public address(es) before detaching the \
                 gateway."
            ),
        ));
    }
    if let Some(gateway) = ctx.r.ec2.gateways.get_mut(&id) {
        gateway.vpc = None;
    }
    done()
}

/// DeleteInternetGateway
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("InternetGatewayId")?;
    let gateway = ctx.r.ec2.gateways.get(&id).ok_or_else(|| missing(&id))?;
    if gateway.vpc.is_some() {
        return Err(AwsError::new(
            "DependencyViolation",
            format!("The internetGateway '{id}' has dependencies and cannot be deleted."),
        ));
    }
    ctx.r.ec2.gateways.remove(&id);
    done()
}

fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidInternetGatewayID.NotFound", format!("The internetGateway ID '{id}' does not exist"))
}
