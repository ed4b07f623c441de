//! The HTTP clients: one for each extension and origin, so that no extension rides on another's
//! connections, and so that the addresses a connection may be dialled at are fixed with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use sha2::{Digest, Sha256};

use super::gate::Gate;
use super::names::{Filter, Filtered, Names};
use super::proxy::Proxy;
use super::target::{Origin, Reachable, Target};
use super::tls::{Roots, TlsError};

/// An extension may be granted `*.example.com` and so name any number of origins. The client used longest
/// ago makes room; requests under way on it end undisturbed.
const MOST_CLIENTS: usize = 512;

/// What makes two requests share connections.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    pool: String,
    origin: Origin,
    reachable: Reachable,
    ca: Option<[u8; 32]>,
}

/// The clients made so far.
pub(super) struct Clients {
    pub(super) roots: Roots,
    names: Arc<dyn Names>,
    proxy: Option<Proxy>,
    idle_timeout: Duration,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    clients: HashMap<Key, (Client, u64)>,
    uses: u64,
}

/// Why no client could be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
}

impl Clients {
    pub(super) fn new(names: Arc<dyn Names>, proxy: Option<Proxy>, idle_timeout: Duration) -> Self {
        Self { roots: Roots::load(), names, proxy, idle_timeout, made: Mutex::default() }
    }

    /// The client for this extension and target.
    pub(super) fn get(&self, pool: &str, target: &Target, ca: Option<&str>) -> Result<Client, ClientError> {
        let key = Key {
            pool: pool.to_owned(),
            origin: target.origin.clone(),
            reachable: target.reachable.clone(),
            ca: ca.map(|pem| Sha256::digest(pem).into()),
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.uses += 1;
        let now = made.uses;
        if let Some((client, used)) = made.clients.get_mut(&key) {
            *used = now;
            return Ok(client.clone());
        }
        let client = self.make(target, ca)?;
        if made.clients.len() >= MOST_CLIENTS {
            let oldest = made.clients.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.and_then(|key| made.clients.remove(&key));
        }
        made.clients.insert(key, (client.clone(), now));
        Ok(client)
    }

    fn make(&self, target: &Target, ca: Option<&str>) -> Result<Client, ClientError> {
        let proxy = self.proxy_for(target);
        let filter = match proxy {
            Some(_) => Filter::Proxy,
            None => Filter::Reachable(target.reachable.clone()),
        };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.roots.config(ca)?)
            .dns_resolver(Filtered { names: Arc::clone(&self.names), filter: Arc::new(filter) })
            .connector_layer(Gate)
            // A short life for idle connections: the server may close one while a request is written to it,
            // and then nobody knows whether that request was performed.
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(8)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .no_proxy()
            .user_agent(concat!("cloudark/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.url().clone()).map_err(ClientError::Setup)?);
        }
        builder.build().map_err(ClientError::Setup)
    }

    /// Loopback, and origins with ranges of their own, are on the operator's side of the proxy.
    fn proxy_for(&self, target: &Target) -> Option<&Proxy> {
        let open = matches!(&target.reachable, Reachable::Public(ranges) if ranges.is_empty());
        let proxy = self.proxy.as_ref().filter(|_| open)?;
        target.url.host().filter(|host| proxy.covers(host)).map(|_| proxy)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clients.len()
    }
}
