//! The guest SDK for CloudARK extensions written in Rust.
//!
//! An extension is a WebAssembly component that implements one cloud, or a part of one. It reads like the runbook that
//! it replaces: make this, make that, wait, return. No state machine, no callbacks, no credentials: the host makes
//! every call durable, signs it, and runs the code again from its first line after a wait or a crash.
//!
//! # A complete extension
//!
//! ```
//! use cloudark_sdk::prelude::*;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! /// What the user writes. Its JSON Schema comes from the type; doc comments become descriptions.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     /// GiB.
//!     #[schemars(range(min = 1, max = 1000))]
//!     size: u32,
//! }
//!
//! /// What we need to find it again.
//! #[derive(Clone, Serialize, Deserialize)]
//! struct State {
//!     name: String,
//!     size: u32,
//! }
//!
//! /// What the cloud answers.
//! #[derive(Deserialize)]
//! struct Found {
//!     state: String,
//!     address: Option<String>,
//!     labels: std::collections::BTreeMap<String, String>,
//! }
//!
//! struct Database;
//!
//! fn call(method: &str, path: &str) -> Request {
//!     Request::new(method, format!("https://api.acme.example{path}"))
//!         .sign(Signer::Header { name: "x-acme-key".into(), prefix: String::new() })
//! }
//!
//! fn find(ctx: &Context, name: &str) -> Result<Option<Found>> {
//!     let answer = call("GET", &format!("/databases/{name}")).send()?;
//!     let Some(answer) = answer.found("reading the database")? else { return Ok(None) };
//!     let found: Found = answer.json()?;
//!     if !ctx.owns(&found.labels) {
//!         fail!(conflict, "there is a database {name} that is not ours: rename or remove it");
//!     }
//!     Ok(Some(found))
//! }
//!
//! impl Resource for Database {
//!     const KIND: &'static str = "acme-db";
//!     const SUMMARY: &'static str = "A database";
//!     const HOLDS_DATA: bool = true;
//!     const OUTPUTS: &'static [Output] =
//!         &[Output::plain("Address", "host and port"), Output::secret("Password", "of the user `master`")];
//!     type Config = Config;
//!     type State = State;
//!
//!     fn plan(_: &Context, intent: &Intent<Config>, current: Option<&Instance<State>>) -> Result<Plan> {
//!         let Some(current) = current else { return Ok(Plan::Nothing) };
//!         Ok(Plan::compare().in_place("/size", &current.state.size, &intent.config.size).plan())
//!     }
//!
//!     fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
//!         let name = ctx.name("db", Rules::DNS_LABEL.max(40))?;
//!         let size = intent.config.size;
//!         let password = secrets::generate("master", Password::alphanumeric(32))?;
//!         let labels: std::collections::BTreeMap<_, _> = ctx.tags().into_iter().collect();
//!
//!         create_or_adopt(
//!             || find(ctx, &name).map(|found| found.map(|_| ())),
//!             || {
//!                 call("POST", "/databases")
//!                     .json(&json!({
//!                         "name": name, "size": size, "labels": labels, "password": password.placeholder(),
//!                     }))
//!                     .substitute(&password, Encoding::Json, "/password")
//!                     .send()?
//!                     .success("creating the database")?;
//!                 Ok(())
//!             },
//!         )?;
//!
//!         let address = wait::until(every(15.seconds()), at_most(1.hours()), || match find(ctx, &name)? {
//!             Some(Found { address: Some(address), .. }) => ready(address),
//!             Some(found) if found.state == "failed" => fail!(permanent, "Acme reports that {name} failed"),
//!             Some(found) => pending(format!("database is {}", found.state)),
//!             None => pending("database is not visible yet"),
//!         })?;
//!
//!         Ok(Instance::new(name.clone())
//!             .output("Address", address)
//!             .secret("Password", &password)
//!             .summary(format!("{name}, {size} GiB"))
//!             .state(State { name, size }))
//!     }
//!
//!     fn read(ctx: &Context, _: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
//!         Ok(find(ctx, &current.state.name)?.map(|_| current.clone()))
//!     }
//!
//!     fn update(ctx: &Context, intent: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
//!         let State { name, .. } = &current.state;
//!         let size = intent.config.size;
//!         call("PATCH", &format!("/databases/{name}"))
//!             .json(&json!({ "size": size }))
//!             .send()?
//!             .success("resizing the database")?;
//!         Ok(current.clone().state(State { name: name.clone(), size }))
//!     }
//!
//!     fn delete(ctx: &Context, _: &Intent<Config>, _: Option<&Instance<State>>) -> Result<()> {
//!         let name = ctx.name("db", Rules::DNS_LABEL.max(40))?;
//!         if find_settled(|| find(ctx, &name))?.is_some() {
//!             call("DELETE", &format!("/databases/{name}")).send()?.found("deleting the database")?;
//!             wait::until(every(15.seconds()), at_most(1.hours()), || match find(ctx, &name)? {
//!                 None => ready(()),
//!                 Some(found) => pending(format!("database is {}", found.state)),
//!             })?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! cloudark_sdk::export! {
//!     name: "acme",
//!     cloud: "acme",
//!     summary: "Databases of the Acme cloud",
//!     resources: [Database],
//!     credentials: [Credential::new("header", "Acme API key")],
//! }
//!
//! // It is tested natively, against a double of the host.
//! # fn main() {
//! use cloudark_sdk::testing::{Answer, Host};
//!
//! let host = Host::new();
//! let labels: std::collections::BTreeMap<_, _> = host.context("db", &[]).tags().into_iter().collect();
//! host.script("GET", "/databases/*", [
//!     Answer::new(404, ""),
//!     Answer::json(200, &json!({ "state": "creating", "labels": labels })),
//!     Answer::json(200, &json!({ "state": "available", "labels": labels, "address": "db:5432" })),
//! ]);
//! host.script("POST", "/databases", [Answer::new(201, "")]);
//!
//! let made = Database::create(&host.context("db", &[]), &Intent::new("acme-db", Config { size: 20 }));
//! assert!(made.is_ok());
//! assert_eq!(host.notes(), ["database is creating"]);
//! # }
//! ```
//!
//! # The rules
//!
//! - **Create by [`create_or_adopt`], delete after [`find_settled`].** A call whose answer was lost may still take
//!   effect; these wait until it is known.
//! - **Set the mark *in* the call that creates** ([`Context::tags`]), and touch nothing that does not bear it
//!   ([`Context::owns`]).
//! - **Names come from [`Context::name`]**: the same label gives the same name in the create, the rollback and the
//!   delete. So a delete works without a record.
//! - **Wait by [`wait::until`]**; sleeping on the clock traps.
//! - **Return failures; do not retry.** `transient` and `rate-limited` failures are retried by the engine, with a
//!   backoff.
//! - **Reads only in `plan`, `read` and `logs`**: the host refuses anything else there.
//! - Clock and randomness are there and deterministic: the same on each run of a task.
//!
//! `docs/extension-authors.md` is the guide; `docs/grants.md` says how an extension asks for what it may reach.

