//! A method for each route of the API.

use std::fmt::Display;

use cloudark_api::application::{Application, ApplicationRequest, LogLine, LogQuery, LogStream};
use cloudark_api::credential::{Cloud, CloudSetup};
use cloudark_api::environment::{Environment, EnvironmentPlan, EnvironmentRequest, EnvironmentSummary, Protection};
use cloudark_api::extension::{Extension, FirstGrants, GrantsDocument, Inspection, Kind, PolicyDocument, Rehearsal};
use cloudark_api::ids::{Name, OperationId};
use cloudark_api::journal::JournalEntry;
use cloudark_api::operation::{Accepted, Operation};
use cloudark_api::page::Page;
use cloudark_api::resource::PieceView;
use cloudark_api::secret::{SecretInput, SecretView};
use cloudark_api::server::{Backup, ServerStatus};
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::lines::Lines;
use super::{Call, Client};
use crate::exit::Failure;

fn doing(what: &str, name: impl Display) -> String {
    format!("{what} \"{name}\"")
}

fn get(doing: impl Into<String>, path: &[&str]) -> Call {
    Call::new(doing, Method::GET, path)
}

fn revealing(call: Call, reveal: bool) -> Call {
    if reveal { call.query("reveal", "true") } else { call }
}

impl Client {
    /// All items of a list, page after page.
    async fn all<T: DeserializeOwned>(&self, page: impl Fn() -> Call) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut call = page().query("limit", "1000");
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page: Page<T> = self.fetch(call).await?;
            items.extend(page.items);
            match page.next {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(items),
            }
        }
    }

    /// How the server is.
    pub async fn server(&self) -> Result<ServerStatus, Failure> {
        self.fetch(get("asking how the server is", &["server"])).await
    }

    /// Makes the server write a backup of its store.
    pub async fn backup(&self, to: String) -> Result<(), Failure> {
        let call = Call::new(doing("backing up to", &to), Method::POST, &["server", "backup"]);
        self.tell(call.json(&Backup { to })?.patient()).await
    }

    /// The kinds that the installed extensions offer.
    pub async fn kinds(&self) -> Result<Vec<Kind>, Failure> {
        self.all(|| get("listing the kinds", &["kinds"])).await
    }

    /// The clouds that are set up.
    pub async fn clouds(&self) -> Result<Vec<Cloud>, Failure> {
        self.all(|| get("listing the clouds", &["clouds"])).await
    }

    /// Sets a cloud up.
    pub async fn set_up(&self, cloud: &str, setup: &CloudSetup) -> Result<Cloud, Failure> {
        let call = Call::new(doing("setting up", cloud), Method::PUT, &["clouds", cloud]);
        self.fetch(call.json(setup)?.patient()).await
    }

    /// The installed extensions.
    pub async fn extensions(&self) -> Result<Vec<Extension>, Failure> {
        self.all(|| get("listing the extensions", &["extensions"])).await
    }

    /// An installed extension.
    pub async fn extension(&self, name: &str) -> Result<Extension, Failure> {
        self.fetch(get(doing("showing extension", name), &["extensions", name])).await
    }

    /// What a component is and asks for.
    pub async fn inspect(&self, file: &str, wasm: Vec<u8>) -> Result<Inspection, Failure> {
        let call = Call::new(doing("inspecting", file), Method::POST, &["extensions:inspect"]);
        self.fetch(call.component(wasm)).await
    }

    /// Installs a component whose digest the operator has agreed to.
    pub async fn install(
        &self,
        file: &str,
        wasm: Vec<u8>,
        agree: &str,
        grants: FirstGrants,
    ) -> Result<Extension, Failure> {
        let call = Call::new(doing("installing", file), Method::POST, &["extensions"]).query("agree", agree);
        let call = match grants {
            FirstGrants::Asked => call,
            FirstGrants::Nothing => call.query("grants", "nothing"),
        };
        self.fetch(call.component(wasm)).await
    }

    /// What a version of an extension would have asked otherwise.
    pub async fn rehearse(&self, file: &str, wasm: Vec<u8>) -> Result<Rehearsal, Failure> {
        let call = Call::new(doing("rehearsing", file), Method::POST, &["extensions:rehearse"]);
        self.fetch(call.component(wasm).patient()).await
    }

    /// Removes an extension.
    pub async fn remove_extension(&self, name: &str) -> Result<(), Failure> {
        self.tell(Call::new(doing("removing extension", name), Method::DELETE, &["extensions", name])).await
    }

    /// What an extension may do.
    pub async fn grants(&self, name: &str) -> Result<GrantsDocument, Failure> {
        self.fetch(get(doing("showing the grants of", name), &["extensions", name, "grants"])).await
    }

    /// Replaces what an extension may do.
    pub async fn set_grants(&self, name: &str, yaml: String) -> Result<(), Failure> {
        let call = Call::new(doing("setting the grants of", name), Method::PUT, &["extensions", name, "grants"]);
        self.tell(call.json(&GrantsDocument { yaml, explained: Vec::new() })?).await
    }

    /// The least cloud privilege that an extension needs.
    pub async fn policy(&self, name: &str) -> Result<PolicyDocument, Failure> {
        self.fetch(get(doing("showing the policy for", name), &["extensions", name, "policy"])).await
    }

    /// Begins to make an environment.
    pub async fn create_environment(&self, request: &EnvironmentRequest) -> Result<Accepted, Failure> {
        let call = Call::new(doing("creating environment", &request.name), Method::POST, &["environments"]);
        self.fetch(call.json(request)?.patient()).await
    }

    /// The environments.
    pub async fn environments(&self) -> Result<Vec<EnvironmentSummary>, Failure> {
        self.all(|| get("listing the environments", &["environments"])).await
    }

    /// An environment, and its ETag.
    pub async fn environment(&self, name: &Name, reveal: bool) -> Result<(Environment, Option<String>), Failure> {
        let call = get(doing("showing environment", name), &["environments", name.as_str()]);
        self.fetch_tagged(revealing(call, reveal)).await
    }

    /// Begins to change an environment that is still as this ETag says.
    pub async fn update_environment(
        &self,
        request: &EnvironmentRequest,
        etag: Option<String>,
    ) -> Result<Accepted, Failure> {
        let name = request.name.as_str();
        let call = Call::new(doing("updating environment", name), Method::PUT, &["environments", name]);
        self.fetch(call.json(request)?.if_match(etag).patient()).await
    }

    /// What an update would do.
    pub async fn plan_environment(&self, request: &EnvironmentRequest) -> Result<EnvironmentPlan, Failure> {
        let name = request.name.as_str();
        let call = Call::new(doing("planning environment", name), Method::POST, &["environments", name, "plan"]);
        self.fetch(call.json(request)?.patient()).await
    }

    /// Begins to compare an environment with its clouds.
    pub async fn refresh_environment(&self, name: &Name) -> Result<Accepted, Failure> {
        let path = ["environments", name.as_str(), "refresh"];
        self.fetch(Call::new(doing("refreshing environment", name), Method::POST, &path).patient()).await
    }

    /// Begins to delete an environment.
    pub async fn delete_environment(&self, name: &Name, force: bool) -> Result<Accepted, Failure> {
        let path = ["environments", name.as_str()];
        let call = Call::new(doing("deleting environment", name), Method::DELETE, &path);
        self.fetch(if force { call.query("force", "true") } else { call }.patient()).await
    }

    /// Protects an environment from being deleted, or no longer.
    pub async fn protect_environment(&self, name: &Name, protected: bool) -> Result<(), Failure> {
        let path = ["environments", name.as_str(), "protection"];
        let call = Call::new(doing("protecting environment", name), Method::PUT, &path);
        self.tell(call.json(&Protection { protected })?).await
    }

    /// The operations of an environment, those of its past too.
    pub async fn history(&self, name: &Name) -> Result<Vec<Operation>, Failure> {
        let path = ["environments", name.as_str(), "operations"];
        self.all(|| get(doing("showing the history of", name), &path)).await
    }

    /// The pieces of an environment.
    pub async fn resources(&self, environment: &Name, reveal: bool) -> Result<Vec<PieceView>, Failure> {
        let about = || doing("listing the resources of", environment);
        self.all(|| revealing(get(about(), &["resources"]).query("environment", environment.as_str()), reveal)).await
    }

    /// Stores a secret of the user.
    pub async fn set_secret(&self, environment: &Name, secret: &Name, value: String) -> Result<(), Failure> {
        let path = ["environments", environment.as_str(), "secrets", secret.as_str()];
        let call = Call::new(doing("storing secret", secret), Method::PUT, &path);
        self.tell(call.json(&SecretInput { value })?).await
    }

    /// The names of an environment's secrets.
    pub async fn secrets(&self, environment: &Name) -> Result<Vec<SecretView>, Failure> {
        let path = ["environments", environment.as_str(), "secrets"];
        self.all(|| get(doing("listing the secrets of", environment), &path)).await
    }

    /// Forgets a secret of the user.
    pub async fn remove_secret(&self, environment: &Name, secret: &Name) -> Result<(), Failure> {
        let path = ["environments", environment.as_str(), "secrets", secret.as_str()];
        self.tell(Call::new(doing("removing secret", secret), Method::DELETE, &path)).await
    }

    /// Begins to deploy an application.
    pub async fn deploy(&self, request: &ApplicationRequest) -> Result<Accepted, Failure> {
        let call = Call::new(doing("deploying application", &request.name), Method::POST, &["applications"]);
        self.fetch(call.json(request)?.patient()).await
    }

    /// Begins to replace an application.
    pub async fn redeploy(&self, request: &ApplicationRequest) -> Result<Accepted, Failure> {
        let name = request.name.as_str();
        let call = Call::new(doing("redeploying application", name), Method::PUT, &["applications", name]);
        self.fetch(call.json(request)?.patient()).await
    }

    /// The applications.
    pub async fn applications(&self) -> Result<Vec<Application>, Failure> {
        self.all(|| get("listing the applications", &["applications"])).await
    }

    /// An application.
    pub async fn application(&self, name: &Name, reveal: bool) -> Result<Application, Failure> {
        let call = get(doing("showing application", name), &["applications", name.as_str()]);
        self.fetch(revealing(call, reveal)).await
    }

    /// Begins to delete an application.
    pub async fn delete_application(&self, name: &Name) -> Result<Accepted, Failure> {
        let path = ["applications", name.as_str()];
        self.fetch(Call::new(doing("deleting application", name), Method::DELETE, &path).patient()).await
    }

    /// The logs of an application.
    pub async fn logs(&self, name: &Name, query: &LogQuery) -> Result<Lines<LogLine>, Failure> {
        let about = doing("reading the logs of", name);
        let stream = match query.stream {
            LogStream::Deployment => "deployment",
            LogStream::Runtime => "runtime",
        };
        let mut call = get(&about, &["applications", name.as_str(), "logs"]).query("stream", stream).patient();
        if query.follow {
            call = call.query("follow", "true");
        }
        if let Some(since) = query.since_ms {
            call = call.query("since_ms", since.to_string());
        }
        if let Some(tail) = query.tail {
            call = call.query("tail", tail.to_string());
        }
        Ok(Lines::new(about, self.open(call, "application/x-ndjson", None).await?))
    }

    /// The operations, of one environment or of all.
    pub async fn operations(&self, environment: Option<&Name>) -> Result<Vec<Operation>, Failure> {
        self.all(|| {
            let call = get("listing the operations", &["operations"]);
            match environment {
                Some(name) => call.query("environment", name.as_str()),
                None => call,
            }
        })
        .await
    }

    /// An operation.
    pub async fn operation(&self, id: &OperationId) -> Result<Operation, Failure> {
        self.fetch(get(doing("showing operation", id), &["operations", &id.0])).await
    }

    /// The journal of a task.
    pub async fn journal(&self, id: &OperationId, task: u32) -> Result<Vec<JournalEntry>, Failure> {
        let number = task.to_string();
        let path = ["operations", &id.0, "tasks", &number, "journal"];
        self.all(|| get(doing(&format!("showing the journal of task {task} of"), id), &path)).await
    }

    /// Asks an operation to end and take back what it made.
    pub async fn cancel(&self, id: &OperationId) -> Result<Accepted, Failure> {
        let path = ["operations", &id.0, "cancel"];
        self.fetch(Call::new(doing("cancelling operation", id), Method::POST, &path)).await
    }

    /// Goes on with an operation that failed.
    pub async fn retry(&self, id: &OperationId) -> Result<Accepted, Failure> {
        let path = ["operations", &id.0, "retry"];
        self.fetch(Call::new(doing("retrying operation", id), Method::POST, &path)).await
    }
}
