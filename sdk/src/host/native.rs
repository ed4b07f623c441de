//! The double, natively: each thread has its own.

use crate::bindings::{http, log, operation, secrets, types};
use crate::testing::with;

pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Error> {
    with(|world| world.send(request))
}

pub(crate) fn send_all(requests: &[http::Request]) -> Vec<Result<http::Response, http::Error>> {
    requests.iter().map(send).collect()
}

pub(crate) fn trust(call: u64) -> Result<http::Origin, types::Failure> {
    with(|world| world.trust(call))
}

pub(crate) fn generate(label: &str, recipe: secrets::Recipe) -> Result<String, types::Failure> {
    with(|world| world.generate(label, recipe))
}

pub(crate) fn name(label: &str, rules: &operation::NameRules) -> Result<String, types::Failure> {
    with(|world| world.name(label, rules))
}

pub(crate) fn token(label: &str, max: u32) -> String {
    with(|world| world.token(label, max))
}

pub(crate) fn tags() -> Vec<(String, String)> {
    with(|world| world.tags())
}

pub(crate) fn attempt(give_up_after_ms: u64) -> Result<operation::AttemptInfo, types::Failure> {
    with(|world| world.attempt(give_up_after_ms))
}

pub(crate) fn suspend(attempt: u32, after_ms: u64, note: &str) {
    with(|world| world.suspend(attempt, after_ms, note));
}

pub(crate) fn progress(note: &str) {
    with(|world| world.progress(note));
}

pub(crate) fn log(level: log::Level, message: &str) {
    with(|world| world.log(level, message));
}
