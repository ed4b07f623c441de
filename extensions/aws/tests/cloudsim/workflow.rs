//! An environment of one database and one cluster, as the engine makes it: each step with the context of its piece.

use std::collections::BTreeMap;

use cloudark_aws::{ecs, foundation, rds};
use cloudark_sdk::context::PieceRole;
use cloudark_sdk::instance::Value;
use cloudark_sdk::prelude::*;
use serde_json::{Value as Json, json};

use crate::bridge::World;

/// An application that was deployed.
pub type Deployed = Deployment<ecs::Deployed>;

/// What was made so far.
pub struct Environment {
    pub world: World,
    pub database: Option<Instance<rds::State>>,
    config: Json,
    foundation: Option<Instance<foundation::State>>,
    cluster: Option<Instance<ecs::State>>,
}

/// An application of this image, with a plain and a secret variable.
pub fn app(image: &str) -> Application {
    let secret = Secret::from_reference("ref-db-master");
    Application {
        container_port: Some(8080),
        env: vec![("HOST".into(), Value::Plain("db.example".into())), ("PASSWORD".into(), Value::Secret(secret))],
        ..Application::new("web", image)
    }
}

fn intent<C: serde::de::DeserializeOwned>(kind: &str, config: &Json) -> Intent<C> {
    Intent::new(kind, serde_json::from_value(config.clone()).unwrap())
}

/// What is wanted of the database, with the names that the host has minted for it.
fn database(config: &Json) -> Intent<<rds::Rds as Resource>::Config> {
    let mut wanted = intent("rds", config);
    wanted.names = BTreeMap::from([("access".to_owned(), "test-db-access".to_owned())]);
    wanted
}

impl Environment {
    /// An environment that nothing was made of yet.
    pub fn new(world: World, config: Json) -> Self {
        Self { world, database: None, config, foundation: None, cluster: None }
    }

    /// One that is up.
    pub fn create(world: World, config: Json) -> Self {
        let mut new = Self::new(world, config);
        new.come_up().unwrap();
        new
    }

    pub fn come_up(&mut self) -> Result<()> {
        let pieces = self.pieces();
        self.foundation = Some(foundation::Aws::prepare(&self.context("foundation/aws"), &pieces, None)?);
        self.cluster = Some(ecs::Ecs::create(&self.context("cluster"), &intent("ecs", &json!({})))?);
        self.database = Some(rds::Rds::create(&self.context("db"), &database(&self.config))?);
        Ok(())
    }

    /// As after a run that died: what follows has the minted names alone. The cluster's record there is, where the
    /// run got as far as to an application.
    pub fn forget(&mut self) {
        self.revive();
        self.database = None;
    }

    /// A new run begins, and knows that a call of the one before may have been lost.
    pub fn revive(&mut self) {
        self.world.faults.borrow_mut().revive();
        self.world.show_everything();
        let settles = self.world.host.now_ms() + 120_000;
        self.world.host.unsettled_until(settles);
    }

    fn pieces(&self) -> Vec<Piece> {
        let piece = |role, kind: &str, name: &str, config: &Json| Piece {
            role,
            kind: kind.to_owned(),
            name: name.to_owned(),
            config: config.clone(),
        };
        vec![
            piece(PieceRole::Cluster, "ecs", "cluster", &json!({})),
            piece(PieceRole::Resource, "rds", "db", &self.config),
        ]
    }

    pub fn context(&self, piece: &str) -> Context {
        let settings = self.world.settings();
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match &self.foundation {
            Some(foundation) => self.world.host.context_on(piece, &settings, &foundation.state),
            None => self.world.host.context(piece, &settings),
        }
    }

    pub fn output(&self, name: &str) -> String {
        match self.database.as_ref().unwrap().get(name) {
            Some(Value::Plain(text)) => text.clone(),
            other => panic!("output {name} is {other:?}"),
        }
    }

    pub fn plan(&self, config: &Json) -> Plan {
        rds::Rds::plan(&self.context("db"), &database(config), self.database.as_ref()).unwrap()
    }

    pub fn update(&mut self, config: &Json) {
        let current = self.database.take().unwrap();
        self.database = Some(rds::Rds::update(&self.context("db"), &database(config), &current).unwrap());
        self.config = config.clone();
    }

    /// The database is taken out of the environment.
    pub fn drop_database(&mut self) {
        let config = self.config.clone();
        rds::Rds::delete(&self.context("db"), &database(&config), self.database.take().as_ref()).unwrap();
    }

    /// The foundation, prepared for the cluster alone.
    pub fn prepare_again(&mut self) -> foundation::Groups {
        let pieces: Vec<Piece> = self.pieces().into_iter().filter(|piece| piece.kind == "ecs").collect();
        let current = self.foundation.clone();
        let prepared = foundation::Aws::prepare(&self.context("foundation/aws"), &pieces, current.as_ref()).unwrap();
        let groups = prepared.state.groups.clone();
        self.foundation = Some(prepared);
        groups
    }

    fn cluster(&self) -> &Instance<ecs::State> {
        self.cluster.as_ref().unwrap()
    }

    pub fn deploy(&mut self, app: &Application) -> Result<Deployed> {
        let ctx = self.context(&app.name);
        ecs::Ecs::deploy(&ctx, self.cluster(), &intent("ecs", &json!({})), app)
    }

    pub fn redeploy(&mut self, current: &Deployed, app: &Application) -> Result<Deployed> {
        self.redeploy_named("web", current, app)
    }

    pub fn redeploy_named(&mut self, piece: &str, current: &Deployed, app: &Application) -> Result<Deployed> {
        ecs::Ecs::redeploy(&self.context(piece), self.cluster(), &intent("ecs", &json!({})), current, app)
    }

    pub fn undeploy(&mut self, current: Option<&Deployed>) {
        self.undeploy_named("web", current);
    }

    pub fn undeploy_named(&mut self, piece: &str, current: Option<&Deployed>) {
        self.try_undeploy(piece, current).unwrap();
    }

    pub fn try_undeploy(&mut self, piece: &str, current: Option<&Deployed>) -> Result<()> {
        let mut intent: Intent<Json> = intent("ecs", &json!({}));
        // The host gives all names that were minted; of these only the parameters' are read.
        intent.names = BTreeMap::from([1, 2, 3].map(|revision| {
            let label = format!("secret-{revision}-PASSWORD");
            let name = format!("cloudark-test-{piece}-{label}");
            (label, name)
        }));
        ecs::Ecs::undeploy(&self.context(piece), self.cluster.as_ref(), &intent, current)
    }

    pub fn read(&self, current: &Deployed) -> Option<Deployed> {
        let intent = intent("ecs", &json!({}));
        ecs::Ecs::read_application(&self.context("web"), self.cluster(), &intent, current).unwrap()
    }

    pub fn logs(&self, current: &Deployed, stream: LogStream) -> Vec<String> {
        let query = LogQuery { stream, since_ms: None, tail: Some(100), cursor: None };
        let page = ecs::Ecs::logs(&self.context("web"), self.cluster(), current, &query).unwrap();
        page.lines.into_iter().map(|line| line.message).collect()
    }

    pub fn destroy(&mut self) {
        let config = self.config.clone();
        rds::Rds::delete(&self.context("db"), &database(&config), self.database.as_ref()).unwrap();
        ecs::Ecs::delete(&self.context("cluster"), &intent("ecs", &json!({})), self.cluster.as_ref()).unwrap();
        let (pieces, ctx) = (self.pieces(), self.context("foundation/aws"));
        foundation::Aws::release(&ctx, &pieces, self.foundation.as_ref()).unwrap();
    }
}
