//! A POST with an `Idempotency-Key` is performed once: sent again, it gets the answer of the first time.
//!
//! Answers are rows, kept for a day; that of a request that begins an operation is written together with the
//! operation ([`crate::receipt`]). A failure of the server itself is not kept: sent again, it is tried again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cloudark_api::problem::ProblemKind;
use sha2::{Digest as _, Sha256};

use super::App;
use super::refusal::Refusal;
use crate::host::wall;
use crate::receipt::{Given, Receipt};
use crate::store::{Key, Store, StoreError, Table, Txn, Typed};

/// The header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How long answers are kept.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;
/// The longest answer that is kept, in bytes: those of POSTs are short.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Keys whose requests are under way.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<String>>);

impl UnderWay {
    fn begin(&self, key: &str) -> Option<Turn<'_>> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        is_first.then(|| Turn { all: self, key: key.to_owned() })
    }
}

/// The right to perform the request of a key; given back when dropped.
struct Turn<'a> {
    all: &'a UnderWay,
    key: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Performs a request once; its body has at most so many bytes.
pub async fn once(State((app, limit)): State<(App, usize)>, request: Request, next: Next) -> Response {
    match try_once(&app, limit, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn try_once(app: &App, limit: usize, request: Request, next: Next) -> Result<Response, Refusal> {
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    let store = &*app.services.store;
    let row = Key::new().text(&key);
    let _turn = app.under_way.begin(&key).ok_or_else(|| {
        Refusal::conflict("a request with this Idempotency-Key is under way")
            .next_step("wait for it, or send it again in a moment")
    })?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, limit).await.map_err(|_| {
        let detail = format!("the body could not be read, or is longer than {limit} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemKind::Invalid, detail)
    })?;
    let asked = digest(&parts.method, &parts.uri, &body);
    let before = store.get_json::<Given>(Table::Idempotency, &row).await?.map(|row| row.value);
    if let Some(given) = before.filter(|given| wall().0.saturating_sub(given.at.0) < KEPT_MS) {
        if given.request != asked {
            return Err(Refusal::invalid("this Idempotency-Key belongs to another request")
                .next_step("use a new key for each request"));
        }
        return Ok(again(given));
    }
    let receipt = Receipt::new(row.clone(), asked.clone());
    let response = receipt.scope(next.run(Request::from_parts(parts, Body::from(body)))).await;
    if response.status().is_server_error() {
        return Ok(response);
    }
    if response.status() == StatusCode::ACCEPTED && store.get(Table::Idempotency, &row).await?.is_some() {
        // It was written with the operation that it tells of.
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LONGEST_ANSWER)
        .await
        .map_err(|error| Refusal::internal(format!("the answer is too long: {error}")))?;
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let given = Given {
        request: asked,
        at: wall(),
        status: parts.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    // What was done is done: that its answer cannot be kept must not make it look undone.
    let kept = async { store.commit(Txn::new().put_json(Table::Idempotency, &row, &given)?).await };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
    text.map(|text| Some(text.to_owned()))
        .ok_or_else(|| Refusal::invalid(format!("an Idempotency-Key is 1 to {LONGEST_KEY} visible characters")))
}

fn digest(method: &axum::http::Method, uri: &axum::http::Uri, body: &Bytes) -> String {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), target.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

fn again(given: Given) -> Response {
    let mut response = given.body.into_response();
    *response.status_mut() = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [(header::CONTENT_TYPE, given.content_type), (header::LOCATION, given.location)] {
        if let Some(value) = value.and_then(|value| value.parse().ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// Forgets answers that are older than a day.
///
/// # Errors
/// Those of the store.
pub async fn forget_old(store: &dyn Store) -> Result<usize, StoreError> {
    let rows = store.scan_json::<Given>(Table::Idempotency, &[], None, usize::MAX, false).await?;
    let now = wall().0;
    let old: Vec<_> = rows.into_iter().filter(|row| now.saturating_sub(row.value.at.0) >= KEPT_MS).collect();
    let count = old.len();
    if count > 0 {
        store.commit(old.into_iter().fold(Txn::new(), |txn, row| txn.delete(Table::Idempotency, row.key))).await?;
    }
    Ok(count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::journal::Millis;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn answers_are_forgotten_after_a_day() {
        let store = MemoryStore::new();
        let given = |at: u64| Given {
            request: String::new(),
            at: Millis(at),
            status: 202,
            content_type: None,
            location: None,
            body: String::new(),
        };
        let now = wall().0;
        let txn = Txn::new()
            .put_json(Table::Idempotency, Key::new().text("old"), &given(now - KEPT_MS))
            .unwrap()
            .put_json(Table::Idempotency, Key::new().text("new"), &given(now))
            .unwrap();
        store.commit(txn).await.unwrap();
        assert_eq!(forget_old(&store).await.unwrap(), 1);
        assert_eq!(forget_old(&store).await.unwrap(), 0);
    }

    #[test]
    fn a_key_has_one_request_at_a_time() {
        let all = UnderWay::default();
        let turn = all.begin("k");
        assert!(turn.is_some() && all.begin("k").is_none() && all.begin("other").is_some());
        drop(turn);
        assert!(all.begin("k").is_some());
    }
}
