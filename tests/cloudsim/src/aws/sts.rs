//! STS: who calls.

use serde_json::json;

use super::{Ctx, error::Answer, params::Params, service::Service, unknown_action};

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, _p: &Params) -> Answer {
    match action {
        "GetCallerIdentity" => Ok(json!({
            "UserId": format!("AIDA{}", ctx.caller.access_key),
            "Account": ctx.account,
            "Arn": ctx.caller.arn,
        })),
        _ => Err(unknown_action(ctx, Service::Sts, action)),
    }
}
