//! What RegisterTaskDefinition refuses.

use serde_json::Value;

use super::client;
use crate::aws::{error::AwsError, params::Params};

/// Refuses a definition that could not run.
pub fn definition(p: &Params, containers: &[Value]) -> Result<(), AwsError> {
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let fargate = p.list("requiresCompatibilities").iter().any(|kind| kind == "FARGATE");
    let role = p.text("executionRoleArn");
    let awsvpc = p.text("networkMode").as_deref() == Some("awsvpc");
    if fargate {
        if !awsvpc {
            return Err(client("Fargate only supports network mode ‘awsvpc’."));
        }
        fargate_size(p)?;
    }
    let mut names = Vec::new();
    for container in containers {
        let text = |name: &str| container.get(name).and_then(Value::as_str);
        let name = text("name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| client("Container.name should not be null or empty."))?;
        if names.contains(&name) {
            return Err(client(format!("Container.name must be unique: '{name}' is given twice.")));
        }
        names.push(name);
        let image = text("image").filter(|image| !image.is_empty());
        let image = image.ok_or_else(|| client("Container.image should not be null or empty."))?;
        let role = role.as_deref();
        logging(container, fargate, role)?;
        if fargate && role.is_none() && image.contains(".dkr.ecr.") {
            return Err(client("Fargate requires task definition to have execution role ARN to support ECR images."));
        }
        let secrets = container.get("secrets").and_then(Value::as_array).is_some_and(|secrets| !secrets.is_empty());
        if secrets && role.is_none() {
            return Err(client(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ));
        }
        ports(container, awsvpc)?;
        memory(p, container, fargate)?;
    }
    let essential = |container: &Value| container.get("essential").and_then(Value::as_bool).unwrap_or(true);
    if !containers.iter().any(essential) {
        return Err(client("Task definition must have at least one essential container."));
    }
    Ok(())
}

fn logging(container: &Value, fargate: bool, role: Option<&str>) -> Result<(), AwsError> {
    let Some(log) = container.get("logConfiguration").filter(|log| !log.is_null()) else {
        return Ok(());
    };
    let driver = log.get("logDriver").and_then(Value::as_str).unwrap_or_default();
    if driver != "awslogs" {
        return if fargate && !["splunk", "awsfirelens"].contains(&driver) {
            Err(client(format!(
                "Fargate only supports the log drivers awslogs, splunk and awsfirelens, not '{driver}'."
            )))
        } else {
            Ok(())
        };
    }
    if fargate && role.is_none() {
        return Err(client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    let option = |name: &str| log.pointer("/options").and_then(|options| options.get(name)).is_some();
    if !option("awslogs-group") || !option("awslogs-region") {
        return Err(client("Log driver awslogs requires options: awslogs-group, awslogs-region."));
    }
    if fargate && !option("awslogs-stream-prefix") {
        return Err(client("Log driver awslogs requires option awslogs-stream-prefix for Fargate."));
    }
    Ok(())
}

fn ports(container: &Value, awsvpc: bool) -> Result<(), AwsError> {
    for mapping in container.get("portMappings").and_then(Value::as_array).into_iter().flatten() {
        let port = |name: &str| mapping.get(name).and_then(Value::as_i64);
        let inside = port("containerPort").ok_or_else(|| client("Container port must be specified."))?;
        if !(1..=65535).contains(&inside) {
            return Err(client(format!("Invalid container port: {inside}.")));
        }
        if awsvpc && port("hostPort").is_some_and(|outside| outside != inside) {
            return Err(client(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ));
        }
    }
    Ok(())
}

fn memory(p: &Params, container: &Value, fargate: bool) -> Result<(), AwsError> {
    let number = |name: &str| container.get(name).and_then(Value::as_i64);
    let (hard, soft) = (number("memory"), number("memoryReservation"));
    if !fargate && hard.is_none() && soft.is_none() && p.text("memory").is_none() {
        return Err(client(
            "Invalid setting for container. At least one of 'memory' or 'memoryReservation' must be specified.",
        ));
    }
    let whole = p.text("memory").and_then(|text| mebibytes(&text));
    if let (Some(whole), Some(part)) = (whole, hard.or(soft))
        && part > whole
    {
        return Err(client(
            "Invalid setting for container. The 'memory' of a container is greater than that of the task.",
        ));
    }
    Ok(())
}

/// The pairs of CPU units and memory that Fargate offers. Source: "Task CPU and memory", ECS developer guide.
fn fargate_size(p: &Params) -> Result<(), AwsError> {
    let (Some(cpu), Some(memory)) = (p.text("cpu"), p.text("memory")) else {
        return Err(client("Fargate requires that 'cpu' and 'memory' be defined at the task level."));
    };
    let offered = match (units(&cpu), mebibytes(&memory)) {
        (Some(256), Some(mib)) => [512, 1024, 2048].contains(&mib),
        (Some(512), Some(mib)) => within(mib, 1024, 4096, 1024),
        (Some(1024), Some(mib)) => within(mib, 2048, 8192, 1024),
        (Some(2048), Some(mib)) => within(mib, 4096, 16384, 1024),
        (Some(4096), Some(mib)) => within(mib, 8192, 30720, 1024),
        (Some(8192), Some(mib)) => within(mib, 16384, 61440, 4096),
        (Some(16384), Some(mib)) => within(mib, 32768, 122_880, 8192),
        _ => false,
    };
    if offered {
        return Ok(());
    }
    Err(client(format!(
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values."
    )))
}

fn within(value: i64, low: i64, high: i64, step: i64) -> bool {
    (low..=high).contains(&value) && value % step == 0
}

/// `256`, or `.25 vCPU`.
fn units(text: &str) -> Option<i64> {
    scaled(text, "vcpu")
}

/// `512`, or `0.5 GB`.
fn mebibytes(text: &str) -> Option<i64> {
    scaled(text, "gb")
}

/// A whole number, or a decimal of a unit of 1024.
fn scaled(text: &str, unit: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    match text.strip_suffix(unit) {
        None => text.parse().ok(),
        Some(number) => {
            let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
            let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let scale = 10_i64.checked_pow(u32::try_from(part.len()).ok()?)?;
            let part: i64 = if part.is_empty() { 0 } else { part.parse().ok()? };
            Some(whole * 1024 + part * 1024 / scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_forms() {
        assert_eq!(units("256"), Some(256));
        assert_eq!(units(".25 vCPU"), Some(256));
        assert_eq!(mebibytes("0.5GB"), Some(512));
        assert_eq!(mebibytes("2 gb"), Some(2048));
        assert_eq!(units("many"), None);
    }
}
