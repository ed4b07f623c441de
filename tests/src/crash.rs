//! The crash matrix: what must hold wherever the server is killed.
//!
//! A workflow is run once with every kill point recorded. Then, for each point, it runs in a world of its own
//! with the server killing itself (SIGKILL) there; the server is started again, and the workflow goes on. Then:
//! the kill has happened, every operation has ended as it would have, nothing exists twice, and after the last
//! step nothing exists at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloudark_api::operation::OperationStatus;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::clouds::CloudUnderTest;
use crate::server::Server;

/// A thousand times as fast as it is.
const SCALE: &str = "0.001";

/// One request of a workflow, and the operation it starts.
#[derive(Debug, Clone)]
pub struct Step {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
}

impl Step {
    pub fn new(method: &'static str, path: &str, body: Option<Value>) -> Self {
        Self { method, path: path.to_owned(), body }
    }
}

/// What is done to a cloud, and how a world for it is made.
pub struct Workflow {
    pub name: &'static str,
    /// The component that implements the cloud.
    pub extension: PathBuf,
    /// `fix`, `aws`.
    pub cloud: &'static str,
    pub credentials: Value,
    /// Steps that end with nothing left.
    pub steps: Vec<Step>,
    /// What deletes everything, from any state: used where a kill is followed by a delete.
    pub delete: Step,
    /// How fast time goes for the server.
    pub scale: &'static str,
    /// A rule that the server breaks, to see whether that is noticed.
    pub broken: Option<&'static str>,
}

impl Workflow {
    fn server(&self, folder: &Path) -> Server {
        let mut server = Server::new(folder);
        server.arguments = vec!["--timing-scale".to_owned(), self.scale.to_owned()];
        if let Some(rule) = self.broken {
            server.environment.push(("CLOUDARK_BREAK".to_owned(), rule.to_owned()));
        }
        server
    }
}

/// What happened at one point.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub point: String,
    /// Whether a delete followed the kill, instead of the rest of the workflow.
    pub then_delete: bool,
    /// What did not hold.
    pub faults: Vec<String>,
}

/// A data folder with the extension installed and compiled: copied for each world.
pub async fn template(workflow: &Workflow, folder: &Path) {
    let mut server = workflow.server(folder);
    let client = server.start().await;
    client.install(&workflow.extension).await.ok();
    server.kill();
}

/// Copies a data folder, without what a running server wrote there.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the template") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "server.log" && entry.file_name() != "server.json" {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Runs the workflow once and returns the kill points that it passes, each once, in order.
pub async fn record(workflow: &Workflow, template: &Path, cloud: &impl CloudUnderTest) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    copy(template, folder.path());
    let log = folder.path().join("points");
    let mut server = workflow.server(folder.path());
    server.environment.push(("CLOUDARK_CRASH_LOG".to_owned(), log.display().to_string()));
    let client = server.start().await;
    client.set_up(workflow.cloud, &cloud.url(), workflow.credentials.clone()).await;
    for step in &workflow.steps {
        let answer = client.send(step.method, &step.path, step.body.clone()).await.expect("the server answers");
        client.succeeded(&answer.operation()).await;
    }
    assert_eq!(cloud.inventory().await, Vec::<String>::new(), "the workflow itself leaves something");
    let mut seen = BTreeSet::new();
    let text = std::fs::read_to_string(log).expect("points were recorded");
    text.lines().filter(|line| seen.insert((*line).to_owned())).map(str::to_owned).collect()
}

/// Chooses so many points by a seed; all of them if there are no more.
pub fn choose(points: &[String], count: usize, seed: u64) -> Vec<String> {
    let mut points = points.to_vec();
    points.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
    points.truncate(count);
    points
}

