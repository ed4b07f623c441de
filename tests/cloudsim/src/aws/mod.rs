//! The simulated AWS: who calls, which service and operation are meant, and in whose account and region.

mod act;
pub mod config;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod elasticache;
mod elb;
mod error;
mod iam;
mod json;
mod lister;
mod lists;
mod logs;
mod params;
mod query;
mod rds;
mod service;
pub mod sigv4;
mod ssm;
mod sts;
mod when;
mod wire;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::{
    config::{AccountConfig, AwsConfig},
    error::{Answer, AwsError},
    lister::{Lister, Thing},
    lists::{page, tag_list, tag_list_lower},
    params::Params,
    service::{Protocol, Service},
    sigv4::Authorization,
    wire::{disbelief, effect, malformed, masked, outside},
};
use crate::{
    cloud::{Cloud, Env, Label, Refusal, Reply, Request},
    config::Config,
    ids::Ids,
    inventory::Item,
};

/// Tags of a thing.
pub type Tags = BTreeMap<String, String>;

/// All accounts.
pub struct Aws {
    accounts: BTreeMap<String, Account>,
}

/// One account.
#[derive(Default, Serialize)]
struct Account {
    iam: iam::Iam,
    regions: BTreeMap<String, Region>,
}

/// One region of an account.
#[derive(Default, Serialize)]
pub struct Region {
    ec2: ec2::Ec2,
    elb: elb::Elb,
    rds: rds::Rds,
    ecs: ecs::Ecs,
    ssm: ssm::Ssm,
    logs: logs::Logs,
    ecr: ecr::Ecr,
    dynamodb: dynamodb::Dynamodb,
    elasticache: elasticache::Elasticache,
}

/// What a simulated operation sees and changes.
pub struct Ctx<'a> {
    config: &'a Config,
    now: u64,
    call: u64,
    ids: &'a mut Ids,
    caller: &'a AccountConfig,
    account: &'a str,
    region: &'a str,
    iam: &'a mut iam::Iam,
    r: &'a mut Region,
}

impl Ctx<'_> {
    fn aws(&self) -> &AwsConfig {
        &self.config.aws
    }

    /// `arn:aws:ecs:us-east-1:123456789012:` and what follows.
    fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }

    fn birth(&self) -> crate::life::Birth {
        crate::life::Birth::new(self.call, self.now)
    }
}

impl Aws {
    /// An AWS in which nothing was made.
    pub fn new(_config: &Config) -> Self {
        Self { accounts: BTreeMap::new() }
    }

    /// Runs an operation in an account and a region.
    fn run(
        &mut self,
        env: &mut Env<'_>,
        caller: &AccountConfig,
        region: &str,
        service: Service,
        action: &str,
        params: &Params,
    ) -> Answer {
        let account = self.accounts.entry(caller.id.clone()).or_default();
        let fresh = !account.regions.contains_key(region);
        let state = account.regions.entry(region.to_owned()).or_default();
        let mut ctx = Ctx {
            config: env.config,
            now: env.now,
            call: env.call,
            ids: env.ids,
            caller,
            account: &caller.id,
            region,
            iam: &mut account.iam,
            r: state,
        };
        if fresh && ctx.aws().default_vpc {
            ec2::vpc::furnish(&mut ctx);
        }
        match service {
            Service::Ec2 => ec2::call(&mut ctx, action, params),
            Service::Elb => elb::call(&mut ctx, action, params),
            Service::Rds => rds::call(&mut ctx, action, params),
            Service::Iam => iam::call(&mut ctx, action, params),
            Service::Sts => sts::call(&mut ctx, action, params),
            Service::Ecs => ecs::call(&mut ctx, action, params),
            Service::Ssm => ssm::call(&mut ctx, action, params),
            Service::Logs => logs::call(&mut ctx, action, params),
            Service::Ecr => ecr::call(&mut ctx, action, params),
            Service::Dynamodb => dynamodb::call(&mut ctx, action, params),
            Service::Elasticache => elasticache::call(&mut ctx, action, params),
        }
    }
}

