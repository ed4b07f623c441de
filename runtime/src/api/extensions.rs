//! `/v1/extensions`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloudark_api::extension::{Extension, GrantsDocument, Inspection, InstallQuery, PolicyDocument, Rehearsal};
use cloudark_api::page::{Page, PageQuery};

use super::extract::{Asked, Body, Component, Named};
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes, paging};
use crate::registry::shown;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/extensions", list_extensions)
        .upload("/v1/extensions", install_extension, true)
        .upload("/v1/extensions:inspect", inspect_extension, false)
        .upload("/v1/extensions:rehearse", rehearse_extension, false)
        .get("/v1/extensions/{name}", show_extension)
        .delete("/v1/extensions/{name}", remove_extension)
        .get("/v1/extensions/{name}/grants", show_grants)
        .put("/v1/extensions/{name}/grants", set_grants)
        .get("/v1/extensions/{name}/policy", show_policy)
}

/// A WebAssembly component with its manifest.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "it describes a body")]
struct Wasm(Vec<u8>);

/// The installed extensions, by name.
#[utoipa::path(get, path = "/v1/extensions", tag = "extensions", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<Extension>), Refused))]
async fn list_extensions(
    State(app): State<App>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Extension>>, Refusal> {
    let extensions = app.registry.all().iter().map(shown).collect();
    paging::page(extensions, &query, |extension: &Extension| extension.name.clone()).map(Json)
}

/// What a component is and asks for; nothing is installed.
#[utoipa::path(post, path = "/v1/extensions:inspect", tag = "extensions",
    request_body(content = Wasm, content_type = "application/wasm"),
    responses((status = 200, description = "What it is and asks for", body = Inspection), Refused))]
async fn inspect_extension(State(app): State<App>, Component(wasm): Component) -> Result<Json<Inspection>, Refusal> {
    Ok(Json(app.registry.inspect(wasm, &app.services).await?))
}

/// What a version of an extension would have asked otherwise, in all that has ended; nothing is sent, nothing is stored.
#[utoipa::path(post, path = "/v1/extensions:rehearse", tag = "extensions",
    request_body(content = Wasm, content_type = "application/wasm"),
    responses((status = 200, description = "Task by task", body = Rehearsal), Refused))]
async fn rehearse_extension(State(app): State<App>, Component(wasm): Component) -> Result<Json<Rehearsal>, Refusal> {
    Ok(Json(app.engine.rehearse(wasm).await?))
}

/// Installs a component whose digest the operator has agreed to, or replaces an older version of it.
#[utoipa::path(post, path = "/v1/extensions", tag = "extensions",
    request_body(content = Wasm, content_type = "application/wasm"),
    params(InstallQuery),
    responses((status = 201, description = "It is installed", body = Extension), Refused))]
async fn install_extension(
    State(app): State<App>,
    Asked(query): Asked<InstallQuery>,
    Component(wasm): Component,
) -> Result<(StatusCode, Json<Extension>), Refusal> {
    let extension = app.registry.install(wasm, &query.agree, query.grants, &app.services).await?;
    app.engine.audit("install", &format!("extension/{} {}", extension.name, extension.digest)).await?;
    Ok((StatusCode::CREATED, Json(extension)))
}

/// An installed extension.
#[utoipa::path(get, path = "/v1/extensions/{name}", tag = "extensions",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The extension", body = Extension), Refused))]
async fn show_extension(State(app): State<App>, Named(name): Named<String>) -> Result<Json<Extension>, Refusal> {
    Ok(Json(shown(&app.registry.get(&name)?)))
}

/// Removes an extension that nothing needs any more.
#[utoipa::path(delete, path = "/v1/extensions/{name}", tag = "extensions",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "It is gone"), Refused))]
async fn remove_extension(State(app): State<App>, Named(name): Named<String>) -> Result<StatusCode, Refusal> {
    app.registry.remove(&name).await?;
    app.engine.audit("remove", &format!("extension/{name}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an extension may do.
#[utoipa::path(get, path = "/v1/extensions/{name}/grants", tag = "extensions",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "Its grants", body = GrantsDocument), Refused))]
async fn show_grants(State(app): State<App>, Named(name): Named<String>) -> Result<Json<GrantsDocument>, Refusal> {
    let row = app.registry.get(&name)?;
    let yaml = row.grants.to_yaml().map_err(|error| Refusal::internal(error.to_string()))?;
    Ok(Json(GrantsDocument { yaml, explained: row.grants.explain() }))
}

/// Replaces what an extension may do; `explained` is not read.
#[utoipa::path(put, path = "/v1/extensions/{name}/grants", tag = "extensions", request_body = GrantsDocument,
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "Its grants now", body = GrantsDocument), Refused))]
async fn set_grants(
    State(app): State<App>,
    Named(name): Named<String>,
    Body(document): Body<GrantsDocument>,
) -> Result<Json<GrantsDocument>, Refusal> {
    let granted = app.registry.set_grants(&name, &document.yaml).await?;
    app.engine.audit("grant", &format!("extension/{name}")).await?;
    Ok(Json(granted))
}

/// The least cloud privilege that an extension's grants need.
#[utoipa::path(get, path = "/v1/extensions/{name}/policy", tag = "extensions",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "A policy of its cloud", body = PolicyDocument), Refused))]
async fn show_policy(State(app): State<App>, Named(name): Named<String>) -> Result<Json<PolicyDocument>, Refusal> {
    Ok(Json(PolicyDocument { policy: app.registry.get(&name)?.grants.policy() }))
}
