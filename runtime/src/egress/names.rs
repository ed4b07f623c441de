//! Resolving names, and the filter between the resolver and the dialler.
//!
//! The HTTP client dials what [`Filtered`] returns and nothing else, on every connect: a name that answers
//! with a public address first and a private one later gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::target::Reachable;

/// Resolves host names to addresses.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of a name, in the order to try them.
    ///
    /// # Errors
    /// When the name does not exist or the resolver cannot be reached.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver: `/etc/hosts`, `nsswitch.conf`, DNS.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// What the addresses of a name are checked against before they are dialled.
pub(super) enum Filter {
    /// The addresses an origin may be reached at.
    Reachable(Reachable),
    /// None: the only name that a proxied client ever resolves is that of the operator's proxy.
    Proxy,
}

/// A resolver that returns the addresses that may be dialled.
pub(super) struct Filtered {
    pub(super) names: Arc<dyn Names>,
    pub(super) filter: Arc<Filter>,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, filter) = (Arc::clone(&self.names), Arc::clone(&self.filter));
        Box::pin(async move {
            let found = names.lookup(name.as_str()).await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let allowed = match filter.as_ref() {
                Filter::Reachable(reachable) => reachable.filter(name.as_str(), &found)?,
                Filter::Proxy => found,
            };
            // Port 0 stands for the port of the URL.
            let addresses: Addrs = Box::new(allowed.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}
