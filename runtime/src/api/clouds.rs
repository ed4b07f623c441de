//! `/v1/clouds`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloudark_api::credential::{Cloud, CloudSetup, CredentialInput};
use cloudark_api::ids::Name;
use cloudark_api::page::{Page, PageQuery};

use super::extract::{Asked, Body, Named};
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes, paging};
use crate::clouds::{CloudError, CloudRow};
use crate::credentials::{CredentialSource, Secret};
use crate::registry::simulator;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/clouds", list_clouds)
        .get("/v1/clouds/{cloud}", show_cloud)
        .put("/v1/clouds/{cloud}", set_up_cloud)
        .delete("/v1/clouds/{cloud}", remove_cloud)
}

/// The clouds that are set up, by name. One whose credentials do not work says so as its identity.
#[utoipa::path(get, path = "/v1/clouds", tag = "clouds", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<Cloud>), Refused))]
async fn list_clouds(State(app): State<App>, Asked(query): Asked<PageQuery>) -> Result<Json<Page<Cloud>>, Refusal> {
    let clouds = &app.services.clouds;
    let names = paging::page(clouds.names().await?, &query, Clone::clone)?;
    let shown = names.items.iter().map(|name| async {
        match clouds.show(name).await {
            Ok(cloud) => cloud,
            Err(error) => unknown(&app, name, &error).await,
        }
    });
    Ok(Json(Page { items: futures::future::join_all(shown).await, next: names.next }))
}

/// A cloud whose credentials do not answer who they are.
async fn unknown(app: &App, name: &str, error: &CloudError) -> Cloud {
    let access = app.services.clouds.access(name).await.ok();
    Cloud {
        cloud: name.to_owned(),
        source: String::new(),
        account: String::new(),
        identity: format!("unknown: {error}"),
        settings: access.as_ref().map(|access| access.settings.clone()).unwrap_or_default(),
        endpoint: access.and_then(|access| access.endpoint.as_ref().map(ToString::to_string)),
    }
}

/// Who a cloud's credentials are.
#[utoipa::path(get, path = "/v1/clouds/{cloud}", tag = "clouds",
    params(("cloud" = String, Path, description = "Its name, as `cld setup` writes it")),
    responses((status = 200, description = "The cloud", body = Cloud), Refused))]
async fn show_cloud(State(app): State<App>, Named(cloud): Named<Name>) -> Result<Json<Cloud>, Refusal> {
    match app.services.clouds.show(cloud.as_str()).await {
        Ok(cloud) => Ok(Json(cloud)),
        Err(error @ CloudError::NotSetUp { .. }) => Err(Refusal::not_found(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Sets a cloud up, if its credentials answer who they are.
#[utoipa::path(put, path = "/v1/clouds/{cloud}", tag = "clouds", request_body = CloudSetup,
    params(("cloud" = String, Path, description = "Its name, as `cld setup` writes it")),
    responses((status = 200, description = "Who the credentials are", body = Cloud), Refused))]
async fn set_up_cloud(
    State(app): State<App>,
    Named(name): Named<Name>,
    Body(setup): Body<CloudSetup>,
) -> Result<Json<Cloud>, Refusal> {
    let endpoint = setup.endpoint.as_deref().map(simulator).transpose().map_err(Refusal::invalid)?;
    let row = CloudRow { credentials: source(setup.credentials), settings: setup.settings, endpoint };
    let cloud = app.services.clouds.set_up(name.as_str(), row).await?;
    app.engine.audit("set-up", &format!("cloud/{name} ({})", cloud.source)).await?;
    Ok(Json(cloud))
}

/// Forgets a cloud's credentials and settings.
#[utoipa::path(delete, path = "/v1/clouds/{cloud}", tag = "clouds",
    params(("cloud" = String, Path, description = "Its name, as `cld setup` writes it")),
    responses((status = 204, description = "It is forgotten"), Refused))]
async fn remove_cloud(State(app): State<App>, Named(name): Named<Name>) -> Result<StatusCode, Refusal> {
    let clouds = &app.services.clouds;
    if !clouds.names().await?.iter().any(|known| known == name.as_str()) {
        return Err(Refusal::not_found(format!("{name} is not set up")));
    }
    clouds.remove(name.as_str()).await?;
    app.engine.audit("remove", &format!("cloud/{name}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn source(input: CredentialInput) -> CredentialSource {
    match input {
        CredentialInput::Profile { name } => CredentialSource::Profile { name },
        CredentialInput::Environment => CredentialSource::Environment,
        CredentialInput::Chain => CredentialSource::Chain,
        CredentialInput::Key { id, secret, session_token } => {
            CredentialSource::Key { id, secret: secret.into(), session_token: session_token.map(Secret::from) }
        }
        CredentialInput::Value { secret } => CredentialSource::Value { secret: secret.into(), account: None },
        CredentialInput::Basic { username, password } => {
            CredentialSource::Basic { username, password: password.into(), account: None }
        }
        CredentialInput::ClientCredentials { token_url, client_id, client_secret } => {
            CredentialSource::ClientCredentials {
                token_url,
                client_id,
                client_secret: client_secret.into(),
                account: None,
            }
        }
    }
}
