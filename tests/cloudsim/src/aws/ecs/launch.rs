//! How a task starts, and everything that keeps it from starting.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{
    Stage, Task,
    services::{Deployment, Service},
    tail,
    tasks::Container,
};
use crate::{
    aws::{Ctx, ec2, elb, iam, logs},
    life::Ripening,
};

const EXECUTION: &str = "ecs-tasks.amazonaws.com";

/// Makes a task: it gets an interface and waits to start. An error is a sentence for the service's events.
pub fn launch(ctx: &mut Ctx<'_>, service: &Service, deployment: &Deployment, nth: usize) -> Result<(), String> {
    let definition = ctx.r.ecs.definitions.get(&deployment.definition).cloned().ok_or("TaskDefinition not found.")?;
    for role in ["executionRoleArn", "taskRoleArn"].iter().filter_map(|name| definition.text(name)) {
        if !iam::assume(ctx, role, EXECUTION) {
            return Err(format!(
                "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being passed has \
                 the proper trust relationship and permissions and that your IAM user has permissions to pass this role"
            ));
        }
    }
    let id = ctx.ids.hex32();
    let arn = ctx.arn("ecs", &format!("task/{}/{id}", service.cluster));
    let network = &deployment.network;
    let subnet = network.subnets.get(nth % network.subnets.len().max(1)).ok_or("No subnet.")?;
    let attachment = ctx.ids.uuid();
    let description = ctx.arn("ecs", &format!("attachment/{attachment}"));
    let owner = ec2::Owner::Task(arn.clone());
    let interface = ec2::interfaces::attach(ctx, subnet, network.groups.clone(), description, owner, network.public);
    let interface = interface.ok_or_else(|| format!("The subnet ID '{subnet}' does not exist"))?;
    let text =
        |container: &Value, name: &str| container.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let containers: Vec<Container> = definition
        .containers()
        .iter()
        .map(|c| Container { name: text(c, "name"), image: text(c, "image"), exit: None, reason: None })
        .collect();
    let app = containers.first().map(|container| ctx.aws().app(&container.image)).unwrap_or_default();
    let tags = match service.propagate.as_deref() {
        Some("SERVICE") => service.tags.clone(),
        Some("TASK_DEFINITION") => definition.tags.clone(),
        _ => Default::default(),
    };
    let task = Task {
        arn: arn.clone(),
        id,
        cluster: service.cluster.clone(),
        service: service.name.clone(),
        deployment: deployment.id.clone(),
        definition: definition.arn.clone(),
        stage: Stage::Provisioning(Ripening::from(ctx.now)),
        stop: None,
        containers,
        interface: Some(interface),
        size: (definition.text("cpu").map(str::to_owned), definition.text("memory").map(str::to_owned)),
        app,
        unhealthy: 0,
        started_ms: None,
        stopped_ms: None,
        tags,
        birth: ctx.birth(),
    };
    ctx.r.ecs.tasks.insert(arn, task);
    Ok(())
}

/// Starts a task: secrets, image, log stream, application, targets. An error is its `stoppedReason`.
pub fn start(ctx: &mut Ctx<'_>, service: &Service, arn: &str) -> Result<(), String> {
    let task = ctx.r.ecs.tasks.get(arn).cloned().ok_or("The task is gone.")?;
    let definition = ctx.r.ecs.definitions.get(&task.definition).cloned().ok_or("TaskDefinition not found.")?;
    let eni = task.interface.as_ref().and_then(|id| ctx.r.ec2.interfaces.get(id)).cloned();
    let eni = eni.ok_or("ResourceInitializationError: the network interface is gone")?;
    let role = definition.text("executionRoleArn").unwrap_or_default().to_owned();
    let reaches = reaches_the_internet(ctx, &eni);
    for container in definition.containers() {
        secrets(ctx, container, &role, &task.id, reaches)?;
    }
    for container in &task.containers {
        pull(ctx, &container.image, &role, reaches)?;
    }
    if ctx.aws().tasks_fail {
        return Err("CannotStartContainerError: Error response from daemon: simulated failure".into());
    }
    for container in definition.containers() {
        log(ctx, container, &role, &task)?;
    }
    let now = ctx.now;
    if let Some(task) = ctx.r.ecs.tasks.get_mut(arn) {
        task.stage = Stage::Running(Ripening::from(now));
        task.started_ms = Some(now);
    }
    for balancer in &service.balancers {
        let mut target = elb::Target::new(&eni.ip.to_string(), balancer.port, now);
        target.groups.clone_from(&eni.groups);
        target.zone.clone_from(&eni.zone);
        target.answers = Some(task.app.answers);
        elb::register(ctx, &balancer.group, target);
    }
    Ok(())
}

