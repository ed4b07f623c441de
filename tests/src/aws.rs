//! A server with the extension `aws`, set up on a simulated AWS of its own.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use cloudark_api::operation::{Operation, OperationStatus};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::client::Client;
use crate::clouds::{CloudUnderTest, SimulatedAws};
use crate::crash;
use crate::server::Server;

/// A database and a cluster.
pub const RDS_AND_ECS: &str = "environment:
  resources:
    aws:
      - resource:
          type: rds
          name: db
          configuration:
            engine: mysql
            flavor: db.t3.micro
  app_deployment:
    target: aws
    type: ecs
";

/// A cluster alone.
pub const ECS: &str = "environment:\n  app_deployment:\n    target: aws\n    type: ecs\n";

/// An environment of one database with this configuration, a line each.
pub fn database(configuration: &[&str]) -> String {
    let lines: String = configuration.iter().map(|line| format!("            {line}\n")).collect();
    let configuration = if lines.is_empty() { String::new() } else { format!("          configuration:\n{lines}") };
    format!(
        "environment:\n  resources:\n    aws:\n      - resource:\n          type: rds\n          name: db\n{configuration}"
    )
}

/// An application that names no `host_port`, with these lines of `env`.
pub fn app(image: &str, env: &[&str]) -> String {
    let lines: String = env.iter().map(|line| format!("    {line}\n")).collect();
    let env = if lines.is_empty() { String::new() } else { format!("  env:\n{lines}") };
    format!("app:\n  image: {image}\n  container_port: 8080\n{env}")
}

