//! Who signs a request: as the extension names it ([`Signer`]) and as a grant allows it ([`SignRule`]).

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sandbox::bindings::http::Signer as Asked;

/// Who should sign a request. Credentials never enter the sandbox; the host looks them up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// Signature Version 4.
    #[serde(rename = "aws-sigv4")]
    AwsSigV4 {
        /// The signing name of the service.
        service: String,
        /// The region, as the service's endpoint has it.
        region: String,
    },
    /// An OAuth 2 access token of a Google account.
    GoogleOauth {
        /// What the token is good for.
        scopes: Vec<String>,
    },
    /// A credential in a header.
    Header {
        /// The header.
        name: String,
        /// What stands before the credential: `Bearer `.
        prefix: String,
    },
    /// HTTP basic authentication (RFC 7617).
    Basic,
    /// A token by the client credentials grant (RFC 6749, section 4.4).
    #[serde(rename = "oauth2-client-credentials")]
    OAuth2ClientCredentials {
        /// What the token is good for.
        scopes: Vec<String>,
    },
}

/// As the contract has it.
impl From<Asked> for Signer {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::AwsSigv4(scope) => Self::AwsSigV4 { service: scope.service, region: scope.region },
            Asked::GoogleOauth(scopes) => Self::GoogleOauth { scopes },
            Asked::Header(scope) => Self::Header { name: scope.name, prefix: scope.prefix },
            Asked::Basic => Self::Basic,
            Asked::Oauth2ClientCredentials(scopes) => Self::OAuth2ClientCredentials { scopes },
        }
    }
}

impl Signer {
    /// As grants and `description.credentials` name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AwsSigV4 { .. } => "aws-sigv4",
            Self::GoogleOauth { .. } => "google-oauth",
            Self::Header { .. } => "header",
            Self::Basic => "basic",
            Self::OAuth2ClientCredentials { .. } => "oauth2-client-credentials",
        }
    }

    /// The rule that would allow it.
    pub fn rule(&self) -> SignRule {
        match self.clone() {
            Self::AwsSigV4 { service, .. } => SignRule::AwsSigV4(service),
            Self::GoogleOauth { scopes } => SignRule::GoogleOauth(scopes),
            Self::Header { name, prefix } => SignRule::Header { name, prefix },
            Self::Basic => SignRule::Basic,
            Self::OAuth2ClientCredentials { scopes } => SignRule::OAuth2ClientCredentials(scopes),
        }
    }
}

/// Who may sign for an origin. In YAML `{ aws-sigv4: SERVICE }`, `{ google-oauth: [SCOPE] }`,
/// `{ header: { name: NAME, prefix: PREFIX } }`, `basic` or `{ oauth2-client-credentials: [SCOPE] }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignRule {
    /// Signature Version 4 for one service, in any region.
    AwsSigV4(String),
    /// Tokens with some of these scopes.
    GoogleOauth(Vec<String>),
    /// A credential in this header.
    Header {
        /// The header.
        name: String,
        /// What stands before the credential.
        prefix: String,
    },
    /// HTTP basic authentication.
    Basic,
    /// Tokens with some of these scopes.
    OAuth2ClientCredentials(Vec<String>),
}

impl SignRule {
    /// Whether this signer is allowed.
    pub fn allows(&self, signer: &Signer) -> bool {
        let within = |asked: &[String], granted: &[String]| {
            !asked.is_empty() && asked.iter().all(|scope| granted.contains(scope))
        };
        match (self, signer) {
            (Self::AwsSigV4(granted), Signer::AwsSigV4 { service, region }) => granted == service && is_word(region),
            (Self::GoogleOauth(granted), Signer::GoogleOauth { scopes })
            | (Self::OAuth2ClientCredentials(granted), Signer::OAuth2ClientCredentials { scopes }) => {
                within(scopes, granted)
            }
            (Self::Header { name, prefix }, Signer::Header { name: asked, prefix: asked_prefix }) => {
                name.eq_ignore_ascii_case(asked) && prefix == asked_prefix
            }
            (Self::Basic, Signer::Basic) => true,
            _ => false,
        }
    }

