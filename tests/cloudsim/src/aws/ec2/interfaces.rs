//! Network interfaces: made and removed by other services, and in everybody's way for a while.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::{Value, json};

use super::filters;
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::{Birth, Ripening},
};

/// A network interface.
#[derive(Clone, Debug, Serialize)]
pub struct Eni {
    pub id: String,
    pub subnet: String,
    pub vpc: String,
    pub zone: String,
    pub ip: Ipv4Addr,
    pub public_ip: Option<Ipv4Addr>,
    pub groups: Vec<String>,
    pub description: String,
    pub owner: Owner,
    /// Its owner is gone; so will it be, in a while.
    pub leaving: Option<Ripening>,
    pub birth: Birth,
}

/// What an interface belongs to, by ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Owner {
    LoadBalancer(String),
    Task(String),
    Database(String),
    Cache(String),
}

impl Owner {
    /// The service that made it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoadBalancer(_) => "elasticloadbalancing",
            Self::Task(_) => "ecs",
            Self::Database(_) => "rds",
            Self::Cache(_) => "elasticache",
        }
    }
}

/// Makes an interface in a subnet that exists; answers its id.
pub fn attach(
    ctx: &mut Ctx<'_>,
    subnet: &str,
    groups: Vec<String>,
    description: String,
    owner: Owner,
    public: bool,
) -> Option<String> {
    let birth = ctx.birth();
    let subnet = ctx.r.ec2.subnets.get_mut(subnet)?;
    let ip = subnet.take();
    let [_, _, c, d] = ip.octets();
    let eni = Eni {
        id: ctx.ids.ec2("eni"),
        subnet: subnet.id.clone(),
        vpc: subnet.vpc.clone(),
        zone: subnet.zone.clone(),
        ip,
        // TEST-NET-3 and beyond: nothing that could be reached by mistake.
        public_ip: public.then(|| Ipv4Addr::new(203, 0, c, d)),
        groups,
        description,
        owner,
        leaving: None,
        birth,
    };
    let id = eni.id.clone();
    ctx.r.ec2.interfaces.insert(id.clone(), eni);
    Some(id)
}

/// The owner is gone: its interfaces follow after some polls.
pub fn release(ctx: &mut Ctx<'_>, owner: &Owner) {
    let now = ctx.now;
    for eni in ctx.r.ec2.interfaces.values_mut().filter(|eni| eni.owner == *owner && eni.leaving.is_none()) {
        eni.leaving = Some(Ripening::from(now));
    }
}

/// Counts a poll for those leaving interfaces that `seen` picks, and removes those whose time has come.
pub fn tick(ctx: &mut Ctx<'_>, seen: impl Fn(&Eni) -> bool) {
    let (config, now) = (ctx.config, ctx.now);
    ctx.r.ec2.interfaces.retain(|_, eni| {
        !(seen(eni)
            && eni.leaving.as_mut().is_some_and(|leaving| leaving.poll(config.aws.interface_polls, config, now)))
    });
}

/// DescribeNetworkInterfaces
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "NetworkInterfaceId");
    let mut found = Vec::new();
    for eni in ctx.r.ec2.interfaces.values().filter(|eni| named.wants(&eni.id)) {
        let passes = filters::pass(&filters, &Tags::new(), |field| {
            Some(match field {
                "network-interface-id" => vec![eni.id.clone()],
                "subnet-id" => vec![eni.subnet.clone()],
                "vpc-id" => vec![eni.vpc.clone()],
                "group-id" => eni.groups.clone(),
                "description" => vec![eni.description.clone()],
                "status" => vec!["in-use".into()],
                "requester-managed" => vec!["true".into()],
                "private-ip-address" => vec![eni.ip.to_string()],
                "availability-zone" => vec![eni.zone.clone()],
                "interface-type" => vec!["interface".into()],
                _ => return None,
            })
        })?;
        if passes {
            named.found(&eni.id);
            found.push(eni.id.clone());
        }
    }
    tick(ctx, |eni| found.contains(&eni.id));
    let views: Vec<Value> =
        ctx.r.ec2.interfaces.values().filter(|eni| found.contains(&eni.id)).map(|eni| view(ctx, eni)).collect();
    named.check(|id| {
        AwsError::new("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist"))
    })?;
    let (views, next) = page(ctx, p, views, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "networkInterfaceSet": views, "nextToken": next }))
}

fn view(ctx: &Ctx<'_>, eni: &Eni) -> Value {
    let groups: Vec<Value> = eni
        .groups
        .iter()
        .map(|id| json!({ "groupId": id, "groupName": ctx.r.ec2.groups.get(id).map(|group| group.name.clone()) }))
        .collect();
    let association = eni.public_ip.map(|ip| json!({ "publicIp": ip, "ipOwnerId": "amazon" }));
    json!({
        "networkInterfaceId": eni.id,
        "subnetId": eni.subnet,
        "vpcId": eni.vpc,
        "availabilityZone": eni.zone,
        "description": eni.description,
        "ownerId": ctx.account,
        "requesterId": format!("amazon-{}", eni.owner.name()),
        "requesterManaged": true,
        "status": "in-use",
        "interfaceType": "interface",
        "privateIpAddress": eni.ip,
        "sourceDestCheck": true,
        "groupSet": groups,
        "association": association,
        "attachment": { "attachmentId": eni.id.replace("eni-", "eni-attach-"), "status": "attached", "deleteOnTermination": false },
        "tagSet": [],
    })
}
