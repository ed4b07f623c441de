//! What RDS refuses before it makes anything. Source: the CreateDBInstance reference.

use super::catalog::Engine;
use crate::aws::error::AwsError;

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

/// An identifier: a letter first, letters, digits and single hyphens, 63 at most.
pub fn identifier(what: &str, id: &str) -> Result<(), AwsError> {
    let fine = id.len() <= 63
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !id.ends_with('-')
        && !id.contains("--");
    if fine {
        return Ok(());
    }
    Err(invalid(format!(
        "The parameter {what} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, \
         and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}

/// A master password.
pub fn password(engine: &Engine, password: &str) -> Result<(), AwsError> {
    let longest = if engine.name == "postgres" { 128 } else { 41 };
    if password.chars().any(|c| !(' '..='~').contains(&c) || "/@\" ".contains(c)) {
        return Err(invalid(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be \
             used.",
        ));
    }
    if password.len() < 8 {
        return Err(invalid(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
        ));
    }
    if password.len() > longest {
        return Err(invalid(format!(
            "The parameter MasterUserPassword is not a valid password because it is longer than {longest} characters."
        )));
    }
    Ok(())
}

/// A master user's name: not one of the engine's reserved words.
pub fn username(engine: &Engine, name: &str) -> Result<(), AwsError> {
    let reserved: &[&str] = match engine.name {
        "postgres" => {
            &["admin", "rdsadmin", "rdsrepladmin", "rdstopmgr", "rds_superuser", "user", "table", "all", "select"]
        }
        _ => &["rdsadmin", "rdsrepladmin", "root", "mysql.sys", "mysql.session", "mysql.infoschema", "select", "table"],
    };
    let longest = if engine.name == "postgres" { 63 } else { 16 };
    if reserved.contains(&name.to_lowercase().as_str()) {
        return Err(invalid(format!(
            "MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        )));
    }
    let fine = name.len() <= longest
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fine {
        Ok(())
    } else {
        Err(invalid(format!(
            "The parameter MasterUsername is not valid: '{name}' must be 1 to {longest} letters, numbers or _"
        )))
    }
}

/// The name of the first database.
pub fn database_name(engine: &Engine, name: &str) -> Result<(), AwsError> {
    let longest = if engine.name == "postgres" { 63 } else { 64 };
    if ["select", "table", "database", "user"].contains(&name.to_lowercase().as_str()) {
        return Err(invalid(format!("Database name cannot be '{name}': it is a reserved word used by the engine")));
    }
    let fine = (1..=longest).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fine {
        Ok(())
    } else {
        Err(invalid("DBName must begin with a letter and contain only alphanumeric characters."))
    }
}

/// A size in GiB.
pub fn storage(engine: &Engine, kind: &str, size: i64) -> Result<(), AwsError> {
    if (20..=65536).contains(&size) {
        return Ok(());
    }
    Err(invalid(format!("Invalid storage size for engine name {} and storage type {kind}: {size}", engine.name)))
}
