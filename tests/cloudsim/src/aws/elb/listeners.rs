//! Listeners.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::{no_balancer, no_group, no_listener};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// A listener.
#[derive(Clone, Debug, Serialize)]
pub struct Listener {
    pub arn: String,
    pub balancer: String,
    pub port: i64,
    pub protocol: String,
    pub certificates: Vec<String>,
    pub actions: Vec<Action>,
    pub tags: Tags,
    pub birth: Birth,
}

/// What a listener does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    pub kind: String,
    /// The groups that it forwards to.
    pub groups: Vec<String>,
    /// The configuration of a redirect or a fixed response, as it came.
    pub rest: Option<Value>,
}

impl Listener {
    /// Whether requests go to this target group.
    pub fn forwards_to(&self, group: &str) -> bool {
        self.actions.iter().any(|action| action.groups.iter().any(|g| g == group))
    }
}

/// CreateListener
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let balancer = p.need("LoadBalancerArn")?;
    let path = ctx.r.elb.balancers.get(&balancer).ok_or_else(|| no_balancer(&balancer))?.path().to_owned();
    let protocol = p.text("Protocol").ok_or_else(|| AwsError::invalid("A protocol must be specified"))?;
    let port = p.number("Port")?.ok_or_else(|| AwsError::invalid("A port must be specified"))?;
    if !(1..=65535).contains(&port) {
        return Err(AwsError::invalid(format!("The port '{port}' is not between 1 and 65535")));
    }
    let certificates: Vec<String> =
        p.objects("Certificates").iter().filter_map(|certificate| certificate.text("CertificateArn")).collect();
    match protocol.as_str() {
        "HTTP" => {}
        "HTTPS" if certificates.is_empty() => {
            return Err(AwsError::invalid("A certificate must be specified for HTTPS listeners"));
        }
        "HTTPS" => {}
        other => {
            return Err(AwsError::invalid(format!("Listener protocol '{other}' must be one of 'HTTPS, HTTP'")));
        }
    }
    let id = ctx.ids.hex16();
    let listener = Listener {
        arn: ctx.arn("elasticloadbalancing", &format!("listener/{path}/{id}")),
        actions: actions(ctx, p, &balancer)?,
        balancer,
        port,
        protocol,
        certificates,
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    let twin = ctx.r.elb.listeners.values().find(|l| l.balancer == listener.balancer && l.port == port);
    if let Some(twin) = twin {
        if twin.protocol == listener.protocol && twin.actions == listener.actions && twin.tags == listener.tags {
            return Ok(json!({ "Listeners": [view(twin)] }));
        }
        return Err(AwsError::new(
            "DuplicateListener",
            format!("A listener already exists on this port for this load balancer '{}'", listener.balancer),
        ));
    }
    let answer = json!({ "Listeners": [view(&listener)] });
    ctx.r.elb.listeners.insert(listener.arn.clone(), listener);
    Ok(answer)
}

fn actions(ctx: &Ctx<'_>, p: &Params, balancer: &str) -> Result<Vec<Action>, AwsError> {
    let mut actions = Vec::new();
    for action in p.objects("DefaultActions") {
        let kind = action.need("Type")?;
        let mut groups: Vec<String> = action.text("TargetGroupArn").into_iter().collect();
        if let Some(forward) = action.object("ForwardConfig") {
            groups.extend(forward.objects("TargetGroups").iter().filter_map(|group| group.text("TargetGroupArn")));
        }
        let groups: Vec<String> = groups.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        if kind == "forward" && groups.is_empty() {
            return Err(AwsError::invalid("A target group ARN must be specified"));
        }
        let network = ctx.r.elb.balancers.get(balancer).map(|lb| lb.vpc.as_str()).unwrap_or_default();
        for arn in &groups {
            let group = ctx.r.elb.groups.get(arn).ok_or_else(|| no_group(arn))?;
            if group.vpc != network {
                return Err(AwsError::new(
                    "InvalidConfigurationRequest",
                    format!("The target group '{arn}' is not in the load balancer's VPC"),
                ));
            }
            if ctx.r.elb.users_of(arn).iter().any(|lb| lb.arn != balancer) {
                return Err(AwsError::new(
                    "TargetGroupAssociationLimit",
                    format!("The following target groups cannot be associated with more than one load balancer: {arn}"),
                ));
            }
        }
        let rest = action.value("RedirectConfig").or_else(|| action.value("FixedResponseConfig")).cloned();
        actions.push(Action { kind, groups, rest });
    }
    if actions.is_empty() {
        return Err(AwsError::invalid("At least one action must be specified"));
    }
    Ok(actions)
}

