//! Tables and caches: made, changed, deleted, and what becomes of a run that dies at each of its changing calls.

use cloudark_aws::dynamodb::Dynamodb;
use cloudark_aws::elasticache::Elasticache;
use cloudark_aws::foundation;
use cloudark_sdk::context::PieceRole;
use cloudark_sdk::instance::Value;
use cloudark_sdk::prelude::*;
use cloudsim::Config;
use serde_json::{Value as Json, json};

use crate::bridge::{Fault, Open, World};

/// An environment of one resource.
struct Store<R: Resource> {
    world: World,
    config: Json,
    foundation: Option<Instance<foundation::State>>,
    made: Option<Instance<R::State>>,
}

impl<R: Resource> Store<R> {
    fn new(config: Json) -> Self {
        Self::on(Config::default(), config)
    }

    fn on(cloud: Config, config: Json) -> Self {
        Self { world: World::new(cloud, Open), config, foundation: None, made: None }
    }

    fn create(config: Json) -> Self {
        let mut store = Self::new(config);
        store.come_up().unwrap();
        store
    }

    fn intent(&self) -> Intent<R::Config> {
        Intent::new(R::KIND, serde_json::from_value(self.config.clone()).unwrap())
    }

    fn pieces(&self) -> Vec<Piece> {
        let (kind, config) = (R::KIND.to_owned(), self.config.clone());
        vec![Piece { role: PieceRole::Resource, name: kind.clone(), kind, config }]
    }

    fn context(&self, piece: &str) -> Context {
        let settings = self.world.settings();
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match &self.foundation {
            Some(foundation) => self.world.host.context_on(piece, &settings, &foundation.state),
            None => self.world.host.context(piece, &settings),
        }
    }

    fn come_up(&mut self) -> Result<()> {
        self.foundation = Some(foundation::Aws::prepare(&self.context("foundation/aws"), &self.pieces(), None)?);
        self.made = Some(R::create(&self.context("store"), &self.intent())?);
        Ok(())
    }

    fn output(&self, name: &str) -> String {
        match self.made.as_ref().unwrap().get(name) {
            Some(Value::Plain(text)) => text.clone(),
            other => panic!("output {name} is {other:?}"),
        }
    }

    fn plan(&mut self, config: &Json) -> Plan {
        self.config = config.clone();
        R::plan(&self.context("store"), &self.intent(), self.made.as_ref()).unwrap()
    }

    fn update(&mut self, config: &Json) -> Result<()> {
        self.config = config.clone();
        let updated = R::update(&self.context("store"), &self.intent(), self.made.as_ref().unwrap())?;
        self.made = Some(updated);
        Ok(())
    }

    /// Whether it is still there.
    fn read(&mut self) -> bool {
        let current = self.made.as_ref().unwrap();
        R::read(&self.context("store"), &self.intent(), current).unwrap().is_some()
    }

    /// A new run begins, and knows that a call of the one before may have been lost.
    fn revive(&self) {
        self.world.faults.borrow_mut().revive();
        self.world.show_everything();
        self.world.host.unsettled_until(self.world.host.now_ms() + 120_000);
    }

    fn destroy(&self) {
        R::delete(&self.context("store"), &self.intent(), self.made.as_ref()).unwrap();
        let ctx = self.context("foundation/aws");
        foundation::Aws::release(&ctx, &self.pieces(), self.foundation.as_ref()).unwrap();
    }

    fn leaves_nothing(&self) {
        self.destroy();
        assert_eq!(self.world.inventory(), Vec::<String>::new());
    }
}

#[test]
fn a_table_comes_up_without_a_network_changes_and_leaves_nothing() {
    let mut table =
        Store::<Dynamodb>::create(json!({ "hash_key": "user", "range_key": "at", "range_key_type": "number" }));
    let state = String::from_utf8(table.world.get("/_sim/calls")).unwrap();
    assert!(!state.contains("\"ec2\""), "a table needs no network");
    assert!(table.output("TableArn").ends_with(&format!("table/{}", table.output("TableName"))));
    assert_eq!(table.output("Region"), "eu-west-1");

    let keys = json!({ "hash_key": "user", "range_key": "at", "range_key_type": "number", "billing": "provisioned" });
    assert!(matches!(table.plan(&keys), Plan::Update(changes) if changes.len() == 1));
    table.update(&keys).unwrap();
    assert_eq!(table.plan(&keys), Plan::Nothing);
    let mut more = keys.clone();
    more["read_capacity"] = json!(20);
    table.update(&more).unwrap();
    assert_eq!(table.plan(&more), Plan::Nothing);
    assert!(table.read());
    table.leaves_nothing();
}

#[test]
fn a_table_that_is_retained_stays() {
    let table = Store::<Dynamodb>::create(json!({ "policy": { "deletion": "retain" } }));
    table.destroy();
    assert_eq!(table.world.inventory().len(), 1, "{:?}", table.world.inventory());
}

