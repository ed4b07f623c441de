//! What becomes of a run that dies, or loses an answer, at each of its changing calls in turn.

use cloudark_sdk::Application;
use cloudsim::Config;
use serde_json::json;

use crate::bridge::{Fault, Open, World};
use crate::workflow::{Deployed, Environment, app};

/// The whole way up; the changing calls that it made, and whether it got there.
fn come_up(default_vpc: bool, at: Option<(usize, Fault)>) -> (Environment, bool) {
    let mut config = Config::default();
    config.aws.default_vpc = default_vpc;
    config.aws.first_cluster_fails = false;
    let access = if default_vpc { "cluster" } else { "open" };
    let mut staging = Environment::new(World::new(config, Open), json!({ "policy": { "access": access } }));
    staging.world.faults.borrow_mut().at = at;
    let up = staging.come_up().and_then(|()| staging.deploy(&app("web:1"))).is_ok();
    (staging, up)
}

/// How many changing calls the whole way up makes, and which.
fn changes(default_vpc: bool) -> Vec<String> {
    let (staging, up) = come_up(default_vpc, None);
    assert!(up);
    staging.world.faults.borrow().changes.clone()
}

fn dies_everywhere(default_vpc: bool) {
    for (index, action) in changes(default_vpc).into_iter().enumerate() {
        for fault in [Fault::DeadBefore, Fault::DeadAfter] {
            let (mut staging, up) = come_up(default_vpc, Some((index + 1, fault)));
            assert!(!up, "{action} {fault:?}");
            staging.forget();
            staging.undeploy(None);
            staging.destroy();
            assert_eq!(staging.world.inventory(), Vec::<String>::new(), "{fault:?} {} {action}", index + 1);
        }
    }
}

#[test]
fn wherever_a_run_dies_a_delete_without_a_record_leaves_nothing() {
    dies_everywhere(true);
}

#[test]
fn wherever_a_run_dies_in_a_network_of_its_own_a_delete_leaves_nothing() {
    dies_everywhere(false);
}

#[test]
fn a_create_whose_answer_was_lost_is_never_made_twice() {
    for (index, action) in changes(false).into_iter().enumerate() {
        // The others may be sent again: the host does, and the extension never hears of it.
        if !(action.starts_with("Create") && action != "CreateRoute") && action != "RegisterTaskDefinition" {
            continue;
        }
        for fault in [Fault::AnswerLost, Fault::RequestLost] {
            let (mut staging, up) = come_up(false, Some((index + 1, fault)));
            assert!(up, "{action} {fault:?}");
            staging.undeploy(None);
            staging.destroy();
            assert_eq!(staging.world.inventory(), Vec::<String>::new(), "{fault:?} {} {action}", index + 1);
        }
    }
}

/// Runs `step` once to count its changing calls, then once for each of them, dying there; what is left is deleted,
/// from the record that there is, and must be nothing.
fn dies_everywhere_in(name: &str, step: impl Fn(&mut Environment, &Deployed) -> bool) {
    let up = || {
        let mut config = Config::default();
        config.aws.first_cluster_fails = false;
        let mut staging = Environment::create(World::new(config, Open), json!({}));
        let web = staging.deploy(&app("web:1")).unwrap();
        let before = staging.world.faults.borrow().changes.len();
        (staging, web, before)
    };
    let (mut staging, web, before) = up();
    step(&mut staging, &web);
    let all = staging.world.faults.borrow().changes.clone();
    for (index, action) in all.iter().enumerate().skip(before) {
        for fault in [Fault::DeadBefore, Fault::DeadAfter] {
            let (mut staging, web, _) = up();
            staging.world.faults.borrow_mut().at = Some((index + 1, fault));
            assert!(!step(&mut staging, &web), "{name}: {fault:?} {action}");
            staging.revive();
            staging.undeploy(Some(&web));
            staging.destroy();
            assert_eq!(staging.world.inventory(), Vec::<String>::new(), "{name}: {fault:?} {} {action}", index + 1);
        }
    }
}

#[test]
fn wherever_a_redeploy_dies_the_application_can_be_deleted() {
    dies_everywhere_in("redeploy", |staging, web| {
        let moved = Application { host_port: Some(8080), container_port: Some(9090), ..app("web:2") };
        staging.redeploy(web, &moved).is_ok()
    });
}

#[test]
fn wherever_a_delete_dies_it_is_finished_by_the_next() {
    dies_everywhere_in("undeploy", |staging, web| staging.try_undeploy("web", Some(web)).is_ok());
}

#[test]
fn wherever_a_redeploy_dies_the_next_one_serves() {
    let mut config = Config::default();
    config.aws.first_cluster_fails = false;
    let up = || {
        let mut staging = Environment::create(World::new(config.clone(), Open), json!({}));
        let web = staging.deploy(&app("web:1")).unwrap();
        (staging, web)
    };
    let (mut staging, web) = up();
    let before = staging.world.faults.borrow().changes.len();
    staging.redeploy(&web, &app("web:2")).unwrap();
    let all = staging.world.faults.borrow().changes.clone();
    for (index, action) in all.iter().enumerate().skip(before) {
        let (mut staging, web) = up();
        staging.world.faults.borrow_mut().at = Some((index + 1, Fault::DeadAfter));
        assert!(staging.redeploy(&web, &app("web:2")).is_err(), "{action}");
        staging.revive();
        let third = staging.redeploy(&web, &app("web:3")).unwrap();
        assert_eq!(third.state.image, "web:3");
        staging.undeploy(Some(&third));
        staging.destroy();
        assert_eq!(staging.world.inventory(), Vec::<String>::new(), "{} {action}", index + 1);
    }
}
