//! The capability `docker`. This server has no host side for it yet, and says so: every call is denied.

use crate::sandbox::RunState;
use crate::sandbox::bindings::docker::{BuildRequest, Container, Host, RunRequest, RunResult, Workload};
use crate::sandbox::bindings::types::{Failure, FailureKind};

type Answer<T> = wasmtime::Result<Result<T, Failure>>;

fn denied<T>(function: &str) -> Answer<T> {
    Ok(Err(Failure {
        kind: FailureKind::Denied,
        message: format!("docker.{function}: this server does not offer Docker to extensions"),
        pointer: None,
        retry_after_s: None,
    }))
}

impl Host for RunState {
    async fn run(&mut self, _: RunRequest) -> Answer<RunResult> {
        denied("run")
    }
    async fn build(&mut self, _: BuildRequest) -> Answer<String> {
        denied("build")
    }
    async fn push(&mut self, _: String, _: Option<(String, String)>) -> Answer<String> {
        denied("push")
    }
    async fn start(&mut self, _: Workload) -> Answer<Container> {
        denied("start")
    }
    async fn inspect(&mut self, _: String) -> Answer<Option<Container>> {
        denied("inspect")
    }
    async fn stop(&mut self, _: String, _: u32) -> Answer<()> {
        denied("stop")
    }
    async fn remove(&mut self, _: String) -> Answer<()> {
        denied("remove")
    }
    async fn logs(&mut self, _: String, _: Option<u64>, _: Option<u32>) -> Answer<Vec<String>> {
        denied("logs")
    }
    async fn ensure_network(&mut self, _: String) -> Answer<String> {
        denied("ensure-network")
    }
    async fn remove_network(&mut self, _: String) -> Answer<()> {
        denied("remove-network")
    }
    async fn ensure_volume(&mut self, _: String) -> Answer<String> {
        denied("ensure-volume")
    }
    async fn remove_volume(&mut self, _: String) -> Answer<()> {
        denied("remove-volume")
    }
}
