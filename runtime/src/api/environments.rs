//! `/v1/environments`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use cloudark_api::environment::{
    DeleteEnvironment, Environment, EnvironmentPlan, EnvironmentRequest, EnvironmentSummary, Protection, Validation,
};
use cloudark_api::ids::Name;
use cloudark_api::operation::{Accepted, Operation};
use cloudark_api::page::{Page, PageQuery};
use cloudark_api::problem::ProblemKind;

use super::extract::{Asked, Body, Named};
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Reveal, Routes, Started, operations, paging, same_name};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/environments", create_environment)
        .get("/v1/environments", list_environments)
        .ask("/v1/environments:validate", validate_environment)
        .get("/v1/environments/{name}", show_environment)
        .put("/v1/environments/{name}", update_environment)
        .delete("/v1/environments/{name}", delete_environment)
        .ask("/v1/environments/{name}/plan", plan_environment)
        .post("/v1/environments/{name}/refresh", refresh_environment)
        .put("/v1/environments/{name}/protection", protect_environment)
        .get("/v1/environments/{name}/operations", list_environment_operations)
}

/// Creates an environment.
#[utoipa::path(post, path = "/v1/environments", tag = "environments", request_body = EnvironmentRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Performed once for each key")),
    responses((status = 202, description = "It is being made", body = Accepted), Refused))]
async fn create_environment(
    State(app): State<App>,
    Body(request): Body<EnvironmentRequest>,
) -> Result<Started, Refusal> {
    Ok(Started(app.engine.create_environment(request).await?))
}

/// The environments, by name.
#[utoipa::path(get, path = "/v1/environments", tag = "environments", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<EnvironmentSummary>), Refused))]
async fn list_environments(
    State(app): State<App>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<EnvironmentSummary>>, Refusal> {
    let limit = paging::limit(&query)?;
    let rows = app.engine.environments(query.cursor.as_deref(), limit.saturating_add(1)).await?;
    Ok(Json(paging::cut(rows, limit, |row| row.name.to_string())))
}

/// What is wrong with an environment file; nothing is stored.
#[utoipa::path(post, path = "/v1/environments:validate", tag = "environments", request_body = EnvironmentRequest,
    responses((status = 200, description = "Its errors and warnings", body = Validation), Refused))]
async fn validate_environment(
    State(app): State<App>,
    Body(request): Body<EnvironmentRequest>,
) -> Result<Json<Validation>, Refusal> {
    Ok(Json(app.engine.validate_environment(request).await?))
}

/// An environment.
#[utoipa::path(get, path = "/v1/environments/{name}", tag = "environments",
    params(("name" = String, Path, description = "Its name"), Reveal),
    responses((status = 200, description = "The environment", body = Environment,
        headers(("ETag" = String, description = "Its version, for If-Match"))), Refused))]
async fn show_environment(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(reveal): Asked<Reveal>,
) -> Result<([(header::HeaderName, String); 1], Json<Environment>), Refusal> {
    app.note_reveal(reveal, format!("environment/{name}")).await?;
    let (environment, version) = app.engine.environment(&name, reveal.reveal).await?;
    Ok(([(header::ETAG, etag(version))], Json(environment)))
}

/// Changes an environment to what its new file says.
#[utoipa::path(put, path = "/v1/environments/{name}", tag = "environments", request_body = EnvironmentRequest,
    params(("name" = String, Path, description = "Its name"),
        ("If-Match" = Option<String>, Header, description = "Only if it still has this ETag")),
    responses((status = 202, description = "It is being changed", body = Accepted), Refused))]
async fn update_environment(
    State(app): State<App>,
    Named(name): Named<Name>,
    headers: HeaderMap,
    Body(request): Body<EnvironmentRequest>,
) -> Result<Started, Refusal> {
    same_name(&name, &request.name)?;
    let expected = if_match(&headers)?;
    if let Some(expected) = expected {
        let (_, version) = app.engine.environment(&name, false).await?;
        if version != expected {
            let detail = format!("\"{name}\" was changed in the meantime: look at it again");
            return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, ProblemKind::Conflict, detail));
        }
    }
    Ok(Started(app.engine.update_environment(request, expected).await?))
}

/// Deletes an environment, with everything in it.
#[utoipa::path(delete, path = "/v1/environments/{name}", tag = "environments",
    params(("name" = String, Path, description = "Its name"), DeleteEnvironment),
    responses((status = 202, description = "It is being deleted", body = Accepted), Refused))]
async fn delete_environment(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(query): Asked<DeleteEnvironment>,
) -> Result<Started, Refusal> {
    Ok(Started(app.engine.delete_environment(&name, query.force).await?))
}

/// What an update would do.
#[utoipa::path(post, path = "/v1/environments/{name}/plan", tag = "environments", request_body = EnvironmentRequest,
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The steps", body = EnvironmentPlan), Refused))]
async fn plan_environment(
    State(app): State<App>,
    Named(name): Named<Name>,
    Body(request): Body<EnvironmentRequest>,
) -> Result<Json<EnvironmentPlan>, Refusal> {
    same_name(&name, &request.name)?;
    Ok(Json(app.engine.plan_environment(request).await?))
}

/// Looks at every piece of an environment and notes what differs from its record.
#[utoipa::path(post, path = "/v1/environments/{name}/refresh", tag = "environments",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 202, description = "It is being looked at", body = Accepted), Refused))]
async fn refresh_environment(State(app): State<App>, Named(name): Named<Name>) -> Result<Started, Refusal> {
    Ok(Started(app.engine.refresh_environment(&name).await?))
}

/// Protects an environment from being deleted, or lifts that.
#[utoipa::path(put, path = "/v1/environments/{name}/protection", tag = "environments", request_body = Protection,
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "Done"), Refused))]
async fn protect_environment(
    State(app): State<App>,
    Named(name): Named<Name>,
    Body(protection): Body<Protection>,
) -> Result<StatusCode, Refusal> {
    app.engine.protect(&name, protection.protected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The operations of an environment, newest first; those of a deleted one too.
#[utoipa::path(get, path = "/v1/environments/{name}/operations", tag = "environments",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, description = "A page", body = Page<Operation>), Refused))]
async fn list_environment_operations(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Operation>>, Refusal> {
    operations::page(&app, Some(&name), &query).await.map(Json)
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The version that `If-Match` names; none for `*` and without the header.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let detail = format!("If-Match is {text}, and no version of the environment has that ETag");
        Refusal::new(StatusCode::PRECONDITION_FAILED, ProblemKind::Conflict, detail)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_comes_back_as_its_version() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, value.parse().unwrap());
            if_match(&headers)
        };
        assert_eq!(with(&etag(7)).unwrap(), Some(7));
        assert_eq!(with("*").unwrap(), None);
        for other in ["7", "W/\"7\"", "\"x\"", "\""] {
            assert_eq!(with(other).unwrap_err().status(), StatusCode::PRECONDITION_FAILED, "{other}");
        }
    }
}
