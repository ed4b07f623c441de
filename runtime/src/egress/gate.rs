//! The send-before time, checked at the socket, and the time to connect.
//!
//! A server that takes over another's work waits until no request of the other can still leave. That holds
//! only if the other looks at the clock after the connection is made, not when it began to dial: connecting
//! may take seconds. [`Gate`] sits around the HTTP client's connector and does that.
//!
//! One way around it is left: a request that waits for its own connection is handed one that another request
//! of the same extension and origin has just given back. It leaves then, which is at most the time to connect
//! (10 s unless configured) after it looked at the clock. Who waits a send-before time out adds that.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

/// The limits on connecting for one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) send_before: SystemTime,
    /// Before the request's own time limit, so that a host that swallows packets is told apart from one that
    /// got the request and is silent.
    pub(super) connect_by: Instant,
}

tokio::task_local! {
    /// The limits of the request that this task is sending.
    pub(super) static LIMITS: Limits;
}

/// No connection in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection could be made in time")]
struct Slow;

/// The send-before time passed while the connection was being made.
#[derive(Debug, thiserror::Error)]
#[error("the time to send it had passed when the connection was made")]
pub(super) struct Late;

/// Wraps the connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate;

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, connector: S) -> Gated<S> {
        Gated(connector)
    }
}

/// A connector behind the gate.
#[derive(Debug, Clone)]
pub(super) struct Gated<S>(S);

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        // Read here: the client may finish connecting on a task of its own, where the value is not set.
        let limits = LIMITS.try_with(|limits| *limits).ok();
        let connecting = self.0.call(destination);
        Box::pin(async move {
            let Some(limits) = limits else {
                return connecting.await;
            };
            let connection = timeout_at(limits.connect_by, connecting).await.map_err(|_| Slow)??;
            if SystemTime::now() >= limits.send_before {
                return Err(Box::new(Late) as BoxError);
            }
            Ok(connection)
        })
    }
}
