//! The simulated AWS: who calls, which service and operation are meant, and in whose account and region.

mod act;
pub mod config;
mod ec2;
mod ecr;
mod ecs;
mod elb;
mod error;
mod iam;
mod json;
mod logs;
mod params;
mod query;
mod rds;
mod service;
pub mod sigv4;
mod ssm;
mod sts;
mod when;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::{
    config::{AccountConfig, AwsConfig},
    error::{Answer, AwsError},
    params::Params,
    service::{Protocol, Service},
    sigv4::{Authorization, Refused},
};
use crate::{
    cloud::{Cloud, Effect, Env, Label, Refusal, Reply, Request},
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
        Self {
            accounts: BTreeMap::new(),
        }
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
            region: authorization
                .as_ref()
                .map(|a| a.region.clone())
                .unwrap_or_default(),
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
        let caller =
            authorization.and_then(|a| a.verify(request, &config.aws.accounts, env.now, skew));
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
            Ok(result) if service.protocol() == Protocol::Json => {
                json::respond(&result, &request_id)
            }
            Ok(result) => query::respond(service, &label.action, &result, &request_id),
            Err(error) => error.render(service, &request_id),
        };
        reply.account = Some(caller.id.clone());
        reply.ignored = params
            .ignored()
            .into_iter()
            .filter(|name| name != "Action" && name != "Version")
            .collect();
        reply
    }

    fn refuse(&self, label: &Label, refusal: &Refusal) -> Reply {
        let service = Service::signed_as(&label.service).unwrap_or(Service::Sts);
        error::refusal(service, refusal).render(service, "00000000-0000-4000-8000-000000000000")
    }

    fn inventory(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (id, account) in &self.accounts {
            let mut list = Lister {
                account: id,
                region: "global",
                items: &mut items,
            };
            account.iam.list(&mut list);
            for (region, state) in &account.regions {
                let mut list = Lister {
                    account: id,
                    region,
                    items: &mut items,
                };
                state.ec2.list(&mut list);
                state.elb.list(&mut list);
                state.rds.list(&mut list);
                state.ecs.list(&mut list);
                state.ssm.list(&mut list);
                state.logs.list(&mut list);
                state.ecr.list(&mut list);
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

/// Collects the things of one region for the inventory.
struct Lister<'a> {
    account: &'a str,
    region: &'a str,
    items: &'a mut Vec<Item>,
}

impl Lister<'_> {
    /// Adds a thing; `more` says more about it.
    fn add(&mut self, service: &str, kind: &str, thing: Thing<'_>, more: impl FnOnce(&mut Item)) {
        let mut item = Item {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            service: service.to_owned(),
            kind: kind.to_owned(),
            id: thing.id.to_owned(),
            name: thing.name.to_owned(),
            tags: thing.tags.clone(),
            state: String::new(),
            created_by_call: thing.birth.call,
            managed_by: None,
            lingering: false,
            sameness: String::new(),
        };
        more(&mut item);
        self.items.push(item);
    }
}

/// What every thing in the inventory has.
struct Thing<'a> {
    id: &'a str,
    name: &'a str,
    tags: &'a Tags,
    birth: &'a crate::life::Birth,
}

