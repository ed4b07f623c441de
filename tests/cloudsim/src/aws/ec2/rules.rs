//! Rules of security groups.

use serde_json::{Value, json};

use super::{
    Cidr, filters, groups,
    groups::{Peer, Rule},
    tag_set, tags,
};
use crate::aws::{
    Ctx, Tags,
    error::{Answer, AwsError},
    page,
    params::Params,
};

/// Rules a group may have, in each direction.
const LIMIT: usize = 60;

/// AuthorizeSecurityGroupIngress, AuthorizeSecurityGroupEgress
pub fn authorize(ctx: &mut Ctx<'_>, p: &Params, egress: bool) -> Answer {
    let id = groups::named(ctx, p)?;
    if !ctx.r.ec2.groups.contains_key(&id) {
        return Err(groups::missing(&id));
    }
    let tags = tags::specified(p, "security-group-rule")?;
    let rules = asked(ctx, p, egress, &tags)?;
    let group = ctx.r.ec2.groups.get_mut(&id).ok_or_else(|| groups::missing(&id))?;
    for (n, rule) in rules.iter().enumerate() {
        let again = rules.iter().take(n).any(|earlier| earlier.same(rule));
        if again {
            return Err(AwsError::invalid("The same permission must not appear multiple times"));
        }
        if group.rules.iter().any(|existing| existing.same(rule)) {
            return Err(AwsError::new(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{}\" already exists", spelled(rule)),
            ));
        }
    }
    if group.rules.iter().filter(|rule| rule.egress == egress).count() + rules.len() > LIMIT {
        return Err(AwsError::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    group.rules.extend(rules.iter().cloned());
    let views: Vec<Value> = rules.iter().map(|rule| view(ctx, &id, rule)).collect();
    Ok(json!({ "return": true, "securityGroupRuleSet": views }))
}

/// RevokeSecurityGroupIngress, RevokeSecurityGroupEgress
pub fn revoke(ctx: &mut Ctx<'_>, p: &Params, egress: bool) -> Answer {
    let id = groups::named(ctx, p)?;
    let group = ctx.r.ec2.groups.get(&id).ok_or_else(|| groups::missing(&id))?;
    let by_id = p.list("SecurityGroupRuleId");
    let mut revoked = Vec::new();
    if by_id.is_empty() {
        let existing = group.rules.clone();
        for rule in asked(ctx, p, egress, &Tags::new())? {
            match existing.iter().find(|other| other.same(&rule)) {
                Some(found) => revoked.push(found.clone()),
                None => {
                    return Err(AwsError::new(
                        "InvalidPermission.NotFound",
                        "The specified rule does not exist in this security group.",
                    ));
                }
            }
        }
    } else {
        for rule in by_id {
            match group.rules.iter().find(|other| other.id == rule && other.egress == egress) {
                Some(found) => revoked.push(found.clone()),
                None => {
                    return Err(AwsError::new(
                        "InvalidSecurityGroupRuleId.NotFound",
                        format!("The security group rule ID '{rule}' does not exist"),
                    ));
                }
            }
        }
    }
    if let Some(group) = ctx.r.ec2.groups.get_mut(&id) {
        group.rules.retain(|rule| !revoked.iter().any(|gone| gone.id == rule.id));
    }
    let revoked: Vec<Value> = revoked
        .iter()
        .map(|rule| {
            let mut view = view(ctx, &id, rule);
            if let Some(fields) = view.as_object_mut() {
                // This shape names fewer things than that of Describe.
                for field in ["groupOwnerId", "securityGroupRuleArn", "tagSet", "referencedGroupInfo"] {
                    fields.remove(field);
                }
                if let Peer::Group(peer) = &rule.peer {
                    fields.insert("referencedGroupId".into(), json!(peer));
                }
            }
            view
        })
        .collect();
    Ok(json!({ "return": true, "revokedSecurityGroupRuleSet": revoked }))
}

/// DescribeSecurityGroupRules
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "SecurityGroupRuleId");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for group in ctx.r.ec2.groups.values_mut() {
        for rule in group.rules.iter_mut().filter(|rule| named.wants(&rule.id)) {
            let passes = filters::pass(&filters, &rule.tags, |field| {
                Some(vec![match field {
                    "group-id" => group.id.clone(),
                    "security-group-rule-id" => rule.id.clone(),
                    _ => return None,
                }])
            })?;
            if passes && rule.birth.look(config, now) {
                named.found(&rule.id);
                found.push((group.id.clone(), rule.clone()));
            }
        }
    }
    named.check(|id| {
        AwsError::new(
            "InvalidSecurityGroupRuleId.NotFound",
            format!("The security group rule ID '{id}' does not exist"),
        )
    })?;
    let found: Vec<Value> = found.iter().map(|(group, rule)| view(ctx, group, rule)).collect();
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "securityGroupRuleSet": found, "nextToken": next }))
}

