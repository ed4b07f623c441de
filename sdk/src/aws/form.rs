//! The parameters of a Query call, as they go into the form body.
//!
//! AWS flattens structures into dotted names with numbers from 1. How a list's members are called is the
//! service's choice (`VpcSecurityGroupIds.VpcSecurityGroupId.1`, `Subnets.member.1`, `GroupId.1`), so the full
//! prefix is given and the number appended.

use crate::http::encode;
use crate::secrets::Secret;

/// Parameters in the order in which they were added. The order is part of the request that the journal
/// compares, so it must be the same in every run: build forms from vectors and structs, not from hash maps.
#[derive(Debug, Clone, Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
    secrets: Vec<(String, Secret)>,
}

impl Form {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One parameter.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.pairs.push((name.to_owned(), value.to_string()));
        self
    }

    /// One parameter, if there is a value.
    #[must_use]
    pub fn set_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// `prefix.1`, `prefix.2` …
    #[must_use]
    pub fn list<T: ToString>(self, prefix: &str, values: impl IntoIterator<Item = T>) -> Self {
        values
            .into_iter()
            .enumerate()
            .fold(self, |form, (index, value)| form.set(&format!("{prefix}.{}", index + 1), value))
    }

    /// `prefix.1.Key` and `prefix.1.Value` …: how every Query service writes tags below its own prefix.
    #[must_use]
    pub fn tags(self, prefix: &str, tags: &[(String, String)]) -> Self {
        tags.iter().enumerate().fold(self, |form, (index, (key, value))| {
            let number = index + 1;
            form.set(&format!("{prefix}.{number}.Key"), key).set(&format!("{prefix}.{number}.Value"), value)
        })
    }

    /// EC2's `TagSpecification.1`: the tags that `resource_type` (`security-group`) is created with.
    #[must_use]
    pub fn tag_specification(self, resource_type: &str, tags: &[(String, String)]) -> Self {
        self.set("TagSpecification.1.ResourceType", resource_type).tags("TagSpecification.1.Tag", tags)
    }

    /// EC2's `Filter.N`: names, and the values of which one must match.
    #[must_use]
    pub fn filters(self, filters: &[(&str, &[&str])]) -> Self {
        filters.iter().enumerate().fold(self, |form, (index, (name, values))| {
            let number = index + 1;
            form.set(&format!("Filter.{number}.Name"), name).list(&format!("Filter.{number}.Value"), values.iter())
        })
    }

    /// A parameter whose value the host fills in on the way out.
    #[must_use]
    pub fn secret(mut self, name: &str, secret: &Secret) -> Self {
        self.secrets.push((name.to_owned(), secret.clone()));
        self.set(name, secret.placeholder())
    }

    /// The secrets, each with the name of its parameter.
    pub(super) fn secrets(&self) -> &[(String, Secret)] {
        &self.secrets
    }

    /// `application/x-www-form-urlencoded`, led by action and version.
    pub(super) fn encode(&self, action: &str, version: &str) -> String {
        let mut pairs = vec![format!("Action={}", encode(action)), format!("Version={}", encode(version))];
        pairs.extend(self.pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))));
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_tags_and_filters_are_numbered_from_one() {
        let form = Form::new()
            .set("GroupName", "a b")
            .set_some("Absent", None::<&str>)
            .list("SubnetIds.SubnetIdentifier", ["s-1", "s-2"])
            .tag_specification("security-group", &[("k:e".into(), "v/1".into())])
            .filters(&[("vpc-id", &["vpc-1"])]);
        assert_eq!(
            form.encode("CreateSecurityGroup", "2016-11-15"),
            "Action=CreateSecurityGroup&Version=2016-11-15&GroupName=a%20b&SubnetIds.SubnetIdentifier.1=s-1\
             &SubnetIds.SubnetIdentifier.2=s-2&TagSpecification.1.ResourceType=security-group\
             &TagSpecification.1.Tag.1.Key=k%3Ae&TagSpecification.1.Tag.1.Value=v%2F1\
             &Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1"
        );
    }
}