impl Cloud for Aws {
    fn recognises(&self, _request: &Request) -> bool {
        // The only cloud so far; the next one is asked first, by its bearer tokens.
        true
    }

    fn label(&self, request: &Request) -> Label {
        let authorization = Authorization::of(request).ok();
        let (service, action, params) = outside(request, authorization.as_ref());
        let name = match (&authorization, service) {
            (_, Some(service)) => service.signing_name().to_owned(),
            (Some(authorization), None) => authorization.service.clone(),
            (None, None) => String::new(),
        };
        Label {
            service: name,
            effect: effect(&action),
            action,
            region: authorization.as_ref().map(|a| a.region.clone()).unwrap_or_default(),
            access_key: authorization.map(|a| a.access_key),
            shown: masked(&params),
            params,
        }
    }

    fn process(&mut self, env: &mut Env<'_>, label: &Label, request: &Request) -> Reply {
        let request_id = env.ids.uuid();
        let authorization = Authorization::of(request);
        let (service, _, _) = outside(request, authorization.as_ref().ok());
        let Some(service) = service else {
            return AwsError::with_status(
                404,
                "UnknownService",
                format!("cloudsim has no service '{}'", label.service),
            )
            .render(Service::Sts, &request_id);
        };
        let skew = env.config.aws.skew_seconds;
        let config = env.config;
        let caller = authorization.and_then(|a| a.verify(request, &config.aws.accounts, env.now, skew));
        let caller = match caller {
            Ok(caller) => caller,
            Err(refused) => return disbelief(service, &refused).render(service, &request_id),
        };
        let params = Params::new(&label.params);
        let answer = match malformed(service, request, label) {
            Some(error) => Err(error),
            None => self.run(env, caller, &label.region, service, &label.action, &params),
        };
        let mut reply = match answer {
            Ok(result) if service.protocol() == Protocol::Json => json::respond(service, &result, &request_id),
            Ok(result) => query::respond(service, &label.action, &result, &request_id),
            Err(error) => error.render(service, &request_id),
        };
        reply.account = Some(caller.id.clone());
        reply.ignored = params.ignored().into_iter().filter(|name| name != "Action" && name != "Version").collect();
        reply
    }

    fn refuse(&self, label: &Label, refusal: &Refusal) -> Reply {
        let service = Service::signed_as(&label.service).unwrap_or(Service::Sts);
        error::refusal(service, refusal).render(service, "00000000-0000-4000-8000-000000000000")
    }

    fn inventory(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (id, account) in &self.accounts {
            let mut list = Lister { account: id, region: "global", items: &mut items };
            account.iam.list(&mut list);
            for (region, state) in &account.regions {
                let mut list = Lister { account: id, region, items: &mut items };
                state.ec2.list(&mut list);
                state.elb.list(&mut list);
                state.rds.list(&mut list);
                state.ecs.list(&mut list);
                state.ssm.list(&mut list);
                state.logs.list(&mut list);
                state.ecr.list(&mut list);
                state.dynamodb.list(&mut list);
                state.elasticache.list(&mut list);
            }
        }
        items
    }

    fn dump(&self) -> Value {
        json!({ "cloud": "aws", "accounts": self.accounts })
    }

    fn act(&mut self, env: &mut Env<'_>, act: &Value) -> Result<Value, String> {
        act::act(self, env, act)
    }

    fn reset(&mut self, _config: &Config) {
        self.accounts.clear();
    }
}

/// An operation that the simulator does not have.
fn unknown_action(ctx: &Ctx<'_>, service: Service, action: &str) -> AwsError {
    tracing::warn!(action, region = ctx.region, "an operation that is not simulated");
    match service.protocol() {
        Protocol::Json => AwsError::new("UnknownOperationException", format!("cloudsim does not simulate {action}")),
        _ => {
            AwsError::new("InvalidAction", format!("The action {action} is not valid for this web service (cloudsim)."))
        }
    }
}
