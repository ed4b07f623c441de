//! Parts of requests, whose mistakes are answered as problems like all others.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use cloudark_api::problem::ProblemKind;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// A JSON body.
pub struct Body<T>(pub T);

/// A WebAssembly component as the body.
pub struct Component(pub Vec<u8>);

/// What the query says; parameters that it does not know are left alone.
pub struct Asked<T>(pub T);

/// The names in the path.
pub struct Named<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refuse_json(&rejection)),
        }
    }
}

fn refuse_json(rejection: &JsonRejection) -> Refusal {
    refuse(rejection.status(), rejection.body_text())
}

impl<S: Send + Sync> FromRequest<S> for Component {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_wasm = |value: &axum::http::HeaderValue| value.as_bytes() == b"application/wasm";
        if !request.headers().get(axum::http::header::CONTENT_TYPE).is_some_and(is_wasm) {
            return Err(refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "an extension is sent as `Content-Type: application/wasm`".to_owned(),
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        let refused = |rejection: BytesRejection| refuse(rejection.status(), rejection.body_text());
        Ok(Self(bytes.map_err(refused)?.into()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let refused = |rejection: QueryRejection| Refusal::invalid(rejection.body_text());
        Query::<T>::from_request_parts(parts, state).await.map(|Query(query)| Self(query)).map_err(refused)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let refused = |rejection: PathRejection| Refusal::invalid(rejection.body_text());
        Path::<T>::from_request_parts(parts, state).await.map(|Path(path)| Self(path)).map_err(refused)
    }
}

fn refuse(status: StatusCode, detail: String) -> Refusal {
    let kind = if status.is_server_error() { ProblemKind::Internal } else { ProblemKind::Invalid };
    Refusal::new(status, kind, detail)
}
