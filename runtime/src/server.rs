//! The server: what it is made of, opened in order, and served until it is told to stop.
//!
//! ```no_run
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use cloudark_runtime::config::Config;
//! use cloudark_runtime::server::Server;
//!
//! let server = Server::start("/var/lib/cloudark".as_ref(), &Config::default()).await?;
//! println!("listening on http://{}", server.address());
//! server.run(async { let _ = tokio::signal::ctrl_c().await; }).await;
//! # Ok(()) }
//! ```
//!
//! Once [`Server::start`] has returned, operations that a crash interrupted go on. Stopping does not wait for
//! operations: a stop is like a crash, but for answers that are under way.

mod connections;
pub mod home;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::api::{self, App, AppState, guard, idempotency};
use crate::clouds::Clouds;
use crate::config::{Config, ConfigError};
use crate::credentials::Surroundings;
use crate::credentials::vault::{FileKey, Vault, VaultError};
use crate::egress::{Egress, EgressConfig};
use crate::engine::Engine;
use crate::extensions::cache::CompileCache;
use crate::registry::Registry;
use crate::sandbox::{Sandbox, SandboxError};
use crate::services::Services;
use crate::store::redb::Options as StoreOptions;
use crate::store::{Key, RedbStore, Store, StoreError, Table, Txn, Typed};
use home::{Home, HomeError, Running};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key.
    #[error("{0}{why}", why = cause_of(.0))]
    Vault(#[from] VaultError),
    /// The store has secrets, and their key is gone.
    #[error("the master key of the store in {} is missing: put its file {} back in place (it is part of a full backup)",
        path.parent().unwrap_or(path).display(), path.display())]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key is another one than the store's.
    #[error("the store was written with master key {stored}, and {} is {found}: put the right one back in place", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The store's.
        stored: String,
        /// The file's.
        found: String,
    },
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The address.
    #[error("listening on {address}: {cause}{}", next_step(.cause))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// A part of the server failed while it was opened.
    #[error("starting the server: {0}")]
    Part(#[from] tokio::task::JoinError),
}

fn cause_of(error: &VaultError) -> String {
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}

fn next_step(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => ". Another server is there: stop it, or choose another address with --listen",
        _ => "",
    }
}

/// A server that is ready to answer.
pub struct Server {
    home: Home,
    app: App,
    listener: TcpListener,
    address: SocketAddr,
}

/// How often old answers are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

impl Server {
    /// Opens everything in this data directory, takes operations up again, and listens.
    ///
    /// # Errors
    /// What is wrong, where, and what to do: [`StartError`].
    pub async fn start(data: &Path, config: &Config) -> Result<Self, StartError> {
        let (wanted, timing) = (config.listen()?, config.timing()?);
        let egress = EgressConfig { proxy: config.proxy()?, ..EgressConfig::default() };
        let ranges = config.ranges()?;
        let keep = config.journal.keep.duration();
        let home = Home::open(data)?;
        let vault = Arc::new(Vault::new(Arc::new(master_key(&home)?)));

        // The three slow parts, side by side.
        let path = home.store();
        let options = StoreOptions { cache_bytes: config.store.cache_bytes, ..StoreOptions::default() };
        let store = tokio::task::spawn_blocking(move || RedbStore::open(&path, &options));
        let (limits, cache) = (config.limits.clone(), CompileCache::new(*vault.derive("compile-cache")));
        let folder = home.cache();
        let sandbox = tokio::task::spawn_blocking(move || Sandbox::new(limits, Some((cache, folder))));
        let egress = tokio::task::spawn_blocking(move || Egress::new(egress));
        let store: Arc<dyn Store> = Arc::new(store.await??);
        let (sandbox, egress) = (Arc::new(sandbox.await??), Arc::new(egress.await?));

        check_key(&*store, &vault, &home).await?;
        let listener = listen(wanted).await?;
        let address = listener.local_addr().map_err(|cause| StartError::Listen { address: wanted, cause })?;
        let token = home.token()?;
        let incarnation = store.incarnate(&format!("process {}", std::process::id())).await?;
        let surroundings =
            Surroundings { egress: Arc::clone(&egress), account_key: Zeroizing::new(vault.derive("account").to_vec()) };
        let clouds = Clouds::new(Arc::clone(&store), Arc::clone(&vault), surroundings);
        let registry = Registry::open(Arc::clone(&store), Arc::clone(&sandbox), home.components(), timing).await?;
        let registry = Arc::new(registry);
        let services = Arc::new(Services { store: Arc::clone(&store), vault, egress, clouds, timing, ranges });
        let engine = Engine::new(Arc::clone(&services), Arc::clone(&sandbox), Arc::clone(&registry), incarnation, keep);
        let recovered = engine.recover().await?;
        tracing::info!(data = %home.path().display(), incarnation = engine.incarnation(), recovered, "ready");

        // Tasks load what they need; the rest is compiled meanwhile.
        let warming = Arc::clone(&registry);
        tokio::spawn(async move { warming.warm_up().await });
        tokio::spawn(tidy(store));
        home.announce(&Running { address, pid: std::process::id() })?;
        let app = Arc::new(AppState {
            engine,
            registry,
            sandbox,
            services,
            token,
            hosts: guard::hosts(address, &config.hosts),
            data_dir: home.path().to_owned(),
            under_way: idempotency::UnderWay::default(),
            stopping: CancellationToken::new(),
        });
        Ok(Self { home, app, listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its routes work with.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers until `stop` is ready; then finishes the answers that are under way, and returns.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let router = api::router(Arc::clone(&self.app));
        connections::serve(self.listener, router, stop, &self.app.stopping).await;
        self.home.withdraw();
    }
}

fn master_key(home: &Home) -> Result<FileKey, StartError> {
    let path = home.master_key();
    if home.store().exists() && !path.exists() {
        return Err(StartError::NoKey { path });
    }
    Ok(FileKey::load_or_create(&path)?)
}

/// Notices that the key file is another than the one that the store's secrets were sealed with.
async fn check_key(store: &dyn Store, vault: &Vault, home: &Home) -> Result<(), StartError> {
    let row = Key::new().text("master-key");
    let found = vault.key_id().to_string();
    match store.get_json::<String>(Table::Meta, &row).await? {
        None => {
            let txn = Txn::new().check_absent(Table::Meta, &row).put_json(Table::Meta, &row, &found)?;
            store.commit(txn).await?;
            Ok(())
        }
        Some(stored) if stored.value == found => Ok(()),
        Some(stored) => Err(StartError::OtherKey { path: home.master_key(), stored: stored.value, found }),
    }
}

/// Binds the address; one that was just left by another server can be taken at once.
async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })
}

async fn tidy(store: Arc<dyn Store>) {
    loop {
        if let Err(error) = idempotency::forget_old(&*store).await {
            tracing::warn!(%error, "old answers cannot be forgotten");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}