    /// For people: `aws-sigv4 for rds`.
    pub fn words(&self) -> String {
        match self {
            Self::AwsSigV4(service) => format!("aws-sigv4 for {service}"),
            Self::GoogleOauth(scopes) => format!("google-oauth for {}", scopes.join(", ")),
            Self::Header { name, .. } => format!("the header {name}"),
            Self::Basic => "basic authentication".to_owned(),
            Self::OAuth2ClientCredentials(scopes) => {
                format!("oauth2-client-credentials for {}", scopes.join(", "))
            }
        }
    }

    /// The service that the signature is for, where there is one.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::AwsSigV4(service) => Some(service),
            _ => None,
        }
    }

    /// Whether the service decides who may do what: changing it without conditions is all power.
    pub fn governs_access(&self) -> bool {
        matches!(self.service(), Some("iam" | "sts" | "organizations" | "sso"))
    }

    /// Operations whose answers carry credentials: none of them is for a sandbox.
    pub fn hands_out_credentials(&self) -> &'static [&'static str] {
        match self.service() {
            Some("sts") => &[
                "AssumeRole",
                "AssumeRoleWithSAML",
                "AssumeRoleWithWebIdentity",
                "AssumeRoot",
                "GetFederationToken",
                "GetSessionToken",
            ],
            Some("iam") => &[
                "CreateAccessKey",
                "CreateLoginProfile",
                "CreateServiceSpecificCredential",
                "CreateVirtualMFADevice",
                "ResetServiceSpecificCredential",
                "UpdateLoginProfile",
            ],
            Some("sso" | "awsssoportal") => &["GetRoleCredentials"],
            Some("redshift") => &["GetClusterCredentials", "GetClusterCredentialsWithIAM"],
            _ => &[],
        }
    }

    /// The fields of an operation that say how much power it gives.
    pub fn powerful_fields(&self, operation: &str) -> &'static [&'static str] {
        match (self.service(), operation) {
            (Some("iam"), "CreateRole") => &["AssumeRolePolicyDocument"],
            (Some("iam"), "AttachRolePolicy" | "AttachUserPolicy" | "AttachGroupPolicy") => &["PolicyArn"],
            (
                Some("iam"),
                "UpdateAssumeRolePolicy"
                | "PutRolePolicy"
                | "PutUserPolicy"
                | "PutGroupPolicy"
                | "CreatePolicy"
                | "CreatePolicyVersion",
            ) => &["PolicyDocument"],
            (Some("iam"), "AddRoleToInstanceProfile") => &["RoleName"],
            _ => &[],
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Self::AwsSigV4(service) if !is_word(service) => Some("the service is a word of a-z, 0-9 and `-`"),
            Self::GoogleOauth(scopes) | Self::OAuth2ClientCredentials(scopes) if scopes.is_empty() => {
                Some("the scopes must be spelled out")
            }
            Self::Header { name, prefix }
                if !super::headers::is_token(name)
                    || super::headers::belongs_to_the_host(name) && !name.eq_ignore_ascii_case("authorization")
                    || !prefix.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) =>
            {
                Some("a credential cannot go into this header")
            }
            _ => None,
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl fmt::Display for SignRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsSigV4(service) => write!(f, "{{ aws-sigv4: {service} }}"),
            Self::GoogleOauth(scopes) => write!(f, "{{ google-oauth: {scopes:?} }}"),
            Self::Header { name, prefix } => {
                write!(f, "{{ header: {{ name: {name:?}, prefix: {prefix:?} }} }}")
            }
            Self::Basic => f.write_str("basic"),
            Self::OAuth2ClientCredentials(scopes) => {
                write!(f, "{{ oauth2-client-credentials: {scopes:?} }}")
            }
        }
    }
}

/// A header signer, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderRule {
    name: String,
    #[serde(default)]
    prefix: String,
}

impl Serialize for SignRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Basic => return serializer.serialize_str("basic"),
            _ => serializer.serialize_map(Some(1))?,
        };
        match self {
            Self::AwsSigV4(service) => map.serialize_entry("aws-sigv4", service)?,
            Self::GoogleOauth(scopes) => map.serialize_entry("google-oauth", scopes)?,
            Self::Header { name, prefix } => {
                let rule = HeaderRule { name: name.clone(), prefix: prefix.clone() };
                map.serialize_entry("header", &rule)?;
            }
            Self::OAuth2ClientCredentials(scopes) => {
                map.serialize_entry("oauth2-client-credentials", scopes)?;
            }
            Self::Basic => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SignRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SignRuleVisitor)
    }
}

