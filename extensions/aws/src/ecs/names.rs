//! The names of an application's things: minted once, the same in every later task.

use cloudark_sdk::prelude::*;

use super::rules;

/// All of them but the parameters', which each revision has its own of.
#[derive(Debug, Clone)]
pub struct Names {
    /// The execution role.
    pub role: String,
    /// The log group.
    pub log_group: String,
    /// The family of task definitions.
    pub family: String,
    /// The load balancer.
    pub balancer: String,
    /// The target group.
    pub targets: String,
    /// The service.
    pub service: String,
}

impl Names {
    /// The names of the application that the context is about.
    pub fn of(ctx: &Context) -> Result<Self> {
        Ok(Self {
            role: ctx.name("role", rules::role())?,
            log_group: ctx.name("logs", rules::log_group())?,
            family: ctx.name("task", rules::ecs())?,
            balancer: ctx.name("balancer", rules::balancer())?,
            targets: ctx.name("targets", rules::targets())?,
            service: ctx.name("service", rules::ecs())?,
        })
    }
}
