//! The REST API: one file a noun, gathered in [`Routes`]. Every route is described by [`openapi`], answers failures as
//! problem details ([`refusal`]), and is reached through [`guard`].
//!
//! A request that changes something runs in a task of its own: a client that goes away does not stop it half-way.

pub mod applications;
pub mod clouds;
pub mod environments;
mod events;
pub mod extensions;
pub mod extract;
pub mod guard;
pub mod idempotency;
pub mod kinds;
mod logs;
pub mod openapi;
pub mod operations;
pub mod paging;
pub mod refusal;
pub mod resources;
pub mod secrets;
pub mod server;

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use cloudark_api::operation::Accepted;
use cloudark_api::problem::ProblemKind;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::services::Services;
use refusal::Refusal;

/// What the routes work with.
pub struct AppState {
    /// Operations.
    pub engine: Arc<Engine>,
    /// Installed extensions.
    pub registry: Arc<Registry>,
    /// Where they run.
    pub sandbox: Arc<Sandbox>,
    /// The store, the clouds …
    pub services: Arc<Services>,
    /// Who has it may do everything.
    pub token: Zeroizing<String>,
    /// The values of `Host` that are answered.
    pub hosts: Vec<String>,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// Requests with an idempotency key that are under way.
    pub under_way: idempotency::UnderWay,
    /// The server ends: streams end too.
    pub stopping: CancellationToken,
}

/// Shared by all requests.
pub type App = Arc<AppState>;

/// Bytes of a JSON body.
const BODY_BYTES: usize = 1024 * 1024;
/// How long an answer may take to begin: a cloud may be asked, a component compiled.
const PATIENCE: Duration = Duration::from_secs(600);

/// The API, ready to be served.
pub fn router(app: App) -> Router {
    Routes::all(&app)
        .router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn(unhurried))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(SetRequestIdLayer::new(REQUEST_ID, Ulids))
        .with_state(app)
}

/// The routes, and a list of them to hold the description to.
pub struct Routes {
    router: Router<App>,
    app: App,
    /// Method and path of each.
    pub listed: Vec<(Method, &'static str)>,
}

impl Routes {
    /// Those of every noun.
    #[must_use]
    pub fn all(app: &App) -> Self {
        let routes = Self { router: Router::new(), app: Arc::clone(app), listed: Vec::new() };
        let nouns = [
            server::routes,
            kinds::routes,
            clouds::routes,
            extensions::routes,
            environments::routes,
            secrets::routes,
            resources::routes,
            applications::routes,
            operations::routes,
            openapi::routes,
        ];
        nouns.into_iter().fold(routes, |routes, noun| noun(routes))
    }

    fn add(mut self, method: Method, path: &'static str, route: MethodRouter<App>) -> Self {
        self.listed.push((method, path));
        self.router = self.router.route(path, route);
        self
    }

    fn get<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, routing::get(handler))
    }

    fn put<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PUT, path, routing::put(handler))
    }

    fn delete<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, routing::delete(handler))
    }

    /// A POST that only asks: performed as often as it comes.
    fn ask<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, routing::post(handler))
    }

    /// A POST that changes something: performed once for each idempotency key.
    fn post<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        let once = from_fn_with_state((Arc::clone(&self.app), BODY_BYTES), idempotency::once);
        self.add(Method::POST, path, routing::post(handler).route_layer(once))
    }

    /// A POST whose body is a component; with `true` performed once for each idempotency key.
    fn upload<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H, is_once: bool) -> Self {
        let limit = self.app.sandbox.limits().component_bytes;
        let mut route = routing::post(handler).route_layer(DefaultBodyLimit::max(limit));
        if is_once {
            route = route.route_layer(from_fn_with_state((Arc::clone(&self.app), limit), idempotency::once));
        }
        self.add(Method::POST, path, route)
    }
}

/// The answer to a request that has started an operation.
pub struct Started(pub Accepted);

impl IntoResponse for Started {
    fn into_response(self) -> Response {
        let location = crate::receipt::location(&self.0);
        (StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(self.0)).into_response()
    }
}

/// Whether secrets are to be shown.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Reveal {
    /// Show secret values; who does is noted in the audit log.
    #[serde(default)]
    pub reveal: bool,
}

impl AppState {
    /// Notes that secrets of this are shown, before they are.
    pub(crate) async fn note_reveal(&self, reveal: Reveal, subject: String) -> Result<(), Refusal> {
        if reveal.reveal {
            self.engine.audit("reveal", &subject).await?;
        }
        Ok(())
    }
}

/// Refuses a body that is about another thing than its path.
fn same_name(path: &cloudark_api::ids::Name, body: &cloudark_api::ids::Name) -> Result<(), Refusal> {
    if path == body {
        Ok(())
    } else {
        Err(Refusal::invalid(format!("the path names \"{path}\", and the body \"{body}\"")))
    }
}

async fn nothing_here(request: Request) -> Refusal {
    Refusal::not_found(format!("there is nothing at {}", request.uri().path()))
        .next_step("the routes are in /v1/openapi.json")
}

async fn not_this_method(request: Request) -> Refusal {
    let detail = format!("{} cannot be done to {}", request.method(), request.uri().path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ProblemKind::Invalid, detail)
}

/// Lets a change go on when its client goes away, and ends the wait for an answer that does not come.
async fn unhurried(request: Request, next: Next) -> Response {
    let is_change = !request.method().is_safe();
    let answer = async move {
        if !is_change {
            return next.run(request).await;
        }
        match tokio::spawn(next.run(request)).await {
            Ok(response) => response,
            Err(error) if error.is_panic() => panicked(error.into_panic()),
            Err(_) => Refusal::unavailable("the server is stopping").into_response(),
        }
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(response) => response,
        Err(_) => Refusal::unavailable(format!("no answer in {}s; what was asked goes on", PATIENCE.as_secs()))
            .into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("no message"), "a request hit a defect of the server");
    Refusal::internal("the server hit a defect while it did this; its log has more").into_response()
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Request ids: ULIDs.
#[derive(Clone, Copy)]
struct Ulids;

impl MakeRequestId for Ulids {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        let id = ulid::Ulid::new().to_string().to_lowercase();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}
