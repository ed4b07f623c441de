//! The imports themselves.

use crate::bindings::{http, log, operation, secrets, types};

pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Error> {
    http::send(request)
}

pub(crate) fn send_all(requests: &[http::Request]) -> Vec<Result<http::Response, http::Error>> {
    http::send_all(requests)
}

pub(crate) fn trust(call: u64) -> Result<http::Origin, types::Failure> {
    http::trust(call)
}

pub(crate) fn generate(label: &str, recipe: secrets::Recipe) -> Result<String, types::Failure> {
    secrets::generate(label, recipe)
}

pub(crate) fn name(label: &str, rules: &operation::NameRules) -> Result<String, types::Failure> {
    operation::name(label, rules)
}

pub(crate) fn token(label: &str, max: u32) -> String {
    operation::token(label, max)
}

pub(crate) fn tags() -> Vec<(String, String)> {
    operation::tags()
}

pub(crate) fn attempt(give_up_after_ms: u64) -> Result<operation::AttemptInfo, types::Failure> {
    operation::attempt(give_up_after_ms)
}

pub(crate) fn suspend(attempt: u32, after_ms: u64, note: &str) {
    operation::suspend(attempt, after_ms, note);
}

pub(crate) fn progress(note: &str) {
    operation::progress(note);
}

pub(crate) fn log(level: log::Level, message: &str) {
    log::write(level, message);
}