/// A public address in a subnet that is routed to a gateway, and a group that lets HTTPS out. There are no NAT gateways here.
fn reaches_the_internet(ctx: &Ctx<'_>, eni: &ec2::Eni) -> bool {
    let out = |id: &String| {
        let somewhere = Ipv4Addr::new(198, 51, 100, 1);
        ctx.r.ec2.groups.get(id).is_some_and(|group| group.admits(true, 443, somewhere, &[]))
    };
    eni.public_ip.is_some() && ctx.r.ec2.is_public(&eni.subnet) && eni.groups.iter().any(out)
}

fn secrets(ctx: &Ctx<'_>, container: &Value, role: &str, task: &str, reaches: bool) -> Result<(), String> {
    const START: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
                         unable to retrieve secrets from ssm:";
    for secret in container.get("secrets").and_then(Value::as_array).into_iter().flatten() {
        let from = secret.get("valueFrom").and_then(Value::as_str).unwrap_or_default();
        if !reaches {
            return Err(format!(
                "{START} service call has been retried 5 time(s): RequestCanceled: request context canceled caused by: context deadline \
                 exceeded. Please check your task network configuration."
            ));
        }
        let name = from.split_once(":parameter/").map_or_else(|| from.to_owned(), |(_, name)| format!("/{name}"));
        let parameter = ctx.r.ssm.parameters.values().find(|p| p.arn == from || p.name == name || p.name == from);
        let arn = parameter.map_or_else(
            || ctx.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
            |parameter| parameter.arn.clone(),
        );
        let allowed =
            ctx.iam.roles.values().find(|r| r.arn == role).is_some_and(|role| role.allows("ssm:GetParameters", &arn));
        if !allowed {
            return Err(format!(
                "{START} service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::{}:assumed-role/{}/{task} is not \
                 authorized to perform: ssm:GetParameters on resource: {arn} because no identity-based policy allows the \
                 ssm:GetParameters action status code: 400",
                ctx.account,
                tail(role)
            ));
        }
        if parameter.is_none() {
            return Err(format!("{START} service call has been retried 1 time(s): invalid ssm parameters: {name}"));
        }
    }
    Ok(())
}

fn pull(ctx: &Ctx<'_>, image: &str, role: &str, reaches: bool) -> Result<(), String> {
    if !reaches {
        return Err(format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: failed to do request: \
             dial tcp: i/o timeout"
        ));
    }
    if let Some(repository) = ecr_repository(image) {
        let role = ctx.iam.roles.values().find(|r| r.arn == role);
        if !role.is_some_and(|role| {
            role.allows("ecr:GetAuthorizationToken", "*") && role.allows("ecr:BatchGetImage", &repository)
        }) {
            return Err(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to \
                 retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: not authorized to perform: \
                 ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action"
                    .into(),
            );
        }
    }
    if !ctx.aws().app(image).pulls {
        return Err(format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"
        ));
    }
    Ok(())
}

/// The ARN of the repository that an image of ECR is in.
fn ecr_repository(image: &str) -> Option<String> {
    let (host, rest) = image.split_once('/')?;
    let (account, host) = host.split_once(".dkr.ecr.")?;
    let region = host.strip_suffix(".amazonaws.com")?;
    let name = rest.split([':', '@']).next()?;
    Some(format!("arn:aws:ecr:{region}:{account}:repository/{name}"))
}

/// Opens a container's log stream, and lets its application write its first lines.
fn log(ctx: &mut Ctx<'_>, container: &Value, role: &str, task: &Task) -> Result<(), String> {
    const START: &str = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to \
                         create Cloudwatch log stream:";
    let Some(log) = container.get("logConfiguration") else {
        return Ok(());
    };
    let option = |name: &str| log.get("options").and_then(|o| o.get(name)).and_then(Value::as_str).map(str::to_owned);
    let Some(group) = option("awslogs-group") else {
        return Ok(());
    };
    let arn = ctx.arn("logs", &format!("log-group:{group}:log-stream:x"));
    let role = ctx.iam.roles.values().find(|r| r.arn == role);
    if !role.is_some_and(|role| role.allows("logs:CreateLogStream", &arn)) {
        return Err(format!(
            "{START} AccessDeniedException: not authorized to perform: logs:CreateLogStream on resource: {arn}"
        ));
    }
    let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
    let stream = format!("{}/{name}/{}", option("awslogs-stream-prefix").unwrap_or_default(), task.id);
    let lines: Vec<String> = task.app.logs.iter().map(|line| format!("{name}: {line}")).collect();
    if logs::write(ctx, &group, &stream, &lines) {
        Ok(())
    } else {
        Err(format!("{START} ResourceNotFoundException: The specified log group does not exist. : exit status 1"))
    }
}
