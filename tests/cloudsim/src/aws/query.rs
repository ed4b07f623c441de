//! The Query protocols: a form becomes a tree of parameters, a tree of values becomes XML.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{
    error::{escape, headers},
    service::{Protocol, Service},
};
use crate::cloud::Reply;

/// The parameters of a form: `IpPermissions.1.FromPort=80` becomes `{"IpPermissions": [{"FromPort": "80"}]}`, and
/// `Tags.member.1.Key` and RDS's `Tags.Tag.1.Key` lose the word in the middle.
pub fn parse(form: &str) -> Value {
    let mut tree = Node::default();
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let mut node = &mut tree;
        for step in name.split('.') {
            node = node.children.entry(step.to_owned()).or_default();
        }
        node.text = Some(value);
    }
    tree.value()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What the names of a form spell.
#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn value(self) -> Value {
        if self.children.is_empty() {
            return Value::String(self.text.unwrap_or_default());
        }
        if self.children.keys().all(|name| name.parse::<u32>().is_ok()) {
            let mut items: Vec<_> = self.children.into_iter().collect();
            items.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or_default());
            return Value::Array(items.into_iter().map(|(_, node)| node.value()).collect());
        }
        let mut fields: Vec<(String, Value)> =
            self.children.into_iter().map(|(name, node)| (name, node.value())).collect();
        if fields.len() == 1
            && let Some((_, list)) = fields.pop_if(|(name, value)| wraps(name, value))
        {
            return list;
        }
        Value::Object(fields.into_iter().collect::<Map<_, _>>())
    }
}

/// The word between a list's name and its numbers.
fn wraps(name: &str, value: &Value) -> bool {
    const WORDS: [&str; 8] = [
        "member",
        "Tag",
        "SubnetIdentifier",
        "VpcSecurityGroupId",
        "SecurityGroupId",
        "Filter",
        "Value",
        "DBSecurityGroupName",
    ];
    value.is_array() && WORDS.contains(&name)
}

/// A successful answer.
pub fn respond(service: Service, action: &str, result: &Value, request_id: &str) -> Reply {
    let namespace = service.namespace();
    let mut inner = String::new();
    write(service, &mut inner, result);
    let body = match service.protocol() {
        Protocol::Ec2 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{namespace}\"><requestId>{request_id}\
             </requestId>{inner}</{action}Response>"
        ),
        _ => {
            let result =
                if result.is_null() { String::new() } else { format!("<{action}Result>{inner}</{action}Result>") };
            format!(
                "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
                 </ResponseMetadata></{action}Response>"
            )
        }
    };
    Reply {
        status: 200,
        headers: headers("text/xml;charset=UTF-8", request_id),
        body: body.into_bytes(),
        code: None,
        account: None,
        ignored: Vec::new(),
    }
}

fn write(service: Service, out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(&escape(text)),
        Value::Array(items) => items.iter().for_each(|item| element(service, out, "member", item)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                match value {
                    Value::Array(items) => {
                        let member = member(service, name);
                        out.push_str(&format!("<{name}>"));
                        items.iter().for_each(|item| element(service, out, member, item));
                        out.push_str(&format!("</{name}>"));
                    }
                    value => element(service, out, name, value),
                }
            }
        }
    }
}

fn element(service: Service, out: &mut String, name: &str, value: &Value) {
    out.push_str(&format!("<{name}>"));
    write(service, out, value);
    out.push_str(&format!("</{name}>"));
}

/// What the items of a list are called.
fn member(service: Service, list: &str) -> &'static str {
    match (service, list) {
        (Service::Ec2, _) => "item",
        (Service::Rds, "DBInstances") => "DBInstance",
        (Service::Rds, "DBSubnetGroups") => "DBSubnetGroup",
        (Service::Rds, "DBSnapshots") => "DBSnapshot",
        (Service::Rds, "DBEngineVersions") => "DBEngineVersion",
        (Service::Rds, "DBParameterGroups") => "DBParameterGroup",
        (Service::Rds, "OptionGroupMemberships") => "OptionGroupMembership",
        (Service::Rds, "OrderableDBInstanceOptions") => "OrderableDBInstanceOption",
        (Service::Rds, "AvailabilityZones") => "AvailabilityZone",
        (Service::Rds, "VpcSecurityGroups") => "VpcSecurityGroupMembership",
        (Service::Rds, "StatusInfos") => "DBInstanceStatusInfo",
        (Service::Rds, "Subnets") => "Subnet",
        (Service::Rds, "TagList") => "Tag",
        (Service::Rds, "ValidUpgradeTarget") => "UpgradeTarget",
        (Service::Elasticache, "ReplicationGroups") => "ReplicationGroup",
        (Service::Elasticache, "CacheClusters") => "CacheCluster",
        (Service::Elasticache, "NodeGroups") => "NodeGroup",
        (Service::Elasticache, "NodeGroupMembers") => "NodeGroupMember",
        (Service::Elasticache, "MemberClusters") => "ClusterId",
        (Service::Elasticache, "CacheSubnetGroups") => "CacheSubnetGroup",
        (Service::Elasticache, "Snapshots") => "Snapshot",
        (Service::Elasticache, "Subnets") => "Subnet",
        (Service::Elasticache, "TagList") => "Tag",
        _ => "member",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_becomes_a_tree() {
        let form = "Action=A&IpPermissions.1.FromPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0&Tags.member.1.Key=a+b\
                    &SubnetIds.SubnetIdentifier.1=s1&SubnetIds.SubnetIdentifier.2=s2&Filter.1.Value.1=x&Filter.1.Name=n";
        assert_eq!(
            parse(form),
            json!({
                "Action": "A",
                "IpPermissions": [{ "FromPort": "80", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }],
                "Tags": [{ "Key": "a b" }],
                "SubnetIds": ["s1", "s2"],
                "Filter": [{ "Value": ["x"], "Name": "n" }],
            })
        );
    }

    #[test]
    fn ten_items_keep_their_order() {
        let form: Vec<String> = (1..=11).rev().map(|n| format!("A.{n}={n}")).collect();
        assert_eq!(parse(&form.join("&")).pointer("/A/9"), Some(&json!("10")));
    }
}
