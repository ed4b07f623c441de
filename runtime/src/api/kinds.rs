//! `/v1/kinds`.

use axum::Json;
use axum::extract::State;
use cloudark_api::extension::Kind;
use cloudark_api::page::{Page, PageQuery};

use super::extract::Asked;
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes, paging};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/kinds", list_kinds)
}

/// The kinds that the installed extensions offer.
#[utoipa::path(get, path = "/v1/kinds", tag = "extensions", params(PageQuery),
    responses((status = 200, description = "A page", body = Page<Kind>), Refused))]
async fn list_kinds(State(app): State<App>, Asked(query): Asked<PageQuery>) -> Result<Json<Page<Kind>>, Refusal> {
    paging::page(app.registry.kinds(), &query, |kind| format!("{}/{}", kind.cloud, kind.name)).map(Json)
}