/// Runs the workflow with a kill at this point.
pub async fn kill_at(
    workflow: &Workflow,
    template: &Path,
    cloud: &impl CloudUnderTest,
    point: &str,
    then_delete: bool,
) -> Verdict {
    let folder = tempfile::tempdir().expect("a folder");
    copy(template, folder.path());
    let mut faults = Vec::new();
    let mut server = workflow.server(folder.path());
    let first = server.start().await;
    first.set_up(workflow.cloud, &cloud.url(), workflow.credentials.clone()).await;
    server.kill();
    server.environment.push(("CLOUDARK_CRASH_AT".to_owned(), point.to_owned()));
    let mut client = server.start().await;
    let mut killed = false;
    for step in &workflow.steps {
        let (status, error) = run_step(&mut server, &mut client, step, &mut killed).await;
        if killed && then_delete {
            let gone = client.send(workflow.delete.method, &workflow.delete.path, None).await;
            // The step may have been the delete itself.
            if let Ok(Answer { status: 202, body }) = gone {
                let id = body["operation"].as_str().unwrap_or_default().to_owned();
                let ended = client.ended(&id).await;
                if ended.status != OperationStatus::Succeeded {
                    faults.push(format!("the delete after the kill ended {:?}: {:?}", ended.status, ended.errors));
                }
            }
            break;
        }
        if status != Some(OperationStatus::Succeeded) {
            faults.push(format!("{} {} ended {status:?}: {error}", step.method, step.path));
        }
        let twice = cloud.duplicates().await;
        if !twice.is_empty() {
            faults.push(format!("after {} {} there are twice: {twice:?}", step.method, step.path));
        }
    }
    if !killed {
        faults.push("the server was not killed".to_owned());
    }
    let left = cloud.inventory().await;
    if !left.is_empty() {
        faults.push(format!("left over: {left:?}"));
    }
    if !faults.is_empty() {
        let log = server.log();
        let tail: Vec<&str> = log.lines().rev().take(30).collect();
        faults.push(tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    Verdict { point: point.to_owned(), then_delete, faults }
}

/// One step: sent, and its operation awaited, over a kill of the server wherever it comes.
async fn run_step(
    server: &mut Server,
    client: &mut Client,
    step: &Step,
    killed: &mut bool,
) -> (Option<OperationStatus>, String) {
    let until = Instant::now() + Duration::from_secs(120);
    let key = format!("{} {}", step.method, step.path);
    let mut operation: Option<String> = None;
    while Instant::now() < until {
        if server.ended().is_some() {
            *killed = true;
            server.environment.retain(|(name, _)| name != "CLOUDARK_CRASH_AT");
            *client = server.start().await;
        }
        match &operation {
            None => match client.send_once(step.method, &step.path, step.body.clone(), &key).await {
                Ok(answer) if answer.status == 202 => operation = answer.body["operation"].as_str().map(str::to_owned),
                // The answer of a request that was accepted was lost: its operation is the environment's last.
                Ok(answer) if answer.status == 409 && answer.body["operation"].is_string() => {
                    operation = answer.body["operation"].as_str().map(str::to_owned);
                }
                Ok(answer) => return (None, format!("{} {}", answer.status, answer.body)),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            Some(id) => match client.send("GET", &format!("/v1/operations/{id}"), None).await {
                Ok(answer) => {
                    let status: Option<OperationStatus> = serde_json::from_value(answer.body["status"].clone()).ok();
                    if status.is_some_and(OperationStatus::is_final) {
                        return (status, answer.body["errors"].to_string());
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
        }
    }
    let seen = match &operation {
        Some(id) => client.get(&format!("/v1/operations/{id}")).await.body.to_string(),
        None => "it was never accepted".to_owned(),
    };
    (None, format!("it does not end: {seen}"))
}

/// The fixture cloud's workflow: create, deploy, redeploy, update, delete.
pub fn fixture_workflow() -> Workflow {
    let file = |size: u32| {
        format!(
            "environment:\n  resources:\n    fix:\n      - resource:\n          type: thing\n          name: one\n          configuration:\n            size: {size}\n      \
             - resource:\n          type: thing\n          name: two\n          configuration:\n            parallel: true\n      - resource:\n          type: ticket\n          name: three\n  app_deployment:\n    target: fix\n    type: fix-coe\n"
        )
    };
    let app = |image: &str| format!("app:\n  image: {image}\n  container_port: 80\n  env:\n    SIZE: ${{one.Size}}\n");
    Workflow {
        name: "fixture",
        extension: crate::guest("fixture"),
        cloud: "fix",
        credentials: json!({ "source": "value", "secret": crate::fixture_cloud::KEY }),
        steps: vec![
            Step::new("POST", "/v1/environments", Some(json!({ "name": "e", "file": file(1) }))),
            Step::new(
                "POST",
                "/v1/applications",
                Some(json!({ "name": "web", "environment": "e", "file": app("web:1") })),
            ),
            Step::new("PUT", "/v1/applications/web", Some(json!({ "name": "web", "file": app("web:2") }))),
            Step::new("PUT", "/v1/environments/e", Some(json!({ "name": "e", "file": file(2) }))),
            Step::new("DELETE", "/v1/environments/e?force=true", None),
        ],
        delete: Step::new("DELETE", "/v1/environments/e?force=true", None),
        scale: SCALE,
        broken: None,
    }
}

/// The workflow on simulated AWS: a database and a cluster, an application, everything gone again.
pub fn aws_workflow() -> Workflow {
    let file = |storage: u32| {
        format!(
            "environment:\n  resources:\n    aws:\n      - resource:\n          type: rds\n          configuration:\n            engine: mysql\n            \
             flavor: db.t3.micro\n            storage: {storage}\n  app_deployment:\n    target: aws\n    type: ecs\n"
        )
    };
    let app = |image: &str| {
        format!(
            "app:\n  image: {image}\n  container_port: 80\n  env:\n    HOST: $CLOUDARK_RDS_Address\n    PASSWORD: $CLOUDARK_RDS_MasterUserPassword\n"
        )
    };
    Workflow {
        name: "aws",
        extension: crate::extension("aws"),
        cloud: "aws",
        credentials: crate::clouds::SimulatedAws::key(),
        steps: vec![
            Step::new("POST", "/v1/environments", Some(json!({ "name": "wp", "file": file(20) }))),
            Step::new(
                "POST",
                "/v1/applications",
                Some(json!({ "name": "web", "environment": "wp", "file": app("web:1") })),
            ),
            Step::new("PUT", "/v1/applications/web", Some(json!({ "name": "web", "file": app("web:2") }))),
            Step::new("PUT", "/v1/environments/wp", Some(json!({ "name": "wp", "file": file(30) }))),
            Step::new("DELETE", "/v1/environments/wp?force=true", None),
        ],
        delete: Step::new("DELETE", "/v1/environments/wp?force=true", None),
        scale: SCALE,
        broken: None,
    }
}

/// A table and a cache on simulated AWS: made, changed, gone again.
pub fn stores_workflow() -> Workflow {
    let file = |billing: &str, replicas: u32| {
        format!(
            "environment:\n  resources:\n    aws:\n      - resource:\n          type: dynamodb\n          configuration:\n            billing: {billing}\n      \
             - resource:\n          type: elasticache\n          configuration:\n            replicas: {replicas}\n"
        )
    };
    Workflow {
        name: "stores",
        steps: vec![
            Step::new("POST", "/v1/environments", Some(json!({ "name": "wp", "file": file("on-demand", 0) }))),
            Step::new("PUT", "/v1/environments/wp", Some(json!({ "name": "wp", "file": file("provisioned", 1) }))),
            Step::new("DELETE", "/v1/environments/wp?force=true", None),
        ],
        ..aws_workflow()
    }
}

/// One thing that the cloud names itself and lists late, and nothing else: what the matrix is tested with.
pub fn ticket_workflow(adopts: bool, broken: Option<&'static str>) -> Workflow {
    let file = format!(
        "environment:\n  resources:\n    fix:\n      - resource:\n          type: ticket\n          configuration:\n            adopts: {adopts}\n"
    );
    Workflow {
        name: "ticket",
        steps: vec![
            Step::new("POST", "/v1/environments", Some(json!({ "name": "e", "file": file }))),
            Step::new("DELETE", "/v1/environments/e?force=true", None),
        ],
        scale: "0.01",
        broken,
        ..fixture_workflow()
    }
}
