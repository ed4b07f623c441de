//! `/v1/environments/{name}/secrets`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloudark_api::ids::Name;
use cloudark_api::page::{Page, PageQuery};
use cloudark_api::secret::{SecretInput, SecretView};

use super::extract::{Asked, Body, Named};
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes, paging};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/environments/{name}/secrets", list_secrets)
        .put("/v1/environments/{name}/secrets/{secret}", set_secret)
        .delete("/v1/environments/{name}/secrets/{secret}", remove_secret)
}

/// The names of an environment's secrets; values are never shown.
#[utoipa::path(get, path = "/v1/environments/{name}/secrets", tag = "secrets",
    params(("name" = String, Path, description = "The environment"), PageQuery),
    responses((status = 200, description = "A page", body = Page<SecretView>), Refused))]
async fn list_secrets(
    State(app): State<App>,
    Named(name): Named<Name>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<SecretView>>, Refusal> {
    paging::page(app.engine.secrets(&name).await?, &query, |secret| secret.name.clone()).map(Json)
}

/// Stores a secret; the environment need not exist yet.
#[utoipa::path(put, path = "/v1/environments/{name}/secrets/{secret}", tag = "secrets", request_body = SecretInput,
    params(("name" = String, Path, description = "The environment"), ("secret" = String, Path, description = "The secret's name")),
    responses((status = 204, description = "It is stored"), Refused))]
async fn set_secret(
    State(app): State<App>,
    Named((name, secret)): Named<(Name, Name)>,
    Body(input): Body<SecretInput>,
) -> Result<StatusCode, Refusal> {
    app.engine.set_secret(&name, &secret, &input.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret.
#[utoipa::path(delete, path = "/v1/environments/{name}/secrets/{secret}", tag = "secrets",
    params(("name" = String, Path, description = "The environment"), ("secret" = String, Path, description = "The secret's name")),
    responses((status = 204, description = "It is gone"), Refused))]
async fn remove_secret(
    State(app): State<App>,
    Named((name, secret)): Named<(Name, Name)>,
) -> Result<StatusCode, Refusal> {
    app.engine.remove_secret(&name, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