pub mod application;
pub mod aws;
#[doc(hidden)]
pub mod bindings;
pub mod context;
pub mod describe;
#[doc(hidden)]
pub mod dispatch;
pub mod duration;
pub mod http;
pub mod instance;
pub mod kinds;
pub mod log;
pub mod names;
pub mod plan;
pub mod secrets;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod wait;

mod adopt;
mod export;
mod failure;
mod host;
mod json;

pub use adopt::{create_or_adopt, find_settled};
pub use application::Application;
pub use context::{Context, Intent, Piece};
pub use describe::{Credential, Output, Setting};
pub use failure::{Doing, Failure, FailureKind, Result};
pub use instance::{Deployment, Instance};
pub use kinds::{Coe, Foundation, Resource};
pub use names::Rules;
pub use plan::{Plan, Problem};
pub use secrets::Secret;

/// For extensions' `Config` types: derive with `#[schemars(crate = "cloudark_sdk::schemars")]`, or depend on it.
pub use schemars;

/// Everything that an extension usually needs: `use cloudark_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::application::{Application, LogLine, LogPage, LogQuery, LogStream};
    pub use crate::duration::Lengths;
    pub use crate::http::{self, Encoding, Request, Response, Signer};
    pub use crate::secrets::{self, Password};
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::testing;
    pub use crate::wait::{self, at_most, every, pending, ready};
    pub use crate::{
        Coe, Context, Credential, Deployment, Doing, Failure, FailureKind, Foundation, Instance, Intent, Output, Piece,
        Plan, Problem, Resource, Result, Rules, Secret, Setting, create_or_adopt, fail, failure, find_settled, log,
        progress,
    };
}
