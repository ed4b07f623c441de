//! Why an application does not come up: what ECS, the load balancer and the containers say.

use cloudark_sdk::aws::{self, Error, Expect, Json, Query};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::service::Service;
use super::{logs, target_group};

/// Lines of log that a diagnosis shows.
const LINES: u32 = 20;
/// Events of the service that it shows.
const EVENTS: usize = 5;

/// A stopped task.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// Its ARN.
    #[serde(rename = "taskArn")]
    pub arn: String,
    /// The ARN of what it ran.
    pub task_definition_arn: String,
    /// `Essential container in task exited`, `CannotPullContainerError: …`
    pub stopped_reason: Option<String>,
    /// `EssentialContainerExited`, `TaskFailedToStart`, `ServiceSchedulerInitiated`, `UserInitiated` …
    pub stop_code: Option<String>,
    /// Seconds since the epoch.
    pub stopped_at: Option<f64>,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container of a task.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// What it ended with.
    pub exit_code: Option<i32>,
    /// `OutOfMemoryError: …`
    pub reason: Option<String>,
}

impl Task {
    /// Whether it stopped by itself: not because ECS, or somebody, wanted fewer tasks.
    pub fn stopped_by_itself(&self) -> bool {
        let asked = matches!(self.stop_code.as_deref(), Some("UserInitiated" | "SpotInterruption"));
        // ECS stops tasks that fail their health checks under the same code as those it scales in.
        let unhealthy = self.stopped_reason.as_deref().is_some_and(|reason| reason.contains("health check"));
        let scheduled = matches!(self.stop_code.as_deref(), Some("ServiceSchedulerInitiated"));
        unhealthy || !(asked || scheduled)
    }

    /// What its ARN ends with.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// Why it stopped, in one sentence.
    pub fn words(&self) -> String {
        let mut words = vec![self.stopped_reason.clone().unwrap_or_else(|| "stopped without a reason".to_owned())];
        for container in &self.containers {
            words.extend(container.exit_code.map(|code| format!("exit code {code}")));
            words.extend(container.reason.clone());
        }
        words.join(", ")
    }
}

/// The tasks of a service that have stopped within the last hour: ECS forgets them then.
pub fn stopped_tasks(ecs: &Json, cluster: &str, service: &str) -> Result<Vec<Task>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Arns {
        #[serde(default)]
        task_arns: Vec<String>,
        next_token: Option<String>,
    }
    #[derive(Deserialize)]
    struct Tasks {
        #[serde(default)]
        tasks: Vec<Task>,
    }
    let body = json!({ "cluster": cluster, "serviceName": service, "desiredStatus": "STOPPED" });
    let arns =
        ecs.pages("ListTasks", &body, "nextToken", |page: Arns| (page.task_arns, page.next_token)).or_absent()?;
    let mut tasks = Vec::new();
    // DescribeTasks takes a hundred at a time.
    for arns in arns.unwrap_or_default().chunks(100) {
        let answer: Option<Tasks> =
            ecs.call("DescribeTasks", &json!({ "cluster": cluster, "tasks": arns })).or_absent()?;
        tasks.extend(answer.into_iter().flat_map(|answer| answer.tasks));
    }
    Ok(tasks)
}

/// What an application that does not come up is asked for.
#[derive(Debug)]
pub struct Patient<'a> {
    /// The cluster's ARN.
    pub cluster: &'a str,
    /// The service as it was last seen.
    pub service: &'a Service,
    /// The ARN of the task definition that does not come up.
    pub definition: &'a str,
    /// The target group's ARN.
    pub target_group: &'a str,
    /// The log group's name.
    pub log_group: &'a str,
}

/// Ask everybody. What cannot be asked is left out: the failure itself must be told in any case.
pub fn of(ctx: &Context, patient: &Patient<'_>) -> Result<String> {
    let (ecs, elb) = (Json::new(ctx, &aws::ECS)?, Query::new(ctx, &aws::ELB)?);
    let mut tasks = stopped_tasks(&ecs, patient.cluster, &patient.service.name).unwrap_or_default();
    tasks.retain(|task| task.task_definition_arn == patient.definition && task.stopped_by_itself());
    tasks.sort_by(|one, other| one.stopped_at.unwrap_or(0.0).total_cmp(&other.stopped_at.unwrap_or(0.0)));
    let health = target_group::health(&elb, patient.target_group).unwrap_or_default();
    Ok(render(&Findings {
        task: tasks.last().map(Task::words),
        health: health.iter().filter(|target| target.state == "unhealthy").find_map(target_group::Health::words),
        events: patient.service.events.iter().take(EVENTS).rev().map(|event| event.message.clone()).collect(),
        lines: tasks
            .last()
            .and_then(|task| logs::last(ctx, patient.log_group, task.id(), LINES).ok())
            .unwrap_or_default(),
    }))
}

/// What was found out.
#[derive(Debug, Default)]
struct Findings {
    task: Option<String>,
    health: Option<String>,
    events: Vec<String>,
    lines: Vec<String>,
}

/// One line: messages have no others.
fn render(findings: &Findings) -> String {
    let mut parts = Vec::new();
    parts.extend(findings.task.as_ref().map(|task| format!("Last stopped task: {task}")));
    parts.extend(findings.health.as_ref().map(|health| format!("Health check: {health}")));
    for (title, lines) in [("Events of the service", &findings.events), ("Last lines of its log", &findings.lines)] {
        if !lines.is_empty() {
            let lines: Vec<&str> = lines.iter().map(|line| line.trim_end_matches('.')).collect();
            parts.push(format!("{title}: {}", lines.join(" | ")));
        }
    }
    if parts.is_empty() {
        return "ECS gives no reason: `cld app logs --deployment` shows its events".to_owned();
    }
    parts.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_tells_reason_exit_code_events_and_the_last_lines() {
        let task = Task {
            stopped_reason: Some("Essential container in task exited".into()),
            containers: vec![Container { exit_code: Some(137), reason: Some("OutOfMemoryError".into()) }],
            ..Task::default()
        };
        let text = render(&Findings {
            task: Some(task.words()),
            health: Some("Health checks failed with these codes: [500] (Target.ResponseCodeMismatch)".into()),
            events: vec!["(service web) registered 1 targets".into()],
            lines: vec!["listening".into(), "panic: no database".into()],
        });
        assert_eq!(
            text,
            "Last stopped task: Essential container in task exited, exit code 137, OutOfMemoryError. \
             Health check: Health checks failed with these codes: [500] (Target.ResponseCodeMismatch). \
             Events of the service: (service web) registered 1 targets. \
             Last lines of its log: listening | panic: no database"
        );
    }

    #[test]
    fn a_task_that_ecs_was_told_to_stop_is_no_failure() {
        let stopped = |code: &str, reason: &str| Task {
            stop_code: Some(code.into()),
            stopped_reason: Some(reason.into()),
            ..Task::default()
        };
        assert!(stopped("EssentialContainerExited", "Essential container in task exited").stopped_by_itself());
        assert!(stopped("TaskFailedToStart", "CannotPullContainerError").stopped_by_itself());
        assert!(
            stopped("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)")
                .stopped_by_itself()
        );
        assert!(!stopped("ServiceSchedulerInitiated", "Scaling activity initiated by deployment").stopped_by_itself());
        assert!(!stopped("UserInitiated", "Task stopped by user").stopped_by_itself());
    }
}
