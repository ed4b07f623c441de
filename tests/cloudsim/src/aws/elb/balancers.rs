//! Application load balancers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{checked_name, no_balancer};
use crate::{
    aws::{
        Ctx, Tags, ec2,
        error::{Answer, AwsError},
        page,
        params::Params,
        when,
    },
    life::{Birth, Ripening},
};

/// A load balancer.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns: String,
    pub internal: bool,
    pub vpc: String,
    /// Zone and subnet.
    pub subnets: Vec<(String, String)>,
    pub groups: Vec<String>,
    pub provisioning: Option<Ripening>,
    pub attributes: BTreeMap<String, String>,
    pub tags: Tags,
    pub birth: Birth,
}

impl LoadBalancer {
    /// Its state in AWS's words.
    pub fn state(&self) -> &'static str {
        if self.provisioning.is_some() { "provisioning" } else { "active" }
    }

    /// The part of its ARN that its interfaces and listeners carry: `app/NAME/ID`.
    pub fn path(&self) -> &str {
        self.arn.split_once("loadbalancer/").map_or("", |(_, path)| path)
    }
}

/// CreateLoadBalancer
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("Name")?;
    checked_name("Load balancer", &name)?;
    if p.text("Type").is_some_and(|kind| kind != "application") {
        return Err(AwsError::invalid("cloudsim has application load balancers only"));
    }
    let internal = match p.text("Scheme").as_deref() {
        None | Some("internet-facing") => false,
        Some("internal") => true,
        Some(other) => {
            return Err(AwsError::new("InvalidScheme", format!("The scheme '{other}' is not valid")));
        }
    };
    let _ = p.text("IpAddressType");
    let mut asked = p.list("Subnets");
    asked.extend(p.objects("SubnetMappings").iter().filter_map(|mapping| mapping.text("SubnetId")));
    let (vpc, subnets) = placed(ctx, &asked, internal)?;
    let groups = groups(ctx, p.list("SecurityGroups"), &vpc)?;
    let tags = p.tags("Tags")?;
    if let Some(existing) = ctx.r.elb.balancers.values().find(|lb| lb.name == name) {
        let same = existing.internal == internal
            && existing.subnets.iter().collect::<BTreeSet<_>>() == subnets.iter().collect()
            && existing.groups.iter().collect::<BTreeSet<_>>() == groups.iter().collect()
            && existing.tags == tags;
        if same {
            return Ok(json!({ "LoadBalancers": [view(existing)] }));
        }
        return Err(AwsError::new(
            "DuplicateLoadBalancerName",
            format!("A load balancer with the same name '{name}' exists, but with different settings"),
        ));
    }
    let id = ctx.ids.hex16();
    let lb = LoadBalancer {
        arn: ctx.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{id}")),
        dns: format!(
            "{}{name}-{}.{}.elb.amazonaws.com",
            if internal { "internal-" } else { "" },
            ctx.ids.number() % 10_000_000_000,
            ctx.region
        ),
        name,
        internal,
        vpc,
        subnets,
        groups,
        provisioning: Some(Ripening::from(ctx.now)),
        attributes: BTreeMap::from([("deletion_protection.enabled".to_owned(), "false".to_owned())]),
        tags,
        birth: ctx.birth(),
    };
    for (_, subnet) in &lb.subnets {
        let owner = ec2::Owner::LoadBalancer(lb.arn.clone());
        ec2::interfaces::attach(ctx, subnet, lb.groups.clone(), format!("ELB {}", lb.path()), owner, !internal);
    }
    let answer = json!({ "LoadBalancers": [view(&lb)] });
    ctx.r.elb.balancers.insert(lb.arn.clone(), lb);
    Ok(answer)
}

