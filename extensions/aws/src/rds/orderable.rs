//! Whether RDS sells what is wanted, asked before anything is made.

use cloudark_sdk::aws::{Form, List, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::config::Config;

/// Ask it.
///
/// # Errors
/// `invalid`, at the field to change.
pub fn check(rds: &Query, config: &Config) -> Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "OrderableDBInstanceOptions", default)]
        options: List<serde::de::IgnoredAny>,
    }
    let (engine, class) = (config.engine, config.class());
    let form = Form::new()
        .set("Engine", engine)
        .set_some("EngineVersion", config.engine_version.as_ref())
        .set("DBInstanceClass", &class)
        .set("Vpc", true)
        .set("MaxRecords", 20);
    let answer: Answer = rds.call("DescribeOrderableDBInstanceOptions", form)?;
    if answer.options.items.is_empty() {
        let what = match &config.engine_version {
            Some(version) => format!("{engine} {version}"),
            None => engine.to_string(),
        };
        let failure = format!(
            "RDS does not sell {what} on {class} in this region: choose another `flavor`, such as `db.t3.micro`{}",
            if config.engine_version.is_some() { ", or another `engine_version`" } else { "" }
        );
        return Err(Failure::invalid(failure).at("/flavor"));
    }
    Ok(())
}
