//! Our side: a server in this process, of which only the sandbox, the host and the journal are used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudark_api::ids::OperationId;
use cloudark_runtime::api::App;
use cloudark_runtime::config::Config;
use cloudark_runtime::extensions::ComponentDigest;
use cloudark_runtime::extensions::grants::{Grants, Mode};
use cloudark_runtime::host::scope::PieceKey;
use cloudark_runtime::host::{Host, Identity, Scope, SharedSequence, TaskId, Trail, wall};
use cloudark_runtime::journal::DurableJournal;
use cloudark_runtime::sandbox::bindings::types::{Context, Intent};
use cloudark_runtime::sandbox::run::Finished;
use cloudark_runtime::sandbox::{ExportCall, Loaded, Returned, Role, RunEnd};
use cloudark_runtime::server::Server;
use cloudark_runtime::services::Timing;
use cloudark_runtime::store::lease::{self, Standing};
use cloudark_runtime::store::{Incarnation, Lease, Txn};
use cloudark_tests::client::Client;
use cloudark_tests::fixture_cloud::{FixtureCloud, KEY};
use serde_json::json;
use tempfile::TempDir;

pub struct Ours {
    app: App,
    loaded: Arc<Loaded>,
    grants: Grants,
    me: Incarnation,
    _folder: TempDir,
}

/// A run that is ready to begin.
pub struct Ready {
    host: Host,
    journal: DurableJournal,
    call: ExportCall,
}

impl Ours {
    /// With the fixture guest installed, and set up for this cloud.
    pub async fn start(cloud: &FixtureCloud) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            listen: Some("127.0.0.1:0".parse().expect("an address")),
            timing: Timing { scale: 0.001 },
            ..Config::default()
        };
        let server = Server::start(folder.path(), &config).await.expect("the server starts");
        let app = Arc::clone(server.app());
        tokio::spawn(server.run(std::future::pending()));
        let client = Client::of(folder.path()).expect("the server says where it is");
        client.install(&cloudark_tests::guest("fixture")).await.ok();
        client.set_up("fix", &cloud.url, json!({ "source": "value", "secret": KEY })).await;

        let wasm = std::fs::read(cloudark_tests::guest("fixture")).expect("the guest is there");
        let digest = ComponentDigest::of(&wasm);
        let loaded = app.registry.load(&digest).await.expect("it loads");
        let (_, grants) = app.registry.grants(&digest, "fix", &app.services.clouds).await.expect("its grants");
        let me = app.services.store.incarnate("bench").await.expect("the store works");
        Self { app, loaded, grants, me, _folder: folder }
    }

    fn task() -> TaskId {
        TaskId { operation: OperationId("bench".to_owned()), number: 0 }
    }

    async fn host(&self) -> Host {
        let services = &self.app.services;
        let piece = PieceKey::Resource("it".to_owned());
        let identity = Identity::load(&*services.store, &services.vault, "bench", &piece, 1, &[]).await;
        let scope = Scope {
            environment_id: "bench".to_owned(),
            environment: "bench".to_owned(),
            cloud: "fix".to_owned(),
            mark: Scope::mark_of("bench", &piece),
            piece,
            generation: 1,
            task: Some(Self::task()),
            label: "bench/0".to_owned(),
            extension: "fixture".to_owned(),
            digest: self.loaded.digest,
            grants: self.grants.clone(),
            mode: Mode::Operation,
            account: None,
            settings: BTreeMap::new(),
            from_application: BTreeSet::new(),
            cancelled: Arc::default(),
        };
        Host {
            scope: Arc::new(scope),
            services: Arc::clone(services),
            identity: identity.expect("the store works"),
            trail: Trail::default(),
            sequence: SharedSequence::default(),
        }
    }

    fn create(context: &Context, intent: &Intent) -> ExportCall {
        ExportCall::Create { role: Role::Resource, context: context.clone(), intent: intent.clone() }
    }

    /// A first run, with a journal that is forgotten.
    pub async fn ready(&self, context: &Context, intent: &Intent) -> Ready {
        let journal = DurableJournal::in_memory(wall());
        Ready { host: self.host().await, journal, call: Self::create(context, intent) }
    }

    /// From a fresh instance to its end.
    pub async fn run(&self, ready: Ready) -> Finished {
        let Ready { host, journal, call } = ready;
        let finished = self.app.sandbox.run(&self.loaded, host, journal, &call).await;
        assert!(matches!(finished.end, RunEnd::Returned(Returned::Instance(_))), "{:?}", finished.end);
        finished
    }

    /// The lease of the task.
    pub async fn lease(&self) -> Lease {
        let store = &*self.app.services.store;
        match lease::standing(store, &self.me, &Self::task().key()).await.expect("the store works") {
            Standing::Free(claim) | Standing::Ours(claim) => claim.take(store).await.expect("nobody else works on it"),
            Standing::Held(other) => panic!("{other} works on it"),
        }
    }

    /// Runs the task once, so that its calls are in the store.
    pub async fn record(&self, context: &Context, intent: &Intent) {
        let ready = self.reopened(context, intent, self.lease().await).await;
        let finished = self.run(ready).await;
        finished.journal.close(Txn::new()).await.expect("the store works");
    }

    /// A run on the task's journal, read from the store.
    pub async fn reopened(&self, context: &Context, intent: &Intent, lease: Lease) -> Ready {
        let store = Arc::clone(&self.app.services.store);
        let journal = DurableJournal::open(store, Self::task().key(), lease, wall()).await.expect("the journal opens");
        Ready { host: self.host().await, journal, call: Self::create(context, intent) }
    }
}