/// The network, and the zone of each subnet: two zones at least, each once.
fn placed(ctx: &Ctx<'_>, asked: &[String], internal: bool) -> Result<(String, Vec<(String, String)>), AwsError> {
    let mut subnets = Vec::new();
    let mut vpcs = BTreeSet::new();
    for id in asked {
        let subnet = ctx
            .r
            .ec2
            .subnets
            .get(id)
            .ok_or_else(|| AwsError::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
        vpcs.insert(subnet.vpc.clone());
        subnets.push((subnet.zone.clone(), subnet.id.clone()));
    }
    let zones: BTreeSet<_> = subnets.iter().map(|(zone, _)| zone).collect();
    if vpcs.len() > 1 {
        return Err(AwsError::new("InvalidConfigurationRequest", "All subnets must belong to the same VPC"));
    }
    if subnets.len() > 1 && zones.len() < subnets.len() {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    let vpc = vpcs.into_iter().next().unwrap_or_default();
    if zones.len() < 2 {
        return Err(AwsError::invalid("At least two subnets in two different Availability Zones must be specified"));
    }
    if !internal && !ctx.r.ec2.has_gateway(&vpc) {
        return Err(AwsError::new("InvalidSubnet", format!("VPC {vpc} has no internet gateway")));
    }
    Ok((vpc, subnets))
}

/// The groups, which must be of the network; its default one when none is asked for.
fn groups(ctx: &Ctx<'_>, asked: Vec<String>, vpc: &str) -> Result<Vec<String>, AwsError> {
    if asked.is_empty() {
        let default = ctx.r.ec2.groups.values().find(|group| group.vpc == vpc && group.default);
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    for id in &asked {
        match ctx.r.ec2.groups.get(id) {
            None => {
                return Err(AwsError::new("InvalidSecurityGroup", format!("The security group '{id}' does not exist")));
            }
            Some(group) if group.vpc != vpc => {
                return Err(AwsError::new(
                    "InvalidConfigurationRequest",
                    format!("The security group '{id}' does not belong to VPC '{vpc}'"),
                ));
            }
            Some(_) => {}
        }
    }
    Ok(asked)
}

fn view(lb: &LoadBalancer) -> Value {
    let zones: Vec<Value> = lb
        .subnets
        .iter()
        .map(|(zone, subnet)| json!({ "ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": [] }))
        .collect();
    json!({
        "LoadBalancerArn": lb.arn,
        "LoadBalancerName": lb.name,
        "DNSName": lb.dns,
        "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
        "CreatedTime": when::iso(lb.birth.at_ms),
        "Scheme": if lb.internal { "internal" } else { "internet-facing" },
        "VpcId": lb.vpc,
        "State": { "Code": lb.state() },
        "Type": "application",
        "IpAddressType": "ipv4",
        "AvailabilityZones": zones,
        "SecurityGroups": lb.groups,
    })
}

/// DescribeLoadBalancers
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (arns, names) = (p.list("LoadBalancerArns"), p.list("Names"));
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for lb in ctx.r.elb.balancers.values_mut() {
        let wanted = (arns.is_empty() && names.is_empty()) || arns.contains(&lb.arn) || names.contains(&lb.name);
        if !wanted || !lb.birth.look(config, now) {
            continue;
        }
        seen.extend([lb.arn.clone(), lb.name.clone()]);
        if lb.provisioning.as_mut().is_some_and(|state| state.poll(config.polls_until_ready, config, now)) {
            lb.provisioning = None;
        }
        found.push(view(lb));
    }
    if let Some(missing) = arns.iter().chain(&names).find(|name| !seen.contains(*name)) {
        return Err(no_balancer(missing));
    }
    let (found, next) = page(ctx, p, found, ("PageSize", "Marker"), 400)?;
    Ok(json!({ "LoadBalancers": found, "NextMarker": next }))
}

/// DeleteLoadBalancer: gone at once, its interfaces later. Deleting what is not there succeeds.
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("LoadBalancerArn")?;
    let Some(lb) = ctx.r.elb.balancers.get(&arn) else {
        return Ok(json!({}));
    };
    if lb.attributes.get("deletion_protection.enabled").is_some_and(|value| value == "true") {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    ctx.r.elb.balancers.remove(&arn);
    ctx.r.elb.listeners.retain(|_, listener| listener.balancer != arn);
    ec2::interfaces::release(ctx, &ec2::Owner::LoadBalancer(arn));
    Ok(json!({}))
}

/// ModifyLoadBalancerAttributes
pub fn modify_attributes(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let lb = need(ctx, &p.need("LoadBalancerArn")?)?;
    for attribute in p.objects("Attributes") {
        lb.attributes.insert(attribute.need("Key")?, attribute.text("Value").unwrap_or_default());
    }
    Ok(json!({ "Attributes": crate::aws::tag_list(&lb.attributes) }))
}

/// DescribeLoadBalancerAttributes
pub fn describe_attributes(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let lb = need(ctx, &p.need("LoadBalancerArn")?)?;
    Ok(json!({ "Attributes": crate::aws::tag_list(&lb.attributes) }))
}

/// SetSecurityGroups
pub fn set_groups(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("LoadBalancerArn")?;
    let vpc = need(ctx, &arn)?.vpc.clone();
    let groups = groups(ctx, p.list("SecurityGroups"), &vpc)?;
    need(ctx, &arn)?.groups.clone_from(&groups);
    let owner = ec2::Owner::LoadBalancer(arn);
    for eni in ctx.r.ec2.interfaces.values_mut().filter(|eni| eni.owner == owner) {
        eni.groups.clone_from(&groups);
    }
    Ok(json!({ "SecurityGroupIds": groups }))
}

fn need<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut LoadBalancer, AwsError> {
    ctx.r.elb.balancers.get_mut(arn).ok_or_else(|| no_balancer(arn))
}
