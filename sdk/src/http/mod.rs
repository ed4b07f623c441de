//! HTTP calls to granted origins. The host signs, substitutes secrets, sends, captures and scrubs; every call is an
//! entry of the task's journal.
//!
//! ```no_run
//! use cloudark_sdk::http::{Request, Signer};
//! # fn call() -> cloudark_sdk::Result<()> {
//! let thing: serde_json::Value = Request::get("https://api.example.com/things/a")
//!     .sign(Signer::Header { name: "x-api-key".into(), prefix: String::new() })
//!     .send()?
//!     .success("reading thing a")?
//!     .json()?;
//! # Ok(())
//! # }
//! ```

mod request;
mod response;

pub use request::{Encoding, Request, Signer, encode};
pub use response::{CallError, Response};

use crate::{Failure, Result, host};

/// The most requests that the host takes at once.
const AT_ONCE: usize = 64;

/// Send these in parallel; one commit for all intents and one for all results. The answers are in the order of the
/// requests.
#[must_use]
pub fn send_all(requests: Vec<Request>) -> Vec<Result<Response, CallError>> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut requests = requests.into_iter().peekable();
    while requests.peek().is_some() {
        let batch: Vec<_> = requests.by_ref().take(AT_ONCE).map(Request::into_wit).collect();
        let ready: Vec<_> = batch.iter().filter_map(|request| request.as_ref().ok().cloned()).collect();
        let mut sent = host::send_all(&ready).into_iter();
        for request in batch {
            answers.push(match request {
                Err(error) => Err(error),
                Ok(_) => match sent.next() {
                    Some(Ok(response)) => Ok(Response::from_wit(response)),
                    Some(Err(error)) => Err(CallError::from_wit(error)),
                    None => Err(CallError::Transport("the host answered fewer calls than it was asked".to_owned())),
                },
            });
        }
    }
    answers
}

/// Trust the endpoint and CA that a response shows, at the pointers that the grant fixes. Returns the origin:
/// `https://34.1.2.3`.
///
/// # Errors
/// `denied` where no grant lets the extension learn from this response, or it does not bear our mark.
pub fn trust(response: &Response) -> Result<String> {
    host::trust(response.call).map(|origin| origin.url).map_err(Failure::from_wit)
}
