//! `/v1/openapi.json`: the API's description, generated from the routes' code.

use axum::Json;
use cloudark_api::application::LogStream;
use cloudark_api::extension::FirstGrants;
use cloudark_api::problem::{Problem, ProblemKind};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, OpenApi as Document};
use utoipa::{Modify, OpenApi};

use super::Routes;
use super::{applications, clouds, environments, extensions, kinds, operations, resources, secrets, server};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/openapi.json", show_openapi)
}

/// Every failure of every route.
#[derive(utoipa::IntoResponses)]
#[response(status = "default", description = "It is not done, and why", content_type = "application/problem+json")]
pub struct Refused(pub Problem);

/// The API.
#[derive(OpenApi)]
#[openapi(
    info(title = "CloudARK", description = "Environments and applications on clouds, by extensions."),
    modifiers(&BearerToken),
    security(("token" = [])),
    components(schemas(Problem, ProblemKind, LogStream, FirstGrants)),
    paths(
        server::health, server::show_server, server::back_up,
        kinds::list_kinds,
        clouds::list_clouds, clouds::show_cloud, clouds::set_up_cloud, clouds::remove_cloud,
        extensions::list_extensions, extensions::inspect_extension, extensions::rehearse_extension, extensions::install_extension,
        extensions::show_extension, extensions::remove_extension, extensions::show_grants, extensions::set_grants,
        extensions::show_policy,
        environments::create_environment, environments::list_environments, environments::validate_environment,
        environments::show_environment, environments::update_environment, environments::delete_environment,
        environments::plan_environment, environments::refresh_environment, environments::protect_environment,
        environments::list_environment_operations,
        secrets::list_secrets, secrets::set_secret, secrets::remove_secret,
        resources::list_resources,
        applications::deploy_application, applications::list_applications, applications::show_application,
        applications::redeploy_application, applications::delete_application, applications::read_logs,
        operations::list_operations, operations::show_operation, operations::watch_operation,
        operations::list_journal,
        operations::cancel_operation, operations::retry_operation,
        show_openapi,
    )
)]
struct Api;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let components = document.components.get_or_insert_with(openapi::Components::new);
        components.add_security_scheme("token", scheme);
    }
}

/// The description of all routes.
#[must_use]
pub fn document() -> Document {
    Api::openapi()
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Refused))]
async fn show_openapi() -> Json<Document> {
    Json(document())
}
