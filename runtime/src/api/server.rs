//! `/v1/server` and `/v1/health`.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloudark_api::server::{Backup, ServerStatus};

use super::extract::Body;
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/health", health).get("/v1/server", show_server).post("/v1/server/backup", back_up)
}

/// Whether the server answers; needs no token.
#[utoipa::path(get, path = "/v1/health", tag = "server", security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
async fn health() -> &'static str {
    "ok"
}

/// How the server is.
#[utoipa::path(get, path = "/v1/server", tag = "server",
    responses((status = 200, description = "How it is", body = ServerStatus), Refused))]
async fn show_server(State(app): State<App>) -> Json<ServerStatus> {
    Json(ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        data_dir: app.data_dir.display().to_string(),
        incarnation: app.engine.incarnation(),
        running_operations: app.engine.running_operations().await,
        waiting_tasks: app.engine.waiting_tasks(),
        live_instances: app.sandbox.live_instances(),
        store_fault: app.services.store.trouble().map(|error| error.to_string()),
    })
}

/// Writes a backup of the store to a new file on the server's machine, while everything goes on.
#[utoipa::path(post, path = "/v1/server/backup", tag = "server", request_body = Backup,
    responses((status = 204, description = "It is written"), Refused))]
async fn back_up(State(app): State<App>, Body(backup): Body<Backup>) -> Result<StatusCode, Refusal> {
    let to = Path::new(&backup.to);
    if !to.is_absolute() {
        return Err(Refusal::invalid(format!("\"{}\" is not an absolute path", backup.to))
            .next_step("name the file from / on: the server does not know the client's folder"));
    }
    app.engine.audit("back-up", &backup.to).await?;
    app.services.store.backup(to).await?;
    Ok(StatusCode::NO_CONTENT)
}
