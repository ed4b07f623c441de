//! Security groups.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Cidr, filters, interfaces, tag_set, tags, vpc};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// A security group.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub default: bool,
    pub rules: Vec<Rule>,
    pub tags: Tags,
    pub birth: Birth,
}

/// One rule of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    pub id: String,
    pub egress: bool,
    /// `tcp`, `udp`, `icmp` or `-1` for all.
    pub protocol: String,
    /// The first and the last port, or none for all.
    pub ports: Option<(i64, i64)>,
    pub peer: Peer,
    pub description: Option<String>,
    pub tags: Tags,
    pub birth: Birth,
}

/// Whom a rule admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Peer {
    /// An IPv4 range.
    V4(String),
    /// An IPv6 range.
    V6(String),
    /// The interfaces of a group.
    Group(String),
    /// A prefix list.
    Prefix(String),
}

impl Group {
    /// The group that comes with a VPC: everything within, everything out.
    pub fn default_of(ctx: &mut Ctx<'_>, vpc: &str, birth: Birth) -> Self {
        let id = ctx.ids.ec2("sg");
        let within = Rule::all(ctx, false, Peer::Group(id.clone()));
        let out = Rule::all(ctx, true, Peer::V4("0.0.0.0/0".into()));
        Self {
            id,
            name: "default".into(),
            description: "default VPC security group".into(),
            vpc: vpc.to_owned(),
            default: true,
            rules: vec![within, out],
            tags: Tags::new(),
            birth,
        }
    }

    /// Whether a rule admits TCP on this port from (or, outwards, to) an interface with this address and these groups.
    pub fn admits(&self, egress: bool, port: i64, address: Ipv4Addr, groups: &[String]) -> bool {
        self.rules.iter().filter(|rule| rule.egress == egress).any(|rule| {
            let protocol = rule.protocol == "-1" || rule.protocol == "tcp";
            let port = rule.ports.is_none_or(|(from, to)| (from..=to).contains(&port));
            protocol
                && port
                && match &rule.peer {
                    Peer::V4(range) => range.parse::<Cidr>().is_ok_and(|range| range.holds(address)),
                    Peer::Group(group) => groups.contains(group),
                    Peer::V6(_) | Peer::Prefix(_) => false,
                }
        })
    }
}

impl Rule {
    fn all(ctx: &mut Ctx<'_>, egress: bool, peer: Peer) -> Self {
        Self {
            id: ctx.ids.ec2("sgr"),
            egress,
            protocol: "-1".into(),
            ports: None,
            peer,
            description: None,
            tags: Tags::new(),
            birth: Birth::old(ctx.now),
        }
    }

    /// Whether they say the same of the same peer.
    pub fn same(&self, other: &Self) -> bool {
        self.egress == other.egress
            && self.protocol == other.protocol
            && self.ports == other.ports
            && self.peer == other.peer
    }
}

/// CreateSecurityGroup
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (name, description) = (p.need("GroupName")?, p.need("GroupDescription")?);
    let odd = |text: &str| {
        text.is_empty()
            || text.len() > 255
            || !text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:/()#,@[]+=&;{}!$* ".contains(c))
    };
    if odd(&name) || name.starts_with("sg-") {
        return Err(AwsError::invalid(format!("Value ({name}) for parameter GroupName is invalid.")));
    }
    if odd(&description) {
        return Err(AwsError::invalid(format!(
            "Value ({description}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported."
        )));
    }
    let network = match p.text("VpcId") {
        Some(id) => vpc::need(ctx, &id)?.id.clone(),
        None => ctx.r.ec2.default_vpc().map(|vpc| vpc.id.clone()).ok_or_else(no_default)?,
    };
    if ctx.r.ec2.groups.values().any(|group| group.vpc == network && group.name == name) {
        return Err(AwsError::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{network}'"),
        ));
    }
    let out = Rule::all(ctx, true, Peer::V4("0.0.0.0/0".into()));
    let group = Group {
        id: ctx.ids.ec2("sg"),
        name,
        description,
        vpc: network,
        default: false,
        rules: vec![out],
        tags: tags::specified(p, "security-group")?,
        birth: ctx.birth(),
    };
    let answer = json!({
        "groupId": group.id,
        "securityGroupArn": ctx.arn("ec2", &format!("security-group/{}", group.id)),
        "tagSet": tag_set(&group.tags),
    });
    ctx.r.ec2.groups.insert(group.id.clone(), group);
    Ok(answer)
}

fn no_default() -> AwsError {
    AwsError::new("VPCIdNotSpecified", "No default VPC for this user")
}

/// DescribeSecurityGroups
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let ids = filters::Named::of(p, "GroupId");
    let names = filters::Named::of(p, "GroupName");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for group in ctx.r.ec2.groups.values_mut().filter(|g| ids.wants(&g.id) && names.wants(&g.name)) {
        let passes = filters::pass(&filters, &group.tags, |field| fields(group, ctx.account, field))?;
        if passes && group.birth.look(config, now) {
            ids.found(&group.id);
            names.found(&group.name);
            found.push(group.clone());
        }
    }
    ids.check(missing)?;
    names.check(missing)?;
    let found: Vec<Value> = found.iter().map(|group| view(ctx, group)).collect();
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "securityGroupInfo": found, "nextToken": next }))
}