fn view(ctx: &Ctx<'_>, group: &str, rule: &Rule) -> Value {
    let mut view = json!({
        "securityGroupRuleId": rule.id,
        "securityGroupRuleArn": ctx.arn("ec2", &format!("security-group-rule/{}", rule.id)),
        "groupId": group,
        "groupOwnerId": ctx.account,
        "isEgress": rule.egress,
        "ipProtocol": rule.protocol,
        "fromPort": rule.ports.map_or(-1, |(from, _)| from),
        "toPort": rule.ports.map_or(-1, |(_, to)| to),
        "description": rule.description,
        "tagSet": tag_set(&rule.tags),
    });
    let (name, value) = match &rule.peer {
        Peer::V4(range) => ("cidrIpv4", json!(range)),
        Peer::V6(range) => ("cidrIpv6", json!(range)),
        Peer::Prefix(id) => ("prefixListId", json!(id)),
        Peer::Group(id) => ("referencedGroupInfo", json!({ "groupId": id, "userId": ctx.account })),
    };
    if let Some(fields) = view.as_object_mut() {
        fields.insert(name.into(), value);
    }
    view
}

fn spelled(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::V4(text) | Peer::V6(text) | Peer::Group(text) | Peer::Prefix(text) => text,
    };
    match rule.ports {
        Some((from, to)) => {
            format!("peer: {peer}, {}, from port: {from}, to port: {to}, ALLOW", rule.protocol.to_uppercase())
        }
        None => format!("peer: {peer}, ALL, ALLOW"),
    }
}

/// The rules that a call names, in the newer form (`IpPermissions`) or the older (`CidrIp` beside `FromPort`).
fn asked(ctx: &mut Ctx<'_>, p: &Params, egress: bool, tags: &Tags) -> Result<Vec<Rule>, AwsError> {
    let mut rules = Vec::new();
    for permission in p.objects("IpPermissions") {
        let (protocol, ports) = reach(&permission)?;
        let mut add = |ctx: &mut Ctx<'_>, peer: Peer, of: &Params| {
            rules.push(Rule {
                id: ctx.ids.ec2("sgr"),
                egress,
                protocol: protocol.clone(),
                ports,
                peer,
                description: of.text("Description"),
                tags: tags.clone(),
                birth: ctx.birth(),
            });
        };
        for range in permission.objects("IpRanges") {
            let cidr = ipv4(&range.need("CidrIp")?)?;
            add(ctx, Peer::V4(cidr), &range);
        }
        for range in permission.objects("Ipv6Ranges") {
            let cidr = range.need("CidrIpv6")?;
            add(ctx, Peer::V6(cidr), &range);
        }
        for group in permission.objects("Groups").into_iter().chain(permission.objects("UserIdGroupPairs")) {
            let id = groups::named(ctx, &group)?;
            if !ctx.r.ec2.groups.contains_key(&id) {
                return Err(groups::missing(&id));
            }
            let _ = group.text("UserId");
            add(ctx, Peer::Group(id), &group);
        }
        for list in permission.objects("PrefixListIds") {
            let id = list.need("PrefixListId")?;
            add(ctx, Peer::Prefix(id), &list);
        }
    }
    if let Some(cidr) = p.text("CidrIp") {
        let (protocol, ports) = reach(p)?;
        rules.push(Rule {
            id: ctx.ids.ec2("sgr"),
            egress,
            protocol,
            ports,
            peer: Peer::V4(ipv4(&cidr)?),
            description: None,
            tags: tags.clone(),
            birth: ctx.birth(),
        });
    }
    if rules.is_empty() {
        return Err(AwsError::missing("ipPermissions"));
    }
    Ok(rules)
}

fn ipv4(text: &str) -> Result<String, AwsError> {
    let cidr: Cidr = text.parse().map_err(|()| AwsError::invalid(format!("CIDR block {text} is malformed")))?;
    Ok(cidr.to_string())
}

fn reach(p: &Params) -> Result<(String, Option<(i64, i64)>), AwsError> {
    let protocol = match p.need("IpProtocol")?.as_str() {
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "-1" | "all" => return Ok(("-1".into(), None)),
        other => {
            return Err(AwsError::invalid(format!("Invalid value '{other}' for IP protocol. Unknown protocol.")));
        }
    };
    let (Some(from), Some(to)) = (p.number("FromPort")?, p.number("ToPort")?) else {
        return Err(AwsError::invalid(format!(
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange ({protocol})"
        )));
    };
    if protocol != "icmp" && (from < 0 || to > 65535 || from > to) {
        return Err(AwsError::invalid(format!("Invalid TCP/UDP port range ({from}:{to})")));
    }
    Ok((protocol.into(), Some((from, to))))
}
