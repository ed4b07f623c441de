//! Health checks: their settings, and which answers they take.

use serde::Serialize;

use crate::aws::{error::AwsError, params::Params};

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub path: String,
    pub protocol: String,
    pub port: String,
    pub interval: i64,
    pub timeout: i64,
    pub healthy: i64,
    pub unhealthy: i64,
    pub matcher: String,
}

impl Check {
    /// The checks that this call asks for, on top of these.
    pub fn changed(mut self, p: &Params) -> Result<Self, AwsError> {
        let range = |name: &str, value: i64, low: i64, high: i64| {
            if (low..=high).contains(&value) {
                Ok(value)
            } else {
                Err(AwsError::invalid(format!("Health check {name} must be between {low} and {high}")))
            }
        };
        if let Some(path) = p.text("HealthCheckPath") {
            if !path.starts_with('/') || path.len() > 1024 {
                return Err(AwsError::invalid(format!("Health check path '{path}' must begin with a '/'")));
            }
            self.path = path;
        }
        if let Some(port) = p.text("HealthCheckPort") {
            self.port = port;
        }
        if let Some(protocol) = p.text("HealthCheckProtocol") {
            self.protocol = protocol;
        }
        if let Some(value) = p.number("HealthCheckIntervalSeconds")? {
            self.interval = range("interval", value, 5, 300)?;
        }
        if let Some(value) = p.number("HealthCheckTimeoutSeconds")? {
            self.timeout = range("timeout", value, 2, 120)?;
        }
        if let Some(value) = p.number("HealthyThresholdCount")? {
            self.healthy = range("healthy threshold", value, 2, 10)?;
        }
        if let Some(value) = p.number("UnhealthyThresholdCount")? {
            self.unhealthy = range("unhealthy threshold", value, 2, 10)?;
        }
        if let Some(matcher) = p.object("Matcher") {
            let codes = matcher.need("HttpCode")?;
            if !well_formed(&codes) {
                return Err(AwsError::invalid(format!(
                    "Health check matcher HTTP code '{codes}' must be within '200-499' inclusive"
                )));
            }
            self.matcher = codes;
        }
        if self.timeout >= self.interval {
            return Err(AwsError::invalid(format!(
                "Health check timeout '{}' must be smaller than the interval '{}'",
                self.timeout, self.interval
            )));
        }
        Ok(self)
    }

    /// Whether this status counts as healthy.
    pub fn accepts(&self, status: u16) -> bool {
        self.matcher.split(',').any(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (from.trim().parse::<u16>(), to.trim().parse::<u16>());
            matches!((from, to), (Ok(from), Ok(to)) if (from..=to).contains(&status))
        })
    }
}

/// `200`, `200,302`, `200-499`: an ALB takes 200 to 499.
fn well_formed(codes: &str) -> bool {
    codes.split(',').all(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let code = |text: &str| text.trim().parse::<u16>().ok().filter(|code| (200..=499).contains(code));
        matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to)
    })
}
