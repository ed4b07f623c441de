//! Whether RDS sells what is wanted, asked before anything is made.

use cloudark_sdk::aws::{Error, Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::config::Config;

/// Ask it.
///
/// # Errors
/// `invalid`, at the field to change.
pub fn check(rds: &Query, config: &Config) -> Result<()> {
    let (engine, class) = (config.engine, config.class());
    let version = config.engine_version.as_deref();
    let asked = Form::new().set("Engine", engine).set_some("EngineVersion", version);
    if is_sold(rds, asked.clone().set("DBInstanceClass", &class))? {
        return Ok(());
    }
    if !is_sold(rds, Form::new().set("Engine", engine))? {
        // A catalogue without the engine is no catalogue: CreateDBInstance will say.
        log::warn(format!("RDS lists no instance classes for {engine}: it is not known whether it sells {class}"));
        return Ok(());
    }
    let (what, pointer) = match version {
        Some(version) if !is_sold(rds, asked)? => (format!("{engine} {version}"), "/engine_version"),
        Some(version) => (format!("{engine} {version} on {class}"), "/flavor"),
        None => (format!("{engine} on {class}"), "/flavor"),
    };
    Err(Failure::invalid(format!(
        "RDS does not sell {what} in this region: change `{}`",
        pointer.trim_start_matches('/')
    ))
    .at(pointer))
}

fn is_sold(rds: &Query, form: Form) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "OrderableDBInstanceOptions", default)]
        options: List<serde::de::IgnoredAny>,
    }
    let form = form.set("Vpc", true).set("MaxRecords", 20);
    let answer: Answer = rds.call("DescribeOrderableDBInstanceOptions", form)?;
    Ok(!answer.options.items.is_empty())
}