/// Service, operation and parameters, as far as the outside tells.
fn outside(
    request: &Request,
    authorization: Option<&Authorization>,
) -> (Option<Service>, String, Value) {
    let signed = authorization.and_then(|a| Service::signed_as(&a.service));
    if let Some(target) = request.header("x-amz-target") {
        let (prefix, action) = target.rsplit_once('.').unwrap_or(("", target));
        let params = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        return (
            signed.or_else(|| Service::speaks(prefix)),
            action.to_owned(),
            params,
        );
    }
    let params = query::parse(&String::from_utf8_lossy(&request.body));
    let text = |name: &str| {
        params
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (
        signed.or_else(|| Service::speaks(&text("Version"))),
        text("Action"),
        params,
    )
}

/// The wrong protocol for the service: the real ones then do not know the operation.
fn malformed(service: Service, request: &Request, label: &Label) -> Option<AwsError> {
    let content = request.header("content-type").unwrap_or_default();
    if service.protocol() == Protocol::Json {
        let target = request
            .header("x-amz-target")
            .and_then(|target| target.rsplit_once('.'));
        if target.is_none_or(|(prefix, _)| prefix != service.marker())
            || !content.starts_with("application/x-amz-json-1.1")
        {
            return Some(AwsError::new("UnknownOperationException", ""));
        }
        if !label.params.is_object() {
            return Some(AwsError::new(
                "SerializationException",
                "The request body is not a JSON object",
            ));
        }
    } else {
        let version = label
            .params
            .get("Version")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if request.method != "POST" || !content.starts_with("application/x-www-form-urlencoded") {
            return Some(AwsError::new(
                "MalformedInput",
                "cloudsim takes POST with a form in the body only",
            ));
        }
        if label.action.is_empty() {
            return Some(AwsError::new(
                "MissingAction",
                "The request is missing an action or a required parameter.",
            ));
        }
        if version != service.marker() {
            return Some(AwsError::new(
                "InvalidAction",
                format!(
                    "Could not find operation {} for version {version}",
                    label.action
                ),
            ));
        }
    }
    None
}

/// An operation that the simulator does not have.
fn unknown_action(ctx: &Ctx<'_>, service: Service, action: &str) -> AwsError {
    tracing::warn!(
        action,
        region = ctx.region,
        "an operation that is not simulated"
    );
    match service.protocol() {
        Protocol::Json => AwsError::new(
            "UnknownOperationException",
            format!("cloudsim does not simulate {action}"),
        ),
        _ => AwsError::new(
            "InvalidAction",
            format!("The action {action} is not valid for this web service (cloudsim)."),
        ),
    }
}

fn effect(action: &str) -> Effect {
    let reads = ["Describe", "List", "Get", "Filter"];
    if reads.iter().any(|verb| action.starts_with(verb)) {
        Effect::Read
    } else {
        Effect::Mutation
    }
}

/// Parameters for the call log.
fn masked(params: &Value) -> Value {
    let mut shown = params.clone();
    if let Value::Object(fields) = &mut shown {
        fields.remove("Action");
        fields.remove("Version");
        let parameter_value = fields.contains_key("Name") && fields.contains_key("Type");
        for (name, value) in fields {
            if name.contains("Password") || (parameter_value && name == "Value") {
                *value = Value::String("***".into());
            }
        }
    }
    shown
}

/// A refused signature in the words of the service.
fn disbelief(service: Service, refused: &Refused) -> AwsError {
    let invalid = "The security token included in the request is invalid.";
    match (service.protocol(), refused) {
        (Protocol::Ec2, Refused::UnknownKey | Refused::Mismatch(_) | Refused::Skewed(_)) => {
            AwsError::with_status(
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            )
        }
        (Protocol::Ec2 | Protocol::Query, Refused::Unsigned) => AwsError::with_status(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        (Protocol::Ec2 | Protocol::Query, Refused::Incomplete(why)) => {
            AwsError::with_status(400, "IncompleteSignature", why)
        }
        (Protocol::Query, Refused::UnknownKey) => {
            AwsError::with_status(403, "InvalidClientTokenId", invalid)
        }
        (Protocol::Query, Refused::Mismatch(why) | Refused::Skewed(why)) => {
            AwsError::with_status(403, "SignatureDoesNotMatch", why)
        }
        (Protocol::Json, Refused::Unsigned) => AwsError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (Protocol::Json, Refused::Incomplete(why)) => {
            AwsError::new("IncompleteSignatureException", why)
        }
        (Protocol::Json, Refused::UnknownKey) => {
            AwsError::new("UnrecognizedClientException", invalid)
        }
        (Protocol::Json, Refused::Mismatch(why) | Refused::Skewed(why)) => {
            AwsError::new("InvalidSignatureException", why)
        }
    }
}

/// One page of a list, and the token of the next.
fn page<T>(
    ctx: &Ctx<'_>,
    p: &Params,
    items: Vec<T>,
    (size, token): (&str, &str),
    default: usize,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let asked = p
        .number(size)?
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n > 0)
        .unwrap_or(default);
    let size = ctx
        .config
        .page_limit
        .map_or(asked, |limit| limit.clamp(1, asked.max(1)));
    let start = match p.text(token) {
        None => 0,
        Some(text) => text
            .strip_prefix("next-")
            .and_then(|rest| usize::from_str_radix(rest, 16).ok())
            .ok_or_else(|| AwsError::invalid(format!("The {token} '{text}' is not valid.")))?,
    };
    let total = items.len();
    let page: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let end = start + page.len();
    Ok((page, (end < total).then(|| format!("next-{end:08x}"))))
}

/// Tags as a list of `{Key, Value}`.
fn tag_list(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

/// Tags as a list of `{key, value}`.
fn tag_list_lower(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}