/// A data folder with the extension installed and compiled, to be copied: made once for each build of the server and
/// the extension, and shared by all test programs.
pub async fn template() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one_at_a_time = MAKING.lock().await;
    if let Some(folder) = MADE.get() {
        return folder.clone();
    }
    let extension = crate::extension("aws");
    let server = crate::binary("cloudarkd");
    let mut hasher = Sha256::new();
    hasher.update(std::fs::read(&extension).expect("the extension is there"));
    hasher.update(std::fs::read(&server).expect("the server is there"));
    let digest = hex::encode(hasher.finalize());
    let folder = server.with_file_name(format!("template-aws-{}", &digest[..16]));
    if !folder.exists() {
        let beside = server.parent().expect("it lies in a folder");
        // Of earlier builds; one that is still in use is young.
        for old in std::fs::read_dir(beside).expect("the folder of programs").flatten() {
            let age = old.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
            let is_old = age.is_some_and(|age| age > Duration::from_secs(3600));
            if is_old && old.file_name().to_string_lossy().starts_with("template-aws-") {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let made = tempfile::Builder::new().prefix(".template-").tempdir_in(beside).expect("a folder");
        crash::template(&crash::aws_workflow(), made.path()).await;
        // Another test program may have been quicker: its folder is as good.
        let _ = std::fs::rename(made.path(), &folder);
    }
    MADE.get_or_init(|| folder).clone()
}

/// A simulated AWS, and a server that is set up for it.
pub struct World {
    pub cloud: SimulatedAws,
    pub server: Server,
    pub client: Client,
    _folder: TempDir,
}

impl World {
    pub async fn start() -> Self {
        let world = Self::bare(&[]).await;
        world.client.set_up("aws", &world.cloud.url(), SimulatedAws::key()).await;
        world
    }

    /// The extension is installed, and nobody has run `cld setup aws`. Its time is real: a server whose waits are
    /// shortened takes no cloud that is not a simulator.
    pub async fn without_credentials() -> Self {
        Self::bare(&["--timing-scale", "1"]).await
    }

    /// Before `cld setup aws`, with these arguments for the server in place of the usual ones, if there are any.
    pub async fn bare(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        crash::copy(&template().await, folder.path());
        let mut server = Server::new(folder.path());
        if !arguments.is_empty() {
            server.arguments = arguments.iter().map(ToString::to_string).collect();
        }
        let client = server.start().await;
        Self { cloud: SimulatedAws::start(), server, client, _folder: folder }
    }

    pub async fn inventory(&self) -> Vec<String> {
        self.cloud.inventory().await
    }

    /// Those of a type: `db-instance`.
    pub async fn of_type(&self, kind: &str) -> Vec<Value> {
        let all = self.cloud.control("GET", "inventory", None).await;
        let all = all["resources"].as_array().expect("a list").clone();
        all.into_iter().filter(|one| one["type"] == kind).collect()
    }

    /// What is gone, and can still be seen: snapshots too.
    pub async fn lingering(&self, kind: &str) -> Vec<Value> {
        let all = self.cloud.control("GET", "inventory", None).await;
        let all = all["lingering"].as_array().expect("a list").clone();
        all.into_iter().filter(|one| one["type"] == kind).collect()
    }

    /// Parameters that cloudsim was sent and did not look at, each with its call.
    pub async fn ignored(&self) -> Vec<String> {
        let calls = self.calls().await;
        let ignored = |call: &&Value| call["ignored"].as_array().is_some_and(|ignored| !ignored.is_empty());
        calls.iter().filter(ignored).map(|call| format!("{}: {}", call["action"], call["ignored"])).collect()
    }

    pub async fn calls(&self) -> Vec<Value> {
        self.cloud.control("GET", "calls", None).await["calls"].as_array().expect("a list").clone()
    }

    /// How many calls could have changed something, processed or refused.
    pub async fn mutations(&self) -> usize {
        self.calls().await.iter().filter(|call| call["effect"] == "mutation").count()
    }

    pub async fn act(&self, act: Value) -> Value {
        self.cloud.control("POST", "act", Some(act)).await
    }

    pub async fn fault(&self, rule: Value) {
        self.cloud.control("POST", "faults", Some(json!([rule]))).await;
    }

    /// Creates an environment, which must succeed.
    pub async fn create(&self, name: &str, file: &str) -> Operation {
        let id = self.client.create(name, file).await;
        self.client.succeeded(&id).await
    }

    /// Deploys an application, and answers how that ended.
    pub async fn try_deploy(&self, name: &str, environment: &str, file: &str) -> Operation {
        let body = json!({ "name": name, "environment": environment, "file": file });
        let id = self.client.post("/v1/applications", body).await.operation();
        self.client.ended(&id).await
    }

    /// Deploys an application, which must succeed.
    pub async fn deploy(&self, name: &str, environment: &str, file: &str) -> Operation {
        let body = json!({ "name": name, "environment": environment, "file": file });
        let id = self.client.post("/v1/applications", body).await.operation();
        self.client.succeeded(&id).await
    }

    /// Redeploys an application, and answers how that ended.
    pub async fn redeploy(&self, name: &str, file: &str) -> Operation {
        let body = json!({ "name": name, "file": file });
        let id = self.client.put(&format!("/v1/applications/{name}"), body).await.operation();
        self.client.ended(&id).await
    }

    /// Updates an environment, and answers how that ended.
    pub async fn update(&self, name: &str, file: &str) -> Operation {
        let id = self
            .client
            .put(&format!("/v1/environments/{name}"), json!({ "name": name, "file": file }))
            .await
            .operation();
        self.client.ended(&id).await
    }

    /// Deletes an environment with all that runs on it, which must succeed.
    pub async fn delete(&self, name: &str) -> Operation {
        let id = self.client.delete(&format!("/v1/environments/{name}?force=true")).await.operation();
        self.client.succeeded(&id).await
    }

    /// An output of a piece; with secrets shown if `reveal`.
    pub async fn output(&self, environment: &str, piece: &str, output: &str, reveal: bool) -> Value {
        let shown = self.client.get(&format!("/v1/environments/{environment}?reveal={reveal}")).await.ok();
        let pieces = shown["pieces"].as_array().expect("pieces");
        let piece =
            pieces.iter().find(|one| one["piece"] == piece).unwrap_or_else(|| panic!("no {piece} in {shown:#}"));
        let outputs = piece["outputs"].as_array().expect("outputs");
        outputs.iter().find(|one| one["name"] == output).unwrap_or_else(|| panic!("no {output} in {piece:#}")).clone()
    }

    /// Lines of an application's logs: `runtime` or `deployment`.
    pub async fn logs(&self, application: &str, stream: &str) -> Vec<String> {
        let answer = self.client.get(&format!("/v1/applications/{application}/logs?stream={stream}")).await;
        let text = match answer.ok() {
            Value::String(text) => text,
            // One line is one document.
            one => one.to_string(),
        };
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|line| line["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Waits until this holds, for at most a minute.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..6_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to this: {what}");
}

/// Why an operation failed; it must have.
pub fn reason(operation: &Operation) -> String {
    assert_eq!(operation.status, OperationStatus::Failed, "{operation:#?}");
    assert!(!operation.errors.is_empty(), "it failed without a reason: {operation:#?}");
    operation.errors.iter().map(|error| format!("{}: {}\n", error.task, error.message)).collect()
}
