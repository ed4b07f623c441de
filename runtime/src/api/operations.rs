//! `/v1/operations`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use cloudark_api::ids::{Name, OperationId};
use cloudark_api::journal::JournalEntry;
use cloudark_api::operation::{Accepted, Event, Operation};
use cloudark_api::page::{Page, PageQuery};
use serde::Deserialize;

use super::extract::{Asked, Named};
use super::openapi::Refused;
use super::refusal::Refusal;
use super::{App, Routes, Started, events, paging};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/operations", list_operations)
        .get("/v1/operations/{id}", show_operation)
        .get("/v1/operations/{id}/events", watch_operation)
        .get("/v1/operations/{id}/tasks/{number}/journal", list_journal)
        .post("/v1/operations/{id}/cancel", cancel_operation)
        .post("/v1/operations/{id}/retry", retry_operation)
}

/// Of which environment.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfEnvironment {
    /// Only those of this environment.
    #[param(value_type = Option<String>)]
    pub environment: Option<Name>,
}

/// A page of operations, newest first.
pub(super) async fn page(app: &App, environment: Option<&Name>, query: &PageQuery) -> Result<Page<Operation>, Refusal> {
    let limit = paging::limit(query)?;
    let operations = app.engine.operations(environment, query.cursor.as_deref(), limit.saturating_add(1)).await?;
    Ok(paging::cut(operations, limit, |operation| operation.id.0.clone()))
}

/// The operations, newest first.
#[utoipa::path(get, path = "/v1/operations", tag = "operations", params(OfEnvironment, PageQuery),
    responses((status = 200, description = "A page", body = Page<Operation>), Refused))]
async fn list_operations(
    State(app): State<App>,
    Asked(of): Asked<OfEnvironment>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<Operation>>, Refusal> {
    page(&app, of.environment.as_ref(), &query).await.map(Json)
}

/// An operation.
#[utoipa::path(get, path = "/v1/operations/{id}", tag = "operations",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The operation", body = Operation), Refused))]
async fn show_operation(State(app): State<App>, Named(id): Named<OperationId>) -> Result<Json<Operation>, Refusal> {
    Ok(Json(app.engine.operation_by_id(&id).await?))
}

/// The events of an operation, as they happen: server-sent events, until it has ended.
#[utoipa::path(get, path = "/v1/operations/{id}/events", tag = "operations",
    params(("id" = String, Path, description = "Its id"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Go on after this event")),
    responses((status = 200, description = "`id` is the event's sequence, `data` the event", body = Event,
        content_type = "text/event-stream"), Refused))]
async fn watch_operation(
    State(app): State<App>,
    Named(id): Named<OperationId>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| Refusal::invalid("Last-Event-ID is the number of an event"))?,
    };
    events::watch(app, id, after).await
}

/// What a task of an operation has asked, in order. It stays for a time after the operation's end.
#[utoipa::path(get, path = "/v1/operations/{id}/tasks/{number}/journal", tag = "operations",
    params(("id" = String, Path, description = "The operation's id"),
        ("number" = u32, Path, description = "The task's number in it"), PageQuery),
    responses((status = 200, description = "A page", body = Page<JournalEntry>), Refused))]
async fn list_journal(
    State(app): State<App>,
    Named((id, number)): Named<(OperationId, u32)>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<JournalEntry>>, Refusal> {
    paging::counted(app.engine.journal(&id, number).await?, &query).map(Json)
}

/// Cancels an operation: what it made is taken back.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 202, description = "It is being cancelled", body = Accepted), Refused))]
async fn cancel_operation(State(app): State<App>, Named(id): Named<OperationId>) -> Result<Started, Refusal> {
    Ok(Started(app.engine.cancel(&id).await?))
}

/// Lets a failed operation, whose pieces were kept, go on.
#[utoipa::path(post, path = "/v1/operations/{id}/retry", tag = "operations",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 202, description = "It goes on", body = Accepted), Refused))]
async fn retry_operation(State(app): State<App>, Named(id): Named<OperationId>) -> Result<Started, Refusal> {
    Ok(Started(app.engine.retry(&id).await?))
}
