//! Whether a deployment of a service has come up: the decision, without the calls.
//!
//! "One deployment, running = desired" is no proof: after the circuit breaker has rolled back it is true with the
//! old version. Done means that the *primary* deployment has the task definition that we asked for, and that ECS
//! calls its rollout complete.

use super::service::{Deployment, Service};

/// Failed tasks after which a deployment that nothing else will end is given up: as many as the circuit breaker
/// wants at least.
const GIVE_UP_AFTER: u32 = 3;

/// What a look at a service says about the deployment that we asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// The service does not show our deployment yet.
    Unseen,
    /// It is coming up.
    Going(String),
    /// It serves.
    Complete,
    /// It will not come up.
    Failed {
        /// In ECS's words where it has any.
        reason: String,
        /// The task definition of an older deployment that still has running tasks.
        serving: Option<String>,
    },
}

/// Judge the deployment of the task definition `wanted`. `stopped` is how many of its tasks have stopped by
/// themselves.
pub fn judge(service: &Service, wanted: &str, stopped: u32) -> Rollout {
    let ours = service.deployments.iter().find(|deployment| deployment.task_definition == wanted);
    let primary = service.deployments.iter().find(|deployment| deployment.is_primary());
    match (primary, ours) {
        (Some(primary), _) if primary.task_definition == wanted => of_primary(service, primary, stopped),
        (_, Some(ours)) => failed(service, ours),
        (Some(primary), None) if primary.is_rollback() => failed(service, primary),
        _ => Rollout::Unseen,
    }
}

fn of_primary(service: &Service, primary: &Deployment, stopped: u32) -> Rollout {
    let up = primary.running >= primary.desired;
    match primary.rollout_state.as_deref() {
        Some("FAILED") => return failed(service, primary),
        Some("COMPLETED") if up => return Rollout::Complete,
        // Where a service has no rollout state (a deployment controller without one), the counts are all there is.
        None if up && service.deployments.len() == 1 => return Rollout::Complete,
        _ => {}
    }
    let lost = primary.failed_tasks.max(stopped);
    if lost >= GIVE_UP_AFTER {
        return Rollout::Failed { reason: format!("{lost} tasks have failed"), serving: serving(service, primary) };
    }
    let mut note = format!("{} of {} tasks run", primary.running, primary.desired);
    if lost > 0 {
        note.push_str(&format!(", {lost} failed"));
    }
    Rollout::Going(note)
}

fn failed(service: &Service, deployment: &Deployment) -> Rollout {
    let reason = match &deployment.rollout_reason {
        Some(reason) if !reason.is_empty() => reason.trim_end_matches('.').to_owned(),
        _ => format!("{} tasks have failed", deployment.failed_tasks),
    };
    Rollout::Failed { reason, serving: serving(service, deployment) }
}

/// What serves instead of a failed deployment: the rollback itself, or an older deployment that still runs.
fn serving(service: &Service, failed: &Deployment) -> Option<String> {
    if failed.is_rollback() {
        return Some(failed.task_definition.clone());
    }
    service
        .deployments
        .iter()
        .find(|other| other.task_definition != failed.task_definition && other.running > 0)
        .map(|other| other.task_definition.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(status: &str, definition: &str, running: u32, state: Option<&str>, failed_tasks: u32) -> Deployment {
        Deployment {
            status: status.into(),
            task_definition: definition.into(),
            desired: 1,
            running,
            failed_tasks,
            rollout_state: state.map(str::to_owned),
            rollout_reason: None,
        }
    }

    fn service(deployments: Vec<Deployment>) -> Service {
        Service { deployments, ..Service::default() }
    }

    #[test]
    fn a_deployment_is_done_only_when_ecs_calls_ours_complete() {
        let going = service(vec![deployment("PRIMARY", "web:2", 1, Some("IN_PROGRESS"), 0)]);
        assert_eq!(judge(&going, "web:2", 0), Rollout::Going("1 of 1 tasks run".into()));
        let done = service(vec![deployment("PRIMARY", "web:2", 1, Some("COMPLETED"), 0)]);
        assert_eq!(judge(&done, "web:2", 0), Rollout::Complete);
        let stateless = service(vec![deployment("PRIMARY", "web:2", 1, None, 0)]);
        assert_eq!(judge(&stateless, "web:2", 0), Rollout::Complete);
    }

    #[test]
    fn the_old_version_running_as_desired_is_not_ours_being_done() {
        let before = service(vec![deployment("PRIMARY", "web:1", 1, Some("COMPLETED"), 0)]);
        assert_eq!(judge(&before, "web:2", 0), Rollout::Unseen);

        let mut back = deployment("PRIMARY", "web:1", 1, Some("COMPLETED"), 0);
        back.rollout_reason = Some("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".into());
        let Rollout::Failed { reason, serving } = judge(&service(vec![back]), "web:2", 0) else {
            unreachable!("a rollback is a failure")
        };
        assert!(reason.contains("rolling back"));
        assert_eq!(serving.as_deref(), Some("web:1"));
    }

    #[test]
    fn a_failed_deployment_names_what_still_serves() {
        let both = service(vec![
            deployment("PRIMARY", "web:2", 0, Some("FAILED"), 3),
            deployment("ACTIVE", "web:1", 1, Some("COMPLETED"), 0),
        ]);
        assert_eq!(
            judge(&both, "web:2", 0),
            Rollout::Failed { reason: "3 tasks have failed".into(), serving: Some("web:1".into()) }
        );
    }

    #[test]
    fn a_first_deployment_that_keeps_failing_is_given_up() {
        let loops = service(vec![deployment("PRIMARY", "web:1", 0, Some("IN_PROGRESS"), 1)]);
        assert_eq!(judge(&loops, "web:1", 1), Rollout::Going("0 of 1 tasks run, 1 failed".into()));
        assert_eq!(judge(&loops, "web:1", 3), Rollout::Failed { reason: "3 tasks have failed".into(), serving: None });
    }
}
