//! Kinds to test with.

use serde_json::{Value, json};

use crate::extension::{Kind, KindRole};

/// A kind whose configuration has a schema.
pub(super) fn kind(cloud: &str, name: &str, role: KindRole, config_schema: Value) -> Kind {
    Kind {
        name: name.to_owned(),
        cloud: cloud.to_owned(),
        role,
        summary: String::new(),
        config_schema,
        outputs_schema: json!({}),
        holds_data: role == KindRole::Resource,
        host_ports_collide: false,
    }
}

/// The kinds that CloudARK's own examples use.
pub(super) fn kinds() -> Vec<Kind> {
    let policy = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "access": {
                "type": "string",
                "pattern": "^(open|cluster|[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2})$",
                "description": "`open`, or addresses such as `203.0.113.0/24`",
            },
            // As schemars writes an enum with documented variants.
            "deletion": { "oneOf": [{ "const": "delete" }, { "const": "snapshot" }, { "const": "retain" }] },
        },
    });
    let rds = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "engine": { "enum": ["mysql", "postgres", "mariadb"] },
            "engine_version": { "type": "string" },
            "flavor": { "type": "string", "pattern": "^db\\.[a-z0-9]+\\.[a-z0-9]+$", "description": "an instance class such as `db.t3.micro`" },
            "storage": { "type": "integer", "minimum": 20, "maximum": 65536 },
            "dbname": { "type": "string", "minLength": 1, "maxLength": 64 },
            "username": { "type": "string" },
            "password": { "type": "string", "minLength": 8, "maxLength": 41, "writeOnly": true },
            "policy": { "$ref": "#/$defs/Policy" },
        },
        "$defs": { "Policy": policy },
    });
    // As schemars writes optional fields.
    let cloudsql = json!({
        "type": "object",
        "properties": {
            "flavor": { "type": ["string", "null"] },
            "dbname": { "type": ["string", "null"] },
            "username": { "type": ["string", "null"] },
            "password": { "type": ["string", "null"], "writeOnly": true },
            "policy": { "anyOf": [{ "$ref": "#/$defs/Policy" }, { "type": "null" }] },
        },
        "$defs": { "Policy": policy },
    });
    let cluster = json!({
        "type": "object",
        "properties": {
            "cluster_size": { "type": "integer", "minimum": 1, "maximum": 100 },
            "instance_type": { "type": "string" },
            "vpc": { "type": "string" },
            "network": { "type": "string" },
        },
    });
    let nothing = json!({ "type": "object", "properties": {} });
    vec![
        kind("aws", "rds", KindRole::Resource, rds),
        kind("aws", "dynamodb", KindRole::Resource, nothing.clone()),
        kind("gcloud", "cloudsql", KindRole::Resource, cloudsql),
        kind("local", "mysql", KindRole::Resource, nothing.clone()),
        kind("aws", "ecs", KindRole::Coe, cluster.clone()),
        kind("gcloud", "gke", KindRole::Coe, cluster),
        kind("local", "local-docker", KindRole::Coe, nothing),
    ]
}

/// Diagnostics as lines: place, message, help.
pub(super) fn lines(diagnostics: &[crate::problem::Diagnostic]) -> String {
    let line = |found: &crate::problem::Diagnostic| {
        let place = found.span.map(|span| format!("{}:{} ", span.line, span.column)).unwrap_or_default();
        let severity = if found.severity == crate::problem::Severity::Warning { "warning: " } else { "" };
        let help = found.help.as_ref().map(|help| format!("\n      {help}")).unwrap_or_default();
        format!("{place}{severity}{}{help}", found.message)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}
