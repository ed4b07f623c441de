//! The course of an operation, as the fake server tells it.

use serde_json::{Value, json};

use crate::fake::{Answer, World, page};

pub const APP: &str = "app:\n  image: nginx:1.29\n  container_port: 80\n";
pub const ENVIRONMENT: &str =
    "environment:\n  resources:\n    nimbus:\n      - resource:\n          type: store\n          name: db\n";

pub fn kinds() -> Answer {
    page(json!([{
        "name": "store", "cloud": "nimbus", "role": "resource", "summary": "a store",
        "config_schema": {"type": "object", "properties": {"flavor": {"type": "string"}}, "additionalProperties": false},
        "outputs_schema": {"type": "object"}, "holds_data": true, "host_ports_collide": false,
    }]))
}

pub fn accepted() -> Answer {
    Answer::Json(202, json!({"operation": "01op", "diagnostics": []}))
}

pub fn operation(status: &str) -> Value {
    json!({
        "id": "01op", "kind": "create-environment", "environment": "wp", "application": null, "status": status,
        "tasks": [], "created_at": "2026-01-31T12:00:00Z", "ended_at": null, "cancel_requested": false, "can_retry": true,
        "errors": if status == "failed" {
            json!([{"task": "store db", "kind": "permanent", "message": "nimbus refused\u{1b}[31m MakeStore (Quota)"}])
        } else { json!([]) },
    })
}

pub fn events(last: &str) -> Vec<Value> {
    let task = |sequence: u64, status: &str, note: &str| {
        json!({"sequence": sequence, "at_ms": 1_769_860_800_000_u64 + sequence * 1000, "event": "task", "task": {
            "number": 1, "title": "store db", "piece": "resource/db", "action": "create", "status": status,
            "note": note, "started_ms": 1_769_860_801_000_u64, "ended_ms": null, "rollback": false,
        }})
    };
    let state = |sequence: u64, status: &str| json!({"sequence": sequence, "at_ms": 1_769_860_800_000_u64 + sequence * 1000, "event": "operation", "status": status});
    vec![
        state(1, "running"),
        task(2, "running", ""),
        task(3, "waiting", "the store is\u{1b}[2J warming up"),
        task(4, "done", "store-1"),
        state(5, last),
    ]
}

/// A world in which creating an environment takes this course.
pub fn creating(last: &str) -> (World, String) {
    let world = World::new();
    world.on("GET", "/v1/kinds", kinds()).on("POST", "/v1/environments", accepted());
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation("running")));
    world.on("GET", "/v1/operations/01op", Answer::Json(200, operation(last)));
    world.on("GET", "/v1/operations/01op/events", Answer::Events(events(last), None));
    let file = world.file("env.yaml", ENVIRONMENT);
    (world, file)
}
