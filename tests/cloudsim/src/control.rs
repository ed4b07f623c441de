//! The control API under `/_sim/`: what exists, what was called, what is to fail. Unsigned; loopback only.

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{faults::Rule, server::Shared};

/// The routes.
pub fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/_sim/health", get(|| async { "ok" }))
        .route("/_sim/inventory", get(inventory))
        .route("/_sim/calls", get(calls).delete(forget_calls))
        .route("/_sim/state", get(state))
        .route("/_sim/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/_sim/config", get(config).post(configure))
        .route("/_sim/reset", post(reset))
        .route("/_sim/act", post(act))
        .with_state(shared)
}

async fn inventory(State(shared): State<Shared>) -> Response {
    Json(shared.lock().inventory()).into_response()
}

#[derive(Deserialize)]
struct CallsQuery {
    /// Only calls of this number or later.
    #[serde(default)]
    from: u64,
}

async fn calls(State(shared): State<Shared>, Query(query): Query<CallsQuery>) -> Response {
    let world = shared.lock();
    let calls: Vec<_> = world.calls.all().iter().filter(|call| call.n >= query.from).collect();
    Json(json!({ "calls": calls })).into_response()
}

async fn forget_calls(State(shared): State<Shared>) -> StatusCode {
    shared.lock().calls.clear();
    StatusCode::NO_CONTENT
}

async fn state(State(shared): State<Shared>) -> Response {
    Json(shared.lock().dump()).into_response()
}

async fn faults(State(shared): State<Shared>) -> Response {
    Json(json!({ "faults": shared.lock().faults.rules() })).into_response()
}

async fn add_faults(State(shared): State<Shared>, Json(rules): Json<Value>) -> Response {
    match serde_json::from_value::<Vec<Rule>>(rules) {
        Ok(rules) => {
            shared.lock().faults.add(rules);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    shared.lock().faults.clear();
    StatusCode::NO_CONTENT
}

async fn config(State(shared): State<Shared>) -> Response {
    Json(shared.lock().config.clone()).into_response()
}

async fn configure(State(shared): State<Shared>, Json(changes): Json<Value>) -> Response {
    let mut world = shared.lock();
    match world.config.merged(&changes) {
        Ok(config) => {
            world.config = config;
            Json(world.config.clone()).into_response()
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn reset(State(shared): State<Shared>) -> StatusCode {
    shared.lock().reset();
    StatusCode::NO_CONTENT
}

async fn act(State(shared): State<Shared>, Json(act): Json<Value>) -> Response {
    match shared.lock().act(&act) {
        Ok(answer) => Json(answer).into_response(),
        Err(reason) => bad(&reason),
    }
}

fn bad(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": reason }))).into_response()
}
