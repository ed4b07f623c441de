//! What is answered when a request cannot be done: problem details (RFC 9457), whichever layer refuses.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloudark_api::ids::OperationId;
use cloudark_api::problem::{Diagnostic, Problem, ProblemKind};

use crate::clouds::CloudError;
use crate::credentials::CredentialError;
use crate::engine::EngineError;
use crate::extensions::package::PackageError;
use crate::registry::RegistryError;
use crate::sandbox::SandboxError;
use crate::store::StoreError;

/// The content type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A request that is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Problem>);

impl Refusal {
    /// With this status; the sentence says what happened, to what.
    #[must_use]
    pub fn new(status: StatusCode, kind: ProblemKind, detail: impl Into<String>) -> Self {
        let name = match kind {
            ProblemKind::Invalid => "invalid",
            ProblemKind::Denied => "denied",
            ProblemKind::NotFound => "not-found",
            ProblemKind::Conflict => "conflict",
            ProblemKind::Unavailable => "unavailable",
            ProblemKind::Internal => "internal",
        };
        Self(Box::new(Problem {
            type_uri: format!("urn:cloudark:problem:{name}"),
            kind,
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: Some(detail.into()),
            next_step: None,
            operation: None,
            diagnostics: Vec::new(),
        }))
    }

    /// The request makes no sense (422).
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemKind::Invalid, detail)
    }

    /// It is not allowed (403).
    #[must_use]
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ProblemKind::Denied, detail)
    }

    /// There is no such thing (404).
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ProblemKind::NotFound, detail)
    }

    /// It is busy, exists or has changed (409).
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, ProblemKind::Conflict, detail)
    }

    /// It cannot be done now (503).
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ProblemKind::Unavailable, detail)
    }

    /// The server failed (500).
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ProblemKind::Internal, detail)
    }

    /// With what to do next.
    #[must_use]
    pub fn next_step(mut self, step: impl Into<String>) -> Self {
        self.0.next_step = Some(step.into());
        self
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem itself.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    fn operation(mut self, operation: Option<OperationId>) -> Self {
        self.0.operation = operation.map(|id| id.0);
        self
    }

    fn diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemKind::Invalid, detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(%status, detail = self.0.detail, "a request failed");
        }
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        let said = error.to_string();
        match error {
            EngineError::NotFound { .. } | EngineError::Forgotten { .. } => Self::not_found(said),
            EngineError::Conflict { operation, .. } => Self::conflict(said).operation(operation),
            EngineError::Denied(_) => Self::denied(said),
            EngineError::Invalid { diagnostics, .. } => Self::invalid(said).diagnostics(diagnostics),
            EngineError::NoImplementer(_) => {
                Self::invalid(said).next_step("install its extension: cld extension install FILE")
            }
            // It is not the server that failed, and not the request: what it asked has.
            EngineError::Extension(_) => Self::new(StatusCode::BAD_GATEWAY, ProblemKind::Internal, said),
            EngineError::Cloud(error) => error.into(),
            EngineError::Sandbox(error) => error.into(),
            EngineError::Registry(error) => error.into(),
            EngineError::Store(error) => error.into(),
        }
    }
}

impl From<CloudError> for Refusal {
    fn from(error: CloudError) -> Self {
        let said = error.to_string();
        match error {
            CloudError::NotSetUp { .. } => Self::denied(said),
            CloudError::Credentials(error) => error.into(),
            CloudError::Store(error) => error.into(),
            CloudError::Sealed { .. } => Self::internal(said),
        }
    }
}

impl From<CredentialError> for Refusal {
    fn from(error: CredentialError) -> Self {
        let said = error.to_string();
        match error {
            CredentialError::Missing { .. } | CredentialError::Refused { .. } => Self::denied(said),
            CredentialError::Unreachable { .. } => Self::unavailable(said),
            CredentialError::Unusable { .. }
            | CredentialError::Mismatch { .. }
            | CredentialError::NoSuchSigner { .. }
            | CredentialError::Request(_) => Self::invalid(said),
        }
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        let said = error.to_string();
        match error {
            RegistryError::NotFound(_) => Self::not_found(said),
            RegistryError::Package(PackageError::TooLarge { .. }) => Self::too_large(said),
            RegistryError::Package(_)
            | RegistryError::Grants(_)
            | RegistryError::Describe(_)
            | RegistryError::Description(_) => Self::invalid(said),
            RegistryError::Sandbox(error) => error.into(),
            RegistryError::NotAgreed { .. }
            | RegistryError::Conflict(_)
            | RegistryError::Catalog(_)
            | RegistryError::Hurried(_) => Self::conflict(said),
            RegistryError::File { .. } => Self::internal(said),
            RegistryError::Store(error) => error.into(),
        }
    }
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        let said = error.to_string();
        match error {
            SandboxError::Setup(_) => Self::internal(said),
            SandboxError::TooLarge { .. } => Self::too_large(said),
            SandboxError::Compile { .. } | SandboxError::Link { .. } | SandboxError::NotExported { .. } => {
                Self::invalid(said)
            }
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let said = error.to_string();
        match error {
            StoreError::Conflict { .. } => {
                Self::conflict("somebody else has changed it at the same moment: look again")
            }
            StoreError::Exists { .. } => Self::conflict(said),
            StoreError::Full { .. } | StoreError::Io { .. } | StoreError::Closed | StoreError::Locked { .. } => {
                Self::unavailable(said)
            }
            StoreError::TooLarge { .. } => Self::too_large(said),
            _ => Self::internal(said),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_environment_names_the_operation_in_the_way() {
        let id = OperationId("01j".to_owned());
        let refusal = Refusal::from(EngineError::Conflict { message: "busy".to_owned(), operation: Some(id) });
        assert_eq!(refusal.status(), StatusCode::CONFLICT);
        assert_eq!(refusal.problem().operation.as_deref(), Some("01j"));
        assert_eq!(refusal.problem().type_uri, "urn:cloudark:problem:conflict");
    }

    #[test]
    fn a_full_disk_is_not_the_clients_fault() {
        let refusal = Refusal::from(EngineError::Store(StoreError::Full { path: "/x".into() }));
        assert_eq!((refusal.status().as_u16(), refusal.problem().kind), (503, ProblemKind::Unavailable));
    }
}
