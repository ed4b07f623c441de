//! Tasks.

use serde::Serialize;
use serde_json::{Value, json};

use super::{clusters, missing, parameter, scheduler, tail, view};
use crate::{
    aws::{Ctx, Tags, config::App, ec2, elb, error::Answer, page, params::Params},
    life::{Birth, Ripening},
};

/// A task of a service.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    pub arn: String,
    pub id: String,
    pub cluster: String,
    pub service: String,
    pub deployment: String,
    pub definition: String,
    pub stage: Stage,
    pub stop: Option<Stop>,
    pub containers: Vec<Container>,
    pub interface: Option<String>,
    /// CPU units and memory.
    pub size: (Option<String>, Option<String>),
    /// What its application does.
    pub app: App,
    /// How many rounds its health checks have failed.
    pub unhealthy: u32,
    pub started_ms: Option<u64>,
    pub stopped_ms: Option<u64>,
    pub tags: Tags,
    pub birth: Birth,
}

/// One container of a task.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub exit: Option<i64>,
    pub reason: Option<String>,
}

/// Why a task was stopped.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    pub code: String,
    pub reason: String,
    pub at_ms: u64,
}

/// Where a task is in its life.
#[derive(Clone, Debug, Serialize)]
pub enum Stage {
    Provisioning(Ripening),
    Pending(Ripening),
    Running(Ripening),
    Stopping(Ripening),
    Stopped,
}

impl Stage {
    /// In AWS's words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Provisioning(_) => "PROVISIONING",
            Self::Pending(_) => "PENDING",
            Self::Running(_) => "RUNNING",
            Self::Stopping(_) => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl Task {
    /// It runs.
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }

    /// It will run, if all goes well.
    pub fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Provisioning(_) | Stage::Pending(_))
    }

    /// It is over.
    pub fn is_stopped(&self) -> bool {
        matches!(self.stage, Stage::Stopped)
    }

    /// Nobody has told it to stop.
    pub fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }
}

/// Tells a task to stop: it leaves its target groups at once, and is STOPPED some steps later.
pub fn stop(ctx: &mut Ctx<'_>, arn: &str, code: &str, reason: &str) {
    let now = ctx.now;
    let Some(task) = ctx.r.ecs.tasks.get_mut(arn).filter(|task| task.is_wanted()) else {
        return;
    };
    task.stop = Some(Stop { code: code.to_owned(), reason: reason.to_owned(), at_ms: now });
    task.stage = Stage::Stopping(Ripening::from(now));
    let (service, interface) = (task.service.clone(), task.interface.clone());
    let cluster = task.cluster.clone();
    for container in &mut task.containers {
        // Asked to end, the simulated application does so well-behaved.
        container.exit.get_or_insert(0);
    }
    let ip = interface.and_then(|id| ctx.r.ec2.interfaces.get(&id)).map(|eni| eni.ip.to_string());
    let groups: Vec<String> = ctx
        .r
        .ecs
        .services
        .values()
        .filter(|s| s.name == service && s.cluster == cluster)
        .flat_map(|s| s.balancers.iter().map(|balancer| balancer.group.clone()))
        .collect();
    for (group, ip) in groups.iter().filter_map(|group| Some((group, ip.as_ref()?))) {
        elb::deregister(ctx, group, ip);
    }
}

/// A task is over: its interface leaves too.
pub fn end(ctx: &mut Ctx<'_>, arn: &str) {
    let now = ctx.now;
    let Some(task) = ctx.r.ecs.tasks.get_mut(arn) else {
        return;
    };
    task.stage = Stage::Stopped;
    task.stopped_ms = Some(now);
    ec2::interfaces::release(ctx, &ec2::Owner::Task(arn.to_owned()));
}

/// ListTasks
pub fn list(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let (service, family) = (p.text("serviceName"), p.text("family"));
    let stopped = match p.text("desiredStatus").as_deref() {
        None | Some("RUNNING" | "PENDING") => false,
        Some("STOPPED") => true,
        Some(other) => {
            return Err(parameter(format!("desiredStatus must be RUNNING, PENDING or STOPPED, not {other}.")));
        }
    };
    if let Some(name) = &service {
        let arn = ctx.arn("ecs", &format!("service/{cluster}/{}", tail(name)));
        if !ctx.r.ecs.services.contains_key(&arn) {
            return Err(crate::aws::error::AwsError::new("ServiceNotFoundException", "Service not found."));
        }
    }
    let mut found: Vec<(u64, String)> = ctx
        .r
        .ecs
        .tasks
        .values()
        .filter(|task| {
            task.cluster == cluster
                && task.is_wanted() != stopped
                && service.as_ref().is_none_or(|name| task.service == tail(name))
                && family.as_ref().is_none_or(|name| tail(&task.definition).split(':').next() == Some(name))
        })
        .map(|task| (task.birth.at_ms, task.arn.clone()))
        .collect();
    found.sort();
    let arns: Vec<String> = found.into_iter().map(|(_, arn)| arn).collect();
    let (arns, next) = page(ctx, p, arns, ("maxResults", "nextToken"), 100)?;
    Ok(json!({ "taskArns": arns, "nextToken": next }))
}

/// DescribeTasks: each look lets the scheduler of their services do a step.
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let names = p.list("tasks");
    let tags = p.list("include").iter().any(|part| part == "TAGS");
    if names.is_empty() || names.len() > 100 {
        return Err(parameter("Tasks cannot be empty, and cannot be more than 100."));
    }
    let arns: Vec<String> =
        names.iter().map(|name| ctx.arn("ecs", &format!("task/{cluster}/{}", tail(name)))).collect();
    let mut services: Vec<String> = arns
        .iter()
        .filter_map(|arn| ctx.r.ecs.tasks.get(arn))
        .map(|task| ctx.arn("ecs", &format!("service/{cluster}/{}", task.service)))
        .collect();
    services.sort();
    services.dedup();
    for service in services {
        scheduler::step(ctx, &service);
    }
    let (mut found, mut failures): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for arn in arns {
        match ctx.r.ecs.tasks.get(&arn) {
            Some(task) => found.push(view::task(ctx, task, tags)),
            None => failures.push(missing(&arn)),
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

/// StopTask
pub fn stop_call(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let cluster = clusters::of(ctx, p)?;
    let arn = ctx.arn("ecs", &format!("task/{cluster}/{}", tail(&p.need("task")?)));
    if !ctx.r.ecs.tasks.contains_key(&arn) {
        return Err(parameter("The referenced task was not found."));
    }
    let reason = p.text("reason").unwrap_or_else(|| "Task stopped by user".into());
    stop(ctx, &arn, "UserInitiated", &reason);
    let task = ctx.r.ecs.tasks.get(&arn).map(|task| view::task(ctx, task, false));
    Ok(json!({ "task": task }))
}