struct SignRuleVisitor;

const FORMS: &[&str] = &["aws-sigv4", "google-oauth", "header", "basic", "oauth2-client-credentials"];

impl<'de> Visitor<'de> for SignRuleVisitor {
    type Value = SignRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`basic` or a map with one key, such as `{ aws-sigv4: SERVICE }`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<SignRule, E> {
        match word {
            "basic" => Ok(SignRule::Basic),
            other => Err(E::unknown_variant(other, FORMS)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignRule, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let rule = match key.as_str() {
            "aws-sigv4" => SignRule::AwsSigV4(map.next_value()?),
            "google-oauth" => SignRule::GoogleOauth(map.next_value()?),
            "header" => {
                let HeaderRule { name, prefix } = map.next_value()?;
                SignRule::Header { name, prefix }
            }
            "oauth2-client-credentials" => SignRule::OAuth2ClientCredentials(map.next_value()?),
            other => return Err(de::Error::unknown_variant(other, FORMS)),
        };
        if let Some(extra) = map.next_key::<String>()? {
            return Err(de::Error::custom(format!("`sign` names one signer, `{extra}` is a second")));
        }
        Ok(rule)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(yaml: &str) -> SignRule {
        serde_yaml_ng::from_str(yaml).unwrap()
    }

    #[test]
    fn a_rule_allows_its_signer_and_no_more() {
        let sigv4 = |service: &str, region: &str| Signer::AwsSigV4 { service: service.into(), region: region.into() };
        let rds = rule("{ aws-sigv4: rds }");
        assert!(rds.allows(&sigv4("rds", "eu-west-1")));
        for other in [sigv4("iam", "eu-west-1"), sigv4("rds", ""), sigv4("rds", "a/b"), Signer::Basic] {
            assert!(!rds.allows(&other), "{other:?}");
        }
        let scopes = |scopes: &[&str]| Signer::GoogleOauth { scopes: scopes.iter().map(|s| (*s).to_owned()).collect() };
        let google = rule("{ google-oauth: [a, b] }");
        assert!(google.allows(&scopes(&["a"])) && google.allows(&scopes(&["b", "a"])));
        assert!(!google.allows(&scopes(&["a", "c"])) && !google.allows(&scopes(&[])));
        let header = |name: &str, prefix: &str| Signer::Header { name: name.into(), prefix: prefix.into() };
        let key = rule("{ header: { name: X-Acme-Key, prefix: 'Key ' } }");
        assert!(key.allows(&header("x-acme-key", "Key ")));
        assert!(!key.allows(&header("X-Acme-Key", "")) && !key.allows(&header("X-Other", "Key ")));
        assert!(rule("basic").allows(&Signer::Basic) && !rule("basic").allows(&header("a", "")));
    }

    #[test]
    fn a_rule_reads_back_as_it_is_written() {
        for text in [
            "{ aws-sigv4: rds }",
            "{ google-oauth: [\"a\"] }",
            "{ header: { name: \"X-Key\", prefix: \"\" } }",
            "basic",
            "{ oauth2-client-credentials: [\"a\", \"b\"] }",
        ] {
            let parsed = rule(text);
            assert_eq!(parsed.to_string(), text);
            assert_eq!(rule(&serde_yaml_ng::to_string(&parsed).unwrap()), parsed);
            assert_eq!(serde_json::from_str::<SignRule>(&serde_json::to_string(&parsed).unwrap()).unwrap(), parsed);
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused() {
        for text in
            ["{ aws-sigv4: rds, basic: x }", "{}", "header", "{ header: { nam: x } }", "[basic]", "{ other: x }"]
        {
            assert!(serde_yaml_ng::from_str::<SignRule>(text).is_err(), "{text}");
        }
        for text in [
            "{ aws-sigv4: '' }",
            "{ aws-sigv4: a.b }",
            "{ google-oauth: [] }",
            "{ header: { name: Host } }",
            "{ header: { name: 'a b' } }",
            "{ header: { name: X-Key, prefix: \"a\\r\\n\" } }",
        ] {
            assert!(rule(text).problem().is_some(), "{text}");
        }
        assert!(rule("{ header: { name: Authorization, prefix: 'Bearer ' } }").problem().is_none());
    }
}