fn fields(group: &Group, account: &str, field: &str) -> Option<Vec<String>> {
    let peers = |egress: bool, pick: fn(&Peer) -> Option<&String>| {
        group.rules.iter().filter(|rule| rule.egress == egress).filter_map(|rule| pick(&rule.peer).cloned()).collect()
    };
    Some(match field {
        "group-id" => vec![group.id.clone()],
        "group-name" => vec![group.name.clone()],
        "description" => vec![group.description.clone()],
        "vpc-id" => vec![group.vpc.clone()],
        "owner-id" => vec![account.to_owned()],
        "ip-permission.group-id" => peers(false, |peer| if let Peer::Group(id) = peer { Some(id) } else { None }),
        "egress.ip-permission.group-id" => peers(true, |peer| if let Peer::Group(id) = peer { Some(id) } else { None }),
        "ip-permission.cidr" => peers(false, |peer| if let Peer::V4(range) = peer { Some(range) } else { None }),
        _ => return None,
    })
}

fn view(ctx: &Ctx<'_>, group: &Group) -> Value {
    json!({
        "groupId": group.id,
        "groupName": group.name,
        "groupDescription": group.description,
        "vpcId": group.vpc,
        "ownerId": ctx.account,
        "securityGroupArn": ctx.arn("ec2", &format!("security-group/{}", group.id)),
        "ipPermissions": permissions(ctx.account, &group.rules, false),
        "ipPermissionsEgress": permissions(ctx.account, &group.rules, true),
        "tagSet": tag_set(&group.tags),
    })
}

/// A protocol and its ports.
type Reach<'a> = (&'a str, Option<(i64, i64)>);

/// Rules in the older form: peers gathered by protocol and ports.
fn permissions(account: &str, rules: &[Rule], egress: bool) -> Vec<Value> {
    let mut gathered: Vec<(Reach<'_>, Vec<&Rule>)> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.egress == egress) {
        let key = (rule.protocol.as_str(), rule.ports);
        match gathered.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rules)) => rules.push(rule),
            None => gathered.push((key, vec![rule])),
        }
    }
    gathered
        .into_iter()
        .map(|((protocol, ports), rules)| {
            let mut lists: Map<String, Value> = ["groups", "ipRanges", "ipv6Ranges", "prefixListIds"]
                .map(|list| (list.to_owned(), json!([])))
                .into_iter()
                .collect();
            for rule in rules {
                let (list, item) = match &rule.peer {
                    Peer::V4(range) => ("ipRanges", json!({ "cidrIp": range, "description": rule.description })),
                    Peer::V6(range) => ("ipv6Ranges", json!({ "cidrIpv6": range, "description": rule.description })),
                    Peer::Group(id) => {
                        ("groups", json!({ "groupId": id, "userId": account, "description": rule.description }))
                    }
                    Peer::Prefix(id) => {
                        ("prefixListIds", json!({ "prefixListId": id, "description": rule.description }))
                    }
                };
                if let Some(items) = lists.get_mut(list).and_then(Value::as_array_mut) {
                    items.push(item);
                }
            }
            lists.insert("ipProtocol".into(), json!(protocol));
            lists.insert("fromPort".into(), json!(ports.map(|(from, _)| from)));
            lists.insert("toPort".into(), json!(ports.map(|(_, to)| to)));
            Value::Object(lists)
        })
        .collect()
}

/// DeleteSecurityGroup
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = named(ctx, p)?;
    let group = ctx.r.ec2.groups.get(&id).ok_or_else(|| missing(&id))?;
    if group.default {
        return Err(AwsError::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    interfaces::tick(ctx, |eni| eni.groups.contains(&id));
    let ec2 = &ctx.r.ec2;
    let used = ec2.interfaces.values().any(|eni| eni.groups.contains(&id));
    let mut others = ec2.groups.values().filter(|other| other.id != id);
    if used || others.any(|other| other.rules.iter().any(|rule| rule.peer == Peer::Group(id.clone()))) {
        return Err(AwsError::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    ctx.r.ec2.groups.remove(&id);
    Ok(json!({ "return": true, "groupId": id }))
}

/// The group that a call names by id, or by name in the default VPC.
pub fn named(ctx: &Ctx<'_>, p: &Params) -> Result<String, AwsError> {
    if let Some(id) = p.text("GroupId") {
        if !id.starts_with("sg-") {
            return Err(AwsError::new(
                "InvalidGroupId.Malformed",
                format!("Invalid id: \"{id}\" (expecting \"sg-...\")"),
            ));
        }
        return Ok(id);
    }
    let name = p.text("GroupName").ok_or_else(|| {
        AwsError::new("MissingParameter", "The request must contain the parameter groupName or groupId")
    })?;
    let network = ctx.r.ec2.default_vpc().ok_or_else(no_default)?;
    let mut groups = ctx.r.ec2.groups.values();
    let group = groups.find(|group| group.vpc == network.id && group.name == name);
    group.map(|group| group.id.clone()).ok_or_else(|| missing(&name))
}

/// No such group.
pub fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
}
