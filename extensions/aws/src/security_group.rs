//! Security groups and their rules: who may talk to whom, on exactly which ports.

use std::fmt;

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use crate::{mark, presence};

/// From where a port may be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// From everything in this security group.
    Group(String),
    /// From these addresses.
    Cidr(String),
}

/// One TCP port and who may reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ingress {
    /// The port.
    pub port: u16,
    /// From where.
    pub from: Source,
}

impl Ingress {
    /// A port that anybody may reach.
    pub fn from_anywhere(port: u16) -> Self {
        Self { port, from: Source::Cidr("0.0.0.0/0".to_owned()) }
    }

    /// A port that the members of a group may reach.
    pub fn from_group(port: u16, group: &str) -> Self {
        Self { port, from: Source::Group(group.to_owned()) }
    }
}

impl fmt::Display for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Source::Group(from) | Source::Cidr(from)) = &self.from;
        write!(f, "port {} from {from}", self.port)
    }
}

/// A security group, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// `sg-…`
    #[serde(rename = "groupId")]
    pub id: String,
    #[serde(rename = "tagSet", default)]
    tags: List<Tag>,
    #[serde(rename = "ipPermissions", default)]
    permissions: List<Permission>,
}

#[derive(Debug, Clone, Deserialize)]
struct Permission {
    #[serde(rename = "fromPort", default)]
    from_port: Option<u16>,
    #[serde(rename = "groups", default)]
    groups: List<Pair>,
    #[serde(rename = "ipRanges", default)]
    ranges: List<Range>,
}

#[derive(Debug, Clone, Deserialize)]
struct Pair {
    #[serde(rename = "groupId")]
    group: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Range {
    #[serde(rename = "cidrIp")]
    cidr: String,
}

impl Group {
    /// Its rules. We make no ranges of ports, so a rule's first port is its port.
    pub fn ingress(&self) -> Vec<Ingress> {
        let mut rules = Vec::new();
        for permission in &self.permissions.items {
            let Some(port) = permission.from_port else {
                continue;
            };
            rules.extend(permission.groups.items.iter().map(|pair| Ingress::from_group(port, &pair.group)));
            let ranges = permission.ranges.items.iter();
            rules.extend(ranges.map(|range| Ingress { port, from: Source::Cidr(range.cidr.clone()) }));
        }
        rules
    }
}

#[derive(Deserialize)]
struct Groups {
    #[serde(rename = "securityGroupInfo", default)]
    groups: List<Group>,
}

fn describe(ec2: &Query, form: Form) -> Result<Option<Group>, Error> {
    let answer: Option<Groups> = ec2.call("DescribeSecurityGroups", form).or_absent()?;
    Ok(answer.and_then(|answer| answer.groups.into_iter().next()))
}

/// The group with this id; none if it is gone. Whoever it belongs to.
pub fn with_id(ec2: &Query, id: &str) -> Result<Option<Group>, Error> {
    describe(ec2, Form::new().list("GroupId", [id]))
}

/// The group of this name in this network, if it is ours.
pub fn find(ctx: &Context, ec2: &Query, name: &str, vpc: Option<&str>) -> Result<Option<Group>> {
    let names = [name];
    let mut filters: Vec<(&str, &[&str])> = vec![("group-name", &names)];
    let networks = vpc.map(|vpc| [vpc]);
    if let Some(networks) = &networks {
        filters.push(("vpc-id", networks));
    }
    let found = describe(ec2, Form::new().filters(&filters))?;
    if let Some(group) = &found {
        mark::require(ctx, "security group", name, &aws::pairs(&group.tags))?;
    }
    Ok(found)
}

/// Make it, or adopt the one that we made.
pub fn ensure(ctx: &Context, name: &str, vpc: &str, description: &str) -> Result<Group> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    presence::ensure(
        "security group",
        || find(ctx, &ec2, name, Some(vpc)),
        || {
            let form = Form::new()
                .set("GroupName", name)
                .set("GroupDescription", description)
                .set("VpcId", vpc)
                .tag_specification("security-group", &ctx.tags());
            Ok(ec2.act("CreateSecurityGroup", form)?)
        },
    )
}

/// Give a group exactly these rules: what is missing is added, and what is there besides is removed.
pub fn reconcile(ctx: &Context, group: &Group, wanted: &[Ingress]) -> Result<()> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    let present = group.ingress();
    for rule in wanted.iter().filter(|rule| !present.contains(rule)) {
        authorise(&ec2, &group.id, rule)?;
    }
    for rule in present.iter().filter(|rule| !wanted.contains(rule)) {
        revoke(&ec2, &group.id, rule)?;
    }
    Ok(())
}

/// Add a rule; one that is there already is as good.
pub fn authorise(ec2: &Query, group: &str, rule: &Ingress) -> Result<()> {
    let form = Form::new().set("GroupId", group);
    ec2.act("AuthorizeSecurityGroupIngress", with_rule(form, rule)).or_code(&["InvalidPermission.Duplicate"])?;
    Ok(())
}

/// Remove a rule; one that is gone already is as good.
pub fn revoke(ec2: &Query, group: &str, rule: &Ingress) -> Result<()> {
    let form = Form::new().set("GroupId", group);
    ec2.act("RevokeSecurityGroupIngress", with_rule(form, rule)).or_absent()?;
    Ok(())
}

fn with_rule(form: Form, rule: &Ingress) -> Form {
    let form = form
        .set("IpPermissions.1.IpProtocol", "tcp")
        .set("IpPermissions.1.FromPort", rule.port)
        .set("IpPermissions.1.ToPort", rule.port);
    match &rule.from {
        Source::Group(group) => form.set("IpPermissions.1.Groups.1.GroupId", group),
        Source::Cidr(cidr) => form.set("IpPermissions.1.IpRanges.1.CidrIp", cidr),
    }
}

/// Remove the group of this name. Network interfaces outlive what they belonged to by minutes: AWS refuses until
/// the last is gone.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let ec2 = Query::new(ctx, &aws::EC2)?;
    if find_settled(|| find(ctx, &ec2, name, None))?.is_none() {
        return Ok(());
    }
    wait::until(every(10.seconds()), at_most(30.minutes()), || {
        let Some(group) = find(ctx, &ec2, name, None)? else {
            return ready(());
        };
        let form = Form::new().set("GroupId", &group.id);
        match ec2.act("DeleteSecurityGroup", form).or_absent().or_code(&["DependencyViolation"])? {
            Some(_) => ready(()),
            None => pending(format!("security group {} is still in use by a network interface", group.id)),
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_group_are_read_one_by_one() {
        let xml = r#"<Group><groupId>sg-1</groupId><ipPermissions>
            <item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort><groups/>
              <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>
            <item><ipProtocol>tcp</ipProtocol><fromPort>3306</fromPort><toPort>3306</toPort>
              <groups><item><userId>1</userId><groupId>sg-2</groupId></item></groups><ipRanges/></item>
            <item><ipProtocol>-1</ipProtocol><groups/><ipRanges/></item></ipPermissions></Group>"#;
        let group: Group = quick_xml::de::from_str(xml).unwrap();
        assert_eq!(group.ingress(), [Ingress::from_anywhere(80), Ingress::from_group(3306, "sg-2")]);
    }
}
