//! Answers of the Query services.
//!
//! RDS, ELB and IAM wrap what they answer (`<DescribeXResponse><DescribeXResult>…`), EC2 does not; lists are
//! elements whose children are called `member`, `item` or as the service likes.

use quick_xml::events::Event;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A list in an answer, whatever its members are called. Members must be structures; see [`Texts`] for lists of
/// plain texts.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// The members, in the order of the answer.
    #[serde(rename = "$value", default = "Vec::new")]
    pub items: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

/// A list of plain texts, such as `<Values><member>a</member></Values>`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Texts {
    /// The texts, in the order of the answer.
    #[serde(rename = "member", alias = "item", default)]
    pub items: Vec<String>,
}

/// A tag, with either capitalisation: EC2 writes `key`, the others `Key`.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    #[serde(rename = "Key", alias = "key")]
    pub key: String,
    /// Its value; an empty one may be missing from the answer.
    #[serde(rename = "Value", alias = "value", default)]
    pub value: String,
}

/// The tags as the pairs that ownership is checked with.
#[must_use]
pub fn pairs(tags: &List<Tag>) -> Vec<(String, String)> {
    tags.items.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// What `action` answered: the content of its result element where the answer is wrapped, of the root where not.
pub(super) fn answer<T: DeserializeOwned>(action: &str, xml: &str) -> Result<T, String> {
    let wrapper = format!("{action}Result");
    let content = element(xml, &wrapper)?.unwrap_or(xml);
    quick_xml::de::from_str(content).map_err(|error| error.to_string())
}

/// The text of the first element of this name, its tags included.
fn element<'a>(xml: &'a str, name: &str) -> Result<Option<&'a str>, String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.local_name().as_ref() == name => {
                let end = tag.to_end().into_owned();
                reader.read_to_end(end.name()).map_err(|error| error.to_string())?;
                let stop = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                return Ok(xml.get(start..stop));
            }
            Event::Empty(tag) if tag.local_name().as_ref() == name => {
                let stop = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                return Ok(xml.get(start..stop));
            }
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

/// The code and message of an error answer of a Query service, where there are any.
pub(super) fn refusal(xml: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Cause {
        #[serde(rename = "Code")]
        code: String,
        #[serde(rename = "Message", default)]
        message: String,
    }
    let cause: Cause = quick_xml::de::from_str(element(xml, "Error").ok()??).ok()?;
    Some((cause.code, cause.message))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Groups {
        #[serde(rename = "DBSubnetGroups", default)]
        groups: List<Group>,
    }

    #[derive(Debug, Deserialize)]
    struct Group {
        #[serde(rename = "DBSubnetGroupName")]
        name: String,
        #[serde(rename = "TagList", default)]
        tags: List<Tag>,
    }

    #[test]
    fn a_wrapped_answer_is_read_whatever_its_list_members_are_called() {
        let xml = r#"<?xml version="1.0"?>
            <DescribeDBSubnetGroupsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">
              <DescribeDBSubnetGroupsResult>
                <DBSubnetGroups>
                  <DBSubnetGroup><DBSubnetGroupName>a&amp;b</DBSubnetGroupName>
                    <TagList><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>e</Key></Tag></TagList></DBSubnetGroup>
                  <DBSubnetGroup><DBSubnetGroupName>c</DBSubnetGroupName></DBSubnetGroup>
                </DBSubnetGroups>
              </DescribeDBSubnetGroupsResult>
              <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
            </DescribeDBSubnetGroupsResponse>"#;
        let groups: Groups = answer("DescribeDBSubnetGroups", xml).unwrap();
        assert_eq!(groups.groups.items[0].name, "a&b");
        assert_eq!(pairs(&groups.groups.items[0].tags), [("k".into(), "v".into()), ("e".into(), String::new())]);
        assert_eq!(groups.groups.items[1].name, "c");
    }

    #[test]
    fn an_empty_list_and_an_empty_result_are_read() {
        let xml = "<DescribeDBSubnetGroupsResponse><DescribeDBSubnetGroupsResult><DBSubnetGroups/>\
                   </DescribeDBSubnetGroupsResult></DescribeDBSubnetGroupsResponse>";
        assert!(answer::<Groups>("DescribeDBSubnetGroups", xml).unwrap().groups.items.is_empty());
        let xml = "<DescribeDBSubnetGroupsResponse><DescribeDBSubnetGroupsResult/></DescribeDBSubnetGroupsResponse>";
        assert!(answer::<Groups>("DescribeDBSubnetGroups", xml).unwrap().groups.items.is_empty());
    }

    #[test]
    fn an_ec2_answer_is_read_from_its_root() {
        #[derive(Deserialize)]
        struct Zones {
            #[serde(rename = "availabilityZoneInfo")]
            zones: List<Zone>,
        }
        #[derive(Deserialize)]
        struct Zone {
            #[serde(rename = "zoneName")]
            name: String,
        }
        let xml = r#"<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>
            <availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName><x/></item>
            <item><zoneName>eu-west-1b</zoneName></item></availabilityZoneInfo></DescribeAvailabilityZonesResponse>"#;
        let zones: Zones = answer("DescribeAvailabilityZones", xml).unwrap();
        assert_eq!(zones.zones.into_iter().map(|zone| zone.name).collect::<Vec<_>>(), ["eu-west-1a", "eu-west-1b"]);
    }

    #[test]
    fn code_and_message_are_found_in_both_error_layouts() {
        let query = "<ErrorResponse><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>DBInstance x not \
                     found.</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(refusal(query), Some(("DBInstanceNotFound".into(), "DBInstance x not found.".into())));
        let ec2 = "<Response><Errors><Error><Code>DependencyViolation</Code><Message>has a dependent \
                   object</Message></Error></Errors><RequestID>1</RequestID></Response>";
        assert_eq!(refusal(ec2), Some(("DependencyViolation".into(), "has a dependent object".into())));
        assert_eq!(refusal("<html>Bad gateway</html>"), None);
        assert_eq!(refusal("not xml <"), None);
    }
}