fn view(listener: &Listener) -> Value {
    let certificates: Vec<Value> = listener.certificates.iter().map(|arn| json!({ "CertificateArn": arn })).collect();
    let actions: Vec<Value> = listener
        .actions
        .iter()
        .map(|action| {
            let weighed: Vec<Value> =
                action.groups.iter().map(|arn| json!({ "TargetGroupArn": arn, "Weight": 1 })).collect();
            let single = if action.groups.len() == 1 { action.groups.first() } else { None };
            let forward = (!weighed.is_empty())
                .then(|| json!({ "TargetGroups": weighed, "TargetGroupStickinessConfig": { "Enabled": false } }));
            let mut view = json!({ "Type": action.kind, "TargetGroupArn": single, "ForwardConfig": forward });
            let rest = match action.kind.as_str() {
                "redirect" => Some("RedirectConfig"),
                "fixed-response" => Some("FixedResponseConfig"),
                _ => None,
            };
            if let (Some(name), Some(fields)) = (rest, view.as_object_mut()) {
                fields.insert(name.into(), json!(action.rest));
            }
            view
        })
        .collect();
    json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.balancer,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "Certificates": certificates,
        "DefaultActions": actions,
    })
}

/// DescribeListeners
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (balancer, arns) = (p.text("LoadBalancerArn"), p.list("ListenerArns"));
    if balancer.is_none() && arns.is_empty() {
        return Err(AwsError::invalid("You must specify either listener ARNs or a load balancer ARN"));
    }
    if let Some(arn) = &balancer
        && !ctx.r.elb.balancers.contains_key(arn)
    {
        return Err(no_balancer(arn));
    }
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for listener in ctx.r.elb.listeners.values_mut() {
        let wanted = balancer.as_ref() == Some(&listener.balancer) || arns.contains(&listener.arn);
        if wanted && listener.birth.look(config, now) {
            seen.insert(listener.arn.clone());
            found.push(view(listener));
        }
    }
    if let Some(missing) = arns.iter().find(|arn| !seen.contains(*arn)) {
        return Err(no_listener(missing));
    }
    let (found, next) = page(ctx, p, found, ("PageSize", "Marker"), 400)?;
    Ok(json!({ "Listeners": found, "NextMarker": next }))
}

/// ModifyListener
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("ListenerArn")?;
    let balancer = ctx.r.elb.listeners.get(&arn).ok_or_else(|| no_listener(&arn))?.balancer.clone();
    let changed = if p.has("DefaultActions") { Some(actions(ctx, p, &balancer)?) } else { None };
    let port = p.number("Port")?;
    if let Some(port) = port
        && ctx.r.elb.listeners.values().any(|l| l.balancer == balancer && l.port == port && l.arn != arn)
    {
        return Err(AwsError::new(
            "DuplicateListener",
            format!("A listener already exists on this port for this load balancer '{balancer}'"),
        ));
    }
    let listener = ctx.r.elb.listeners.get_mut(&arn).ok_or_else(|| no_listener(&arn))?;
    if let Some(actions) = changed {
        listener.actions = actions;
    }
    if let Some(port) = port {
        listener.port = port;
    }
    if let Some(protocol) = p.text("Protocol") {
        listener.protocol = protocol;
    }
    Ok(json!({ "Listeners": [view(listener)] }))
}

/// DeleteListener
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let arn = p.need("ListenerArn")?;
    ctx.r.elb.listeners.remove(&arn).ok_or_else(|| no_listener(&arn))?;
    Ok(json!({}))
}
