//! `/v1/resources`.

use axum::Json;
use axum::extract::State;
use cloudark_api::page::{Page, PageQuery};
use cloudark_api::resource::PieceView;

use super::extract::Asked;
use super::openapi::Refused;
use super::operations::OfEnvironment;
use super::refusal::Refusal;
use super::{App, Reveal, Routes, paging};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/resources", list_resources)
}

/// Clusters and resources, of one environment or of all.
#[utoipa::path(get, path = "/v1/resources", tag = "resources", params(OfEnvironment, Reveal, PageQuery),
    responses((status = 200, description = "A page", body = Page<PieceView>), Refused))]
async fn list_resources(
    State(app): State<App>,
    Asked(of): Asked<OfEnvironment>,
    Asked(reveal): Asked<Reveal>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<PieceView>>, Refusal> {
    let subject = of.environment.as_ref().map_or_else(|| "resources".to_owned(), |name| format!("resources of {name}"));
    app.note_reveal(reveal, subject).await?;
    let resources = app.engine.resources(of.environment.as_ref(), reveal.reveal).await?;
    paging::counted(resources, &query).map(Json)
}