#[test]
fn a_cache_comes_up_encrypted_grows_shrinks_and_leaves_nothing() {
    let mut cache = Store::<Elasticache>::create(json!({}));
    assert!(cache.output("Address").contains("cache.amazonaws.com"));
    assert_eq!(cache.output("Port"), "6379");
    let token = cache.made.as_ref().unwrap().get("AuthToken").cloned();
    assert!(matches!(token, Some(Value::Secret(_))), "{token:?}");

    let larger = json!({ "replicas": 2, "flavor": "cache.r7g.large", "engine_version": "8.0" });
    assert!(matches!(cache.plan(&larger), Plan::Update(changes) if changes.len() == 3));
    cache.update(&larger).unwrap();
    assert_eq!(cache.plan(&larger), Plan::Nothing);
    assert_eq!(cache.made.as_ref().unwrap().get("AuthToken").cloned(), token, "the password stays");
    cache.update(&json!({})).unwrap();
    assert_eq!(cache.plan(&json!({})), Plan::Nothing);
    assert!(cache.read());
    cache.leaves_nothing();
}

#[test]
fn a_cache_that_fails_is_rolled_back() {
    let mut cloud = Config::default();
    cloud.aws.caches_fail = true;
    let mut cache = Store::<Elasticache>::on(cloud, json!({}));
    let failure = cache.come_up().unwrap_err();
    assert!(failure.message.contains("create-failed"), "{failure}");
    cache.leaves_nothing();
}

#[test]
fn a_last_snapshot_is_all_that_stays_of_a_cache_that_asks_for_one() {
    let cache = Store::<Elasticache>::create(json!({ "policy": { "deletion": "snapshot" } }));
    cache.leaves_nothing();
    let state = String::from_utf8(cache.world.get("/_sim/state")).unwrap();
    assert!(state.contains("test-store-final"), "{state}");
}

/// Comes up once for each changing call, dying there; what is left is deleted from the minted names alone.
fn dies_everywhere_on_its_way_up<R: Resource>(config: &Json) {
    let whole = Store::<R>::create(config.clone());
    let changes = whole.world.faults.borrow().changes.clone();
    for (index, action) in changes.iter().enumerate() {
        for fault in [Fault::DeadBefore, Fault::DeadAfter] {
            let mut store = Store::<R>::new(config.clone());
            store.world.faults.borrow_mut().at = Some((index + 1, fault));
            assert!(store.come_up().is_err(), "{action} {fault:?}");
            store.revive();
            store.leaves_nothing();
        }
        if action.starts_with("Create") {
            for fault in [Fault::AnswerLost, Fault::RequestLost] {
                let mut store = Store::<R>::new(config.clone());
                store.world.faults.borrow_mut().at = Some((index + 1, fault));
                store.come_up().unwrap();
                store.leaves_nothing();
            }
        }
    }
}

/// Changes once for each changing call of the change, dying there; the next run gets there, from the old record.
fn dies_everywhere_in_a_change<R: Resource>(config: &Json, wanted: &Json) {
    let mut whole = Store::<R>::create(config.clone());
    let before = whole.world.faults.borrow().changes.len();
    whole.update(wanted).unwrap();
    let changes = whole.world.faults.borrow().changes.clone();
    assert!(changes.len() > before);
    for (index, action) in changes.iter().enumerate().skip(before) {
        for fault in [Fault::DeadBefore, Fault::DeadAfter] {
            let mut store = Store::<R>::create(config.clone());
            store.world.faults.borrow_mut().at = Some((index + 1, fault));
            assert!(store.update(wanted).is_err(), "{action} {fault:?}");
            store.revive();
            store.update(wanted).unwrap();
            assert_eq!(store.plan(wanted), Plan::Nothing, "{action} {fault:?}");
            store.leaves_nothing();
        }
    }
}

#[test]
fn wherever_the_making_of_a_table_dies_a_delete_leaves_nothing() {
    dies_everywhere_on_its_way_up::<Dynamodb>(&json!({}));
}

#[test]
fn wherever_the_making_of_a_cache_dies_a_delete_leaves_nothing() {
    dies_everywhere_on_its_way_up::<Elasticache>(&json!({ "replicas": 1 }));
}

#[test]
fn wherever_the_change_of_a_table_dies_the_next_one_gets_there() {
    dies_everywhere_in_a_change::<Dynamodb>(&json!({}), &json!({ "billing": "provisioned" }));
}

#[test]
fn wherever_the_change_of_a_cache_dies_the_next_one_gets_there() {
    let (small, large) = (json!({}), json!({ "replicas": 2, "flavor": "cache.t4g.small" }));
    dies_everywhere_in_a_change::<Elasticache>(&small, &large);
    dies_everywhere_in_a_change::<Elasticache>(&large, &small);
}
