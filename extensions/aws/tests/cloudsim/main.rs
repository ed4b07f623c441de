//! The extension on the simulated AWS, from an empty account to an application that serves, and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bridge;
mod faults;
mod stores;
mod workflow;

use bridge::{Open, World};
use cloudark_sdk::instance::Value;
use cloudark_sdk::prelude::*;
use cloudsim::Config;
use serde_json::json;
use workflow::{Environment, app};

#[test]
fn an_environment_comes_up_serves_is_replaced_and_leaves_nothing() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({ "flavor": "db.m1.medium" }));
    let address = staging.output("Address");
    assert!(address.contains("rds.amazonaws.com"), "{address}");

    let first = staging.deploy(&app("web:1")).unwrap();
    assert!(first.url.as_deref().is_some_and(|url| url.starts_with("http://")), "{:?}", first.url);
    let runtime = staging.logs(&first, LogStream::Runtime);
    assert!(runtime.iter().any(|line| line.contains("listening")), "{runtime:?}");
    let said = staging.logs(&first, LogStream::Deployment);
    assert!(said.iter().any(|line| line.contains("steady state")), "{said:?}");

    let second = staging.redeploy(&first, &app("web:2")).unwrap();
    assert_ne!(second.state.task_definition, first.state.task_definition);
    assert_eq!(second.url, first.url);
    assert!(staging.read(&second).is_some());

    staging.undeploy(Some(&second));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn an_account_without_a_default_network_gets_one_and_is_rid_of_it() {
    let mut config = Config::default();
    config.aws.default_vpc = false;
    let mut staging = Environment::create(World::new(config, Open), json!({ "policy": { "access": "open" } }));
    let web = staging.deploy(&app("web:1")).unwrap();
    staging.undeploy(Some(&web));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_version_that_crashes_is_a_failed_deployment_that_says_why() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
    let failure = staging.deploy(&app("web:crash")).unwrap_err();
    for part in ["did not come up", "exit code 1", "fatal: cannot go on"] {
        assert!(failure.message.contains(part), "{part} in {failure}");
    }
    staging.undeploy(None);
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_new_version_that_does_not_come_up_leaves_the_old_one_serving() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
    let first = staging.deploy(&app("web:1")).unwrap();
    for broken in ["web:crash", "web:noimage", "web:unhealthy"] {
        let failure = staging.redeploy(&first, &app(broken)).unwrap_err();
        assert!(failure.message.contains("web:1, still serves"), "{failure}");
    }
    let second = staging.redeploy(&first, &app("web:2")).unwrap();
    staging.undeploy(Some(&second));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn two_applications_share_a_port_and_the_one_that_stays_keeps_it() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
    let web = staging.deploy(&app("web:1")).unwrap();
    let api = staging.deploy(&Application { name: "api".into(), ..app("api:1") }).unwrap();
    staging.undeploy(Some(&web));
    let again = Application { name: "api".into(), ..app("api:2") };
    let api = staging.redeploy_named("api", &api, &again).unwrap();
    staging.undeploy_named("api", Some(&api));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_database_is_changed_in_place_and_keeps_its_password() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
    let password = staging.database.as_ref().unwrap().get("MasterUserPassword").cloned();
    assert!(matches!(password, Some(Value::Secret(_))));
    let bigger = json!({ "flavor": "db.t3.large", "storage": 40, "policy": { "access": "203.0.113.0/24" } });
    assert!(matches!(staging.plan(&bigger), Plan::Update(changes) if changes.len() == 3));
    staging.update(&bigger);
    assert_eq!(staging.plan(&bigger), Plan::Nothing);
    assert_eq!(staging.database.as_ref().unwrap().get("MasterUserPassword").cloned(), password);
    staging.update(&json!({ "flavor": "db.t3.large", "storage": 40 }));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn an_image_that_cannot_be_pulled_and_one_that_answers_500_say_so() {
    for (image, part) in [("web:noimage", "CannotPullContainerError"), ("web:unhealthy", "500")] {
        let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
        let failure = staging.deploy(&app(image)).unwrap_err();
        assert!(failure.message.contains(part), "{part} in {failure}");
        staging.undeploy(None);
        staging.destroy();
        assert_eq!(staging.world.inventory(), Vec::<String>::new());
    }
}

#[test]
fn a_database_that_fails_is_rolled_back() {
    let mut config = Config::default();
    config.aws.databases_end = Some("incompatible-parameters".to_owned());
    let mut staging = Environment::new(World::new(config, Open), json!({}));
    let failure = staging.come_up().unwrap_err();
    assert!(failure.message.contains("incompatible-parameters"), "{failure}");
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_last_snapshot_is_all_that_stays_of_a_database_that_asks_for_one() {
    let config = json!({ "policy": { "deletion": "snapshot" } });
    let mut staging = Environment::create(World::new(Config::default(), Open), config);
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
    let state = String::from_utf8(staging.world.get("/_sim/state")).unwrap();
    assert!(state.contains("test-db-final"), "{state}");
}

#[test]
fn a_database_that_is_retained_keeps_what_it_stands_on_and_lets_nobody_in() {
    let mut config = Config::default();
    config.aws.default_vpc = false;
    let retained = json!({ "policy": { "deletion": "retain" } });
    let mut staging = Environment::create(World::new(config, Open), retained);
    staging.destroy();
    let left = staging.world.inventory();
    for part in ["test-db-db", "test-db-subnets", "vpc", "data"] {
        assert!(left.iter().any(|item| item.contains(part)), "{part} in {left:?}");
    }
    for part in ["tasks", "balancers", "cluster-cluster"] {
        assert!(!left.iter().any(|item| item.contains(part)), "{part} in {left:?}");
    }
}

#[test]
fn a_database_that_was_to_be_retained_and_never_was_keeps_nothing() {
    let mut config = Config::default();
    (config.aws.default_vpc, config.aws.databases_end) = (false, Some("failed".to_owned()));
    let mut staging = Environment::new(World::new(config, Open), json!({ "policy": { "deletion": "retain" } }));
    assert!(staging.come_up().is_err());
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_foundation_that_lost_its_databases_lets_nobody_in_and_goes_as_a_whole() {
    let mut staging = Environment::create(World::new(Config::default(), Open), json!({}));
    staging.drop_database();
    let groups = staging.prepare_again();
    assert_eq!(groups.count(), 3);
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}

#[test]
fn a_cloud_that_lags_and_answers_in_small_pages_is_no_different() {
    let config = Config { lag_polls: 3, page_limit: Some(1), polls_until_ready: 5, ..Config::default() };
    let mut staging = Environment::create(World::new(config, Open), json!({}));
    let web = staging.deploy(&app("web:1")).unwrap();
    let api = staging.deploy(&Application { name: "api".into(), ..app("api:1") }).unwrap();
    let web = staging.redeploy(&web, &app("web:2")).unwrap();
    assert!(staging.redeploy(&web, &app("web:crash")).is_err());
    staging.undeploy(Some(&web));
    staging.undeploy_named("api", Some(&api));
    staging.destroy();
    assert_eq!(staging.world.inventory(), Vec::<String>::new());
}
