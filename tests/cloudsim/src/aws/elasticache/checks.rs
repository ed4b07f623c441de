//! What ElastiCache takes: engines, node types, names and auth tokens.

use crate::aws::{error::AwsError, params::Params};

/// Engine and the versions that there are; the first is the default.
const ENGINES: [(&str, &[&str]); 2] = [("valkey", &["8.0.1", "7.2.6"]), ("redis", &["7.1.0", "7.0.7", "6.2.6"])];

/// Node types that can be ordered, without `cache.`.
const NODES: [&str; 9] = [
    "t3.micro",
    "t3.small",
    "t3.medium",
    "t4g.micro",
    "t4g.small",
    "t4g.medium",
    "m7g.large",
    "r7g.large",
    "r7g.xlarge",
];

/// A name: letters, digits and single hyphens, at most 40 characters, beginning with a letter.
pub fn identifier(id: &str) -> Result<(), AwsError> {
    let fine = id.len() <= 40
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !id.ends_with('-')
        && !id.contains("--");
    if fine {
        return Ok(());
    }
    Err(AwsError::invalid(
        "The parameter ReplicationGroupId is not a valid identifier. Identifiers must begin with a letter; must contain \
         only ASCII letters, digits, and hyphens; must not end with a hyphen or contain two consecutive hyphens; and \
         must have at most 40 characters.",
    ))
}

/// The whole version that an engine and a version or its beginning mean.
pub fn version(engine: &str, asked: Option<&str>) -> Result<String, AwsError> {
    let (_, versions) = ENGINES
        .iter()
        .find(|(name, _)| *name == engine)
        .ok_or_else(|| AwsError::invalid(format!("Invalid value '{engine}' for Engine: valkey, redis")))?;
    let found = match asked {
        None => versions.first(),
        Some(asked) => versions
            .iter()
            .find(|version| version.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))),
    };
    found.map(|version| (*version).to_owned()).ok_or_else(|| {
        AwsError::new(
            "InvalidParameterCombination",
            format!("Cannot find version {} for {engine}", asked.unwrap_or_default()),
        )
    })
}

/// A node type that is sold.
pub fn node_type(kind: &str) -> Result<(), AwsError> {
    if kind.strip_prefix("cache.").is_some_and(|size| NODES.contains(&size)) {
        return Ok(());
    }
    Err(AwsError::invalid(format!("Invalid Cache Node Type: {kind}.")))
}

/// An auth token, which only goes over TLS.
pub fn auth_token(p: &Params) -> Result<Option<String>, AwsError> {
    let Some(token) = p.text("AuthToken") else { return Ok(None) };
    if p.flag("TransitEncryptionEnabled") != Some(true) {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "AUTH token is only supported when encryption-in-transit is enabled.",
        ));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "!&#$^<>-".contains(c);
    if !(16..=128).contains(&token.len()) || !token.chars().all(fine) {
        return Err(AwsError::invalid(
            "Invalid AuthToken provided. It must have 16 to 128 characters: letters, digits and !, &, #, $, ^, <, >, -",
        ));
    }
    Ok(Some(token))
}

/// Automatic failover needs somebody to fail over to.
pub fn failover(enabled: bool, multi_az: bool, nodes: i64) -> Result<(), AwsError> {
    let combination = |message: &str| Err(AwsError::new("InvalidParameterCombination", message));
    if enabled && nodes < 2 {
        return combination("Automatic failover is not supported for replication groups with a single node.");
    }
    if multi_az && !enabled {
        return combination("Must provide at least two availability zones and automatic failover for Multi-AZ.");
    }
    Ok(())
}
