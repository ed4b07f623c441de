//! How the load balancer finds out whether an application answers.

use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// `health_check:` of an application's file. The defaults take nearly every answer as a sign of life: a fresh
/// WordPress answers 302, an API without a root page 404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// The path that is asked.
    pub path: String,
    /// The HTTP codes that count as healthy: `200`, `200,302`, `200-499`.
    pub codes: String,
    /// Seconds after a task's start in which failing checks do not count.
    pub grace: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { path: "/".to_owned(), codes: "200-499".to_owned(), grace: 120 }
    }
}

impl HealthCheck {
    /// What is wrong with it.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.path.starts_with('/') || self.path.len() > 1024 {
            problems
                .push(Problem::error("/health_check/path", "the path begins with `/` and has at most 1024 characters"));
        }
        if !self.codes.split(',').all(is_range) {
            problems.push(Problem::error(
                "/health_check/codes",
                format!("{:?} are no HTTP codes: write `200`, `200,302` or `200-499`, between 200 and 499", self.codes),
            ));
        }
        problems
    }
}

/// An ALB takes codes between 200 and 499.
fn is_range(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| (200..=499).contains(code));
    match text.split_once('-') {
        Some((from, to)) => matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to),
        None => code(text).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_a_load_balancer_would_refuse_are_found_before() {
        let codes = |codes: &str| HealthCheck { codes: codes.into(), ..HealthCheck::default() }.problems().len();
        for good in ["200", "200-499", "200,302", "200-204,404"] {
            assert_eq!(codes(good), 0, "{good}");
        }
        for bad in ["", "ok", "100-200", "499-200", "200-599", "200, 302"] {
            assert_eq!(codes(bad), 1, "{bad}");
        }
    }
}
