//! `/v1/applications`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cloudark_api::application::{Application, ApplicationRequest, LogLine, LogQuery};
use cloudark_api::ids::Name;
use cloudark_api::operation::Accepted;
use cloudark_api::page::{Page, PageQuery};

use super::extract::{Asked, Body, Named};
use super::openapi::Refused;
use super::operations::OfEnvironment;
use super::refusal::Refusal;
use super::{App, Reveal, Routes, Started, logs, paging, same_name};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/applications", deploy_application)
        .get("/v1/applications", list_applications)
        .get("/v1/applications/{name}", show_application)
        .put("/v1/applications/{name}", redeploy_application)
        .delete("/v1/applications/{name}", delete_application)
        .get("/v1/applications/{name}/logs", read_logs)
}

/// Deploys an application.
#[utoipa::path(post, path = "/v1/applications", tag = "applications", request_body = ApplicationRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Performed once for each key")),
    responses((status = 202, description = "It is being deployed", body = Accepted), Refused))]
async fn deploy_application(
    State(app): State<App>,
    Body(request): Body<ApplicationRequest>,
) -> Result<Started, Refusal> {
    Ok(Started(app.engine.deploy_application(request).await?))
}

/// The applications, by name.
#[utoipa::path(get, path = "/v1/applications", tag = "applications", params(OfEnvironment, PageQuery),
    responses((status = 200, description = "A page", body = Page<Application>), Refused))]
async fn list_applications(
    State(app): State<App>,
    Asked(of): Asked<OfEnvironment>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Application>>, Refusal> {
    let applications = app.engine.applications(of.environment.as_ref()).await?;
    paging::page(applications, &query, |application| application.name.to_string()).map(Json)
}

/// An application.
#[utoipa::path(get, path = "/v1/applications/{name}", tag = "applications",
    params(("name" = String, Path, description = "Its name"), Reveal),
    responses((status = 200, description = "The application", body = Application), Refused))]
async fn show_application(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(reveal): Asked<Reveal>,
) -> Result<Json<Application>, Refusal> {
    app.note_reveal(reveal, format!("application/{name}")).await?;
    Ok(Json(app.engine.application_by_name(&name, reveal.reveal).await?))
}

/// Replaces an application by a new version.
#[utoipa::path(put, path = "/v1/applications/{name}", tag = "applications", request_body = ApplicationRequest,
    params(("name" = String, Path, description = "Its name")),
    responses((status = 202, description = "It is being replaced", body = Accepted), Refused))]
async fn redeploy_application(
    State(app): State<App>,
    Named(name): Named<Name>,
    Body(request): Body<ApplicationRequest>,
) -> Result<Started, Refusal> {
    same_name(&name, &request.name)?;
    Ok(Started(app.engine.redeploy_application(request).await?))
}

/// Deletes an application.
#[utoipa::path(delete, path = "/v1/applications/{name}", tag = "applications",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 202, description = "It is being deleted", body = Accepted), Refused))]
async fn delete_application(State(app): State<App>, Named(name): Named<Name>) -> Result<Started, Refusal> {
    Ok(Started(app.engine.delete_application(&name).await?))
}

/// The logs of an application: one JSON document a line.
#[utoipa::path(get, path = "/v1/applications/{name}/logs", tag = "applications",
    params(("name" = String, Path, description = "Its name"), LogQuery),
    responses((status = 200, description = "A line each", body = LogLine, content_type = "application/x-ndjson"), Refused))]
async fn read_logs(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(query): Asked<LogQuery>,
) -> Result<Response, Refusal> {
    logs::read(app, name, query).await
}
