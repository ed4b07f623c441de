//! The extension `aws` in its sandbox, on a simulated AWS: from a file to an application that serves, and away again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use cloudark_api::operation::OperationStatus;
use cloudark_tests::aws::{ECS, RDS_AND_ECS, World, app, database, reason, until};
use cloudark_tests::clouds::{CloudUnderTest as _, SimulatedAws};
use cloudark_tests::relay::{Relay, Rules};
use cloudark_tests::shapes;
use serde_json::{Value, json};

const NOTHING: Vec<String> = Vec::new();

/// Uses outputs of the database, its password among them.
fn web(image: &str) -> String {
    app(
        image,
        &["HOST: $CLOUDARK_RDS_Address", "USER: ${db.MasterUsername}", "PASSWORD: $CLOUDARK_RDS_MasterUserPassword"],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_and_a_cluster_run_two_applications_and_leave_nothing() {
    let world = World::start().await;
    let client = &world.client;
    world.create("wp", RDS_AND_ECS).await;

    let shown = client.get("/v1/environments/wp").await.ok();
    assert_eq!(shown["status"], "available");
    assert_eq!(shown["bindings"]["aws"]["account"], "123456789012");
    let mut pieces: Vec<&str> =
        shown["pieces"].as_array().unwrap().iter().map(|one| one["piece"].as_str().unwrap()).collect();
    pieces.sort_unstable();
    assert_eq!(pieces, ["cluster", "foundation/aws", "resource/db"], "{shown:#}");
    let masked = world.output("wp", "resource/db", "MasterUserPassword", false).await;
    assert_eq!((&masked["value"], &masked["secret"]), (&Value::Null, &json!(true)));
    let password = world.output("wp", "resource/db", "MasterUserPassword", true).await;
    assert!(password["value"].as_str().is_some_and(|value| value.len() == 32), "{password:#}");
    let address = world.output("wp", "resource/db", "Address", false).await;
    assert!(address["value"].as_str().is_some_and(|host| host.contains("rds.amazonaws.com")), "{address:#}");

    world.deploy("web", "wp", &web("web:1")).await;
    world.deploy("api", "wp", &app("api:1", &[])).await;
    let application = client.get("/v1/applications/web").await.ok();
    assert_eq!(application["status"], "available");
    let url = application["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://"), "{url}");
    let runtime = world.logs("web", "runtime").await;
    assert!(runtime.iter().any(|line| line.contains("listening")), "{runtime:?}");
    let said = world.logs("web", "deployment").await;
    assert!(said.iter().any(|line| line.contains("steady state")), "{said:?}");

    let redeployed = world.redeploy("web", &web("web:2")).await;
    assert_eq!(redeployed.status, OperationStatus::Succeeded, "{redeployed:#?}");
    let application = client.get("/v1/applications/web").await.ok();
    assert_eq!((&application["image"], &application["url"]), (&json!("web:2"), &json!(url)));

    let refused = client.delete("/v1/environments/wp").await;
    assert_eq!(refused.status, 409);
    for name in ["web", "api", "--force"] {
        assert!(refused.body.to_string().contains(name), "{:#}", refused.body);
    }
    let gone = client.delete("/v1/applications/api").await.operation();
    client.succeeded(&gone).await;
    world.delete("wp").await;
    assert_eq!(world.inventory().await, NOTHING);
    assert_eq!(client.get("/v1/environments/wp").await.status, 404);
    assert_eq!(client.get("/v1/applications/web").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_does_not_come_up_leaves_the_old_one_serving_and_says_why() {
    let world = World::start().await;
    world.create("e", ECS).await;
    world.deploy("web", "e", &app("web:1", &[])).await;
    let url = world.client.get("/v1/applications/web").await.ok()["url"].clone();

    let failed = world.redeploy("web", &app("web:crash", &[])).await;
    let why = reason(&failed);
    for part in [
        "web:crash did not come up",
        "Essential container in task exited",
        "exit code 1",
        "fatal: cannot go on",
        "web:1, still serves",
    ] {
        assert!(why.contains(part), "{part} in {why}");
    }
    let shown = world.client.get("/v1/applications/web").await.ok();
    assert_eq!((&shown["status"], &shown["url"]), (&json!("degraded"), &url), "{shown:#}");
    assert!(shown["problem"].as_str().is_some_and(|problem| problem.contains("did not come up")), "{shown:#}");
    assert_eq!((&shown["image"], &shown["attempted_image"]), (&json!("web:1"), &json!("web:crash")), "{shown:#}");
    assert_eq!(world.of_type("task-definition").await.len(), 1, "the failed version's definition is gone");

    let again = world.redeploy("web", &app("web:2", &[])).await;
    assert_eq!(again.status, OperationStatus::Succeeded, "{again:#?}");
    assert_eq!(world.client.get("/v1/applications/web").await.ok()["status"], "available");
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_does_not_come_up_is_taken_back_and_says_why() {
    let world = World::start().await;
    world.create("e", ECS).await;
    let before = world.inventory().await;
    for (image, parts) in [
        ("web:crash", ["Essential container in task exited", "exit code 1", "fatal: cannot go on"]),
        ("web:noimage", ["CannotPullContainerError", "web:noimage", "did not come up"]),
        ("web:unhealthy", ["health check", "500", "did not come up"]),
    ] {
        let file = app(image, &[]);
        let body = json!({ "name": "web", "environment": "e", "file": file });
        let id = world.client.post("/v1/applications", body).await.operation();
        let failed = world.client.ended_within(&id, Duration::from_secs(60)).await;
        let why = reason(&failed);
        for part in parts {
            assert!(why.contains(part), "{image}: {part} in {why}");
        }
        assert_eq!(world.inventory().await, before, "{image}");
        let shown = world.client.get("/v1/applications/web").await.ok();
        assert_eq!(shown["status"], "deploy-failed", "{shown:#}");
        let gone = world.client.delete("/v1/applications/web").await.operation();
        world.client.succeeded(&gone).await;
    }
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_an_update_then_does_and_changes_nothing() {
    let world = World::start().await;
    world.create("e", &database(&["flavor: db.t3.micro", "storage: 20"])).await;
    let made = world.of_type("db-instance").await[0]["id"].clone();
    let mutations = world.mutations().await;

    let larger = database(&["flavor: db.t3.micro", "storage: 40"]);
    let plan = world.client.post("/v1/environments/e/plan", json!({ "name": "e", "file": larger })).await.ok();
    let step = plan["steps"].as_array().unwrap().iter().find(|step| step["piece"] == "resource/db").unwrap();
    assert_eq!(step["action"], "update", "{plan:#}");
    assert_eq!(step["changes"][0]["pointer"], "/storage");
    assert_eq!((&step["changes"][0]["before"], &step["changes"][0]["after"]), (&json!("20"), &json!("40")));

    let postgres = database(&["engine: postgres", "flavor: db.t3.micro", "storage: 40"]);
    let plan = world.client.post("/v1/environments/e/plan", json!({ "name": "e", "file": postgres })).await.ok();
    let step = plan["steps"].as_array().unwrap().iter().find(|step| step["piece"] == "resource/db").unwrap();
    assert_eq!(step["action"], "replace", "{plan:#}");
    assert_eq!(world.mutations().await, mutations, "a plan changes nothing");

    let updated = world.update("e", &larger).await;
    assert_eq!(updated.status, OperationStatus::Succeeded, "{updated:#?}");
    assert_eq!(world.of_type("db-instance").await[0]["id"], made, "changed in place");
    let plan = world.client.post("/v1/environments/e/plan", json!({ "name": "e", "file": larger })).await.ok();
    assert!(plan["steps"].as_array().unwrap().iter().all(|step| step["action"] == "keep"), "{plan:#}");

    let password = world.output("e", "resource/db", "MasterUserPassword", true).await;
    let replaced = world.update("e", &postgres).await;
    assert_eq!(replaced.status, OperationStatus::Succeeded, "{replaced:#?}");
    assert_eq!(world.output("e", "resource/db", "Engine", false).await["value"], "postgres");
    assert_eq!(world.output("e", "resource/db", "Port", false).await["value"], "5432");
    assert_ne!(
        world.output("e", "resource/db", "MasterUserPassword", true).await,
        password,
        "made anew, with a new password"
    );
    assert_eq!(world.of_type("db-instance").await.len(), 1);
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_notices_what_was_deleted_by_hand() {
    let world = World::start().await;
    world.create("e", RDS_AND_ECS).await;
    let id = world.of_type("db-instance").await[0]["id"].clone();
    world.act(json!({ "act": "remove", "id": id })).await;
    let refresh = world.client.post("/v1/environments/e/refresh", json!({})).await.operation();
    world.client.succeeded(&refresh).await;
    let shown = world.client.get("/v1/environments/e").await.ok();
    let piece =
        |name: &str| shown["pieces"].as_array().unwrap().iter().find(|one| one["piece"] == name).unwrap().clone();
    assert_eq!(piece("resource/db")["status"], "missing", "{shown:#}");
    assert!(piece("resource/db")["drift"].is_string());
    assert_eq!(piece("cluster")["status"], "ready");
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

/// Where a text stands in a document.
fn places(document: &Value, text: &str, at: &str, found: &mut Vec<String>) {
    match document {
        Value::String(one) if one.contains(text) => found.push(at.to_owned()),
        Value::Array(all) => all.iter().enumerate().for_each(|(n, one)| places(one, text, &format!("{at}/{n}"), found)),
        Value::Object(all) => all.iter().for_each(|(key, one)| places(one, text, &format!("{at}/{key}"), found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_in_parameters_and_in_no_task_definition() {
    let world = World::start().await;
    let given = "a-key-that-the-user-gave-4711";
    world.client.put("/v1/environments/wp/secrets/auth-key", json!({ "value": given })).await.ok();
    world.create("wp", RDS_AND_ECS).await;
    let file = app(
        "web:1",
        &[
            "PASSWORD: ${db.MasterUserPassword}",
            "KEY: ${secret.auth-key}",
            "URL: mysql://u:${db.MasterUserPassword}@${db.Address}",
        ],
    );
    world.deploy("web", "wp", &file).await;
    let password =
        world.output("wp", "resource/db", "MasterUserPassword", true).await["value"].as_str().unwrap().to_owned();

    let state = world.cloud.control("GET", "state", None).await;
    for secret in [given, &password] {
        let mut found = Vec::new();
        places(&state, secret, "", &mut found);
        assert!(!found.is_empty(), "it reached the cloud at all");
        let elsewhere: Vec<&String> =
            found.iter().filter(|at| !at.contains("/ssm/") && !at.contains("/rds/")).collect();
        assert_eq!(elsewhere, Vec::<&String>::new());
        assert!(found.iter().any(|at| at.contains("/ssm/")), "{found:?}");
        let answers = [
            world.client.get("/v1/environments/wp").await.body,
            world.client.get("/v1/applications/web").await.body,
            world.client.get("/v1/operations").await.body,
        ];
        for answer in answers {
            assert!(!answer.to_string().contains(secret), "{answer:#}");
        }
        assert!(!world.server.log().contains(secret));
        let store = std::fs::read(world.server.data.join("store.redb")).unwrap();
        assert!(
            !store.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "a secret is in the store's file"
        );
    }
    world.delete("wp").await;
    assert_eq!(world.inventory().await, NOTHING);
}

/// Whether a rule with these addresses and this port stands in the simulated security groups.
async fn admits(world: &World, addresses: &str, port: u16) -> bool {
    let params = json!({ "Filter": [{ "Name": "ip-permission.cidr", "Value": [addresses] }] });
    let act = json!({ "act": "call", "service": "ec2", "action": "DescribeSecurityGroups", "params": params });
    let answer = world.act(act).await.to_string();
    answer.contains(&format!("\"{addresses}\"")) && answer.contains(&port.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_reachable_from_where_its_policy_says() {
    let world = World::start().await;
    let with = |access: &str| database(&["flavor: db.t3.micro", "policy:", &format!("  access: {access}")]);
    world.create("e", &with("cluster")).await;
    assert!(!admits(&world, "0.0.0.0/0", 3306).await);

    let updated = world.update("e", &with("open")).await;
    assert_eq!(updated.status, OperationStatus::Succeeded, "{updated:#?}");
    assert!(admits(&world, "0.0.0.0/0", 3306).await);
    let updated = world.update("e", &with("203.0.113.0/24")).await;
    assert_eq!(updated.status, OperationStatus::Succeeded, "{updated:#?}");
    assert!(admits(&world, "203.0.113.0/24", 3306).await);
    assert!(!admits(&world, "0.0.0.0/0", 3306).await, "what was open is closed");
    let updated = world.update("e", &with("cluster")).await;
    assert_eq!(updated.status, OperationStatus::Succeeded, "{updated:#?}");
    assert!(!admits(&world, "203.0.113.0/24", 3306).await);
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_snapshot_is_kept_where_the_policy_says_so() {
    let world = World::start().await;
    world.create("e", &database(&["flavor: db.t3.micro", "policy:", "  deletion: snapshot"])).await;
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
    assert_eq!(world.lingering("db-snapshot").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_database_outlives_its_environment() {
    let world = World::start().await;
    world.create("e", &database(&["flavor: db.t3.micro", "policy:", "  deletion: retain"])).await;
    world.delete("e").await;
    assert_eq!(world.client.get("/v1/environments/e").await.status, 404);
    let databases = world.of_type("db-instance").await;
    assert_eq!(databases.len(), 1);
    assert_eq!(databases[0]["state"], "available");
    assert_eq!(world.of_type("db-subnet-group").await.len(), 1, "what it stands on stays too");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_another_account_are_refused_naming_both() {
    let world = World::start().await;
    world.create("e", RDS_AND_ECS).await;
    world.deploy("web", "e", &app("web:1", &[])).await;
    let before = world.inventory().await;
    let other = json!({ "source": "key", "id": "AKIDOTHER", "secret": "cloudsim-other-secret" });
    world.client.set_up("aws", &world.cloud.url(), other).await;
    for (method, path, body) in [
        ("PUT", "/v1/environments/e", Some(json!({ "name": "e", "file": RDS_AND_ECS.replace("micro", "small") }))),
        ("POST", "/v1/applications", Some(json!({ "name": "api", "environment": "e", "file": app("api:1", &[]) }))),
        ("PUT", "/v1/applications/web", Some(json!({ "name": "web", "file": app("web:2", &[]) }))),
        ("POST", "/v1/environments/e/refresh", Some(json!({}))),
        ("DELETE", "/v1/environments/e?force=true", None),
    ] {
        let answer = world.client.send(method, path, body).await.unwrap();
        assert_eq!(answer.status, 403, "{method} {path}: {:#}", answer.body);
        for account in ["123456789012", "210987654321"] {
            assert!(answer.body.to_string().contains(account), "{method} {path}: {:#}", answer.body);
        }
    }
    assert_eq!(world.inventory().await, before);
    world.client.set_up("aws", &world.cloud.url(), SimulatedAws::key()).await;
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_our_mark_is_not_deleted() {
    let world = World::start().await;
    world.create("e", &database(&["flavor: db.t3.micro"])).await;
    let database = world.of_type("db-instance").await[0].clone();
    let stranger = json!({ "cloudark:environment": "somebody-else" });
    world.act(json!({ "act": "tag", "id": database["id"], "tags": stranger })).await;
    let id = world.client.delete("/v1/environments/e").await.operation();
    let failed = world.client.ended(&id).await;
    let why = reason(&failed);
    assert!(why.contains("did not make") && why.contains(database["name"].as_str().unwrap()), "{why}");
    assert_eq!(world.of_type("db-instance").await.len(), 1, "it was left as it is");

    let ours = json!({ "cloudark:environment": database["tags"]["cloudark:environment"] });
    world.act(json!({ "act": "tag", "id": database["id"], "tags": ours })).await;
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_adopted_by_its_name_alone() {
    let world = World::start().await;
    world.fault(json!({ "match": { "action": "CreateDBInstance" }, "fault": { "hang": { "ms": 1500 } } })).await;
    let id = world.client.create("e", &database(&["flavor: db.t3.micro"])).await;
    // While our call hangs, somebody makes a database of the very name that it asks for.
    let asked = async || world.calls().await.into_iter().find(|call| call["action"] == "CreateDBInstance");
    until("the call hangs", async || asked().await.is_some()).await;
    let asked = asked().await.unwrap()["params"].clone();
    let name = asked["DBInstanceIdentifier"].clone();
    let params = json!({
        "DBInstanceIdentifier": name, "DBInstanceClass": "db.t3.micro", "Engine": "mysql", "AllocatedStorage": "20",
        "MasterUsername": "somebody", "MasterUserPassword": "not-ours-at-all",
    });
    world.act(json!({ "act": "call", "service": "rds", "action": "CreateDBInstance", "params": params })).await;
    let failed = world.client.ended(&id).await;
    let why = reason(&failed);
    assert!(why.contains("did not make"), "{why}");
    let databases = world.of_type("db-instance").await;
    assert_eq!(databases.len(), 1, "theirs");
    assert_eq!(databases[0]["name"], name);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_the_command_that_sets_them_up_is_named() {
    let world = World::without_credentials().await;
    let answer = world.client.post("/v1/environments", json!({ "name": "e", "file": RDS_AND_ECS })).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(answer.body.to_string().contains("cld setup aws"), "{:#}", answer.body);
    assert_eq!(world.client.get("/v1/environments/e").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_fits_the_vendors_model_and_no_parameter_is_ignored() {
    let world = World::bare(&[]).await;
    let relay = Relay::before(&world.cloud.url(), Rules { keep_host: true, answering: |_, _| None }).await;
    world.client.set_up("aws", &relay.url, SimulatedAws::key()).await;
    let policy = "db.t3.micro\n          policy:\n            access: open\n            deletion: snapshot";
    world.create("wp", &RDS_AND_ECS.replace("db.t3.micro", policy)).await;
    world.deploy("web", "wp", &web("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1")).await;
    assert_eq!(
        world.redeploy("web", &web("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:2")).await.status,
        OperationStatus::Succeeded
    );
    reason(&world.redeploy("web", &web("web:crash")).await);
    world.logs("web", "runtime").await;
    world.logs("web", "deployment").await;
    let larger = RDS_AND_ECS.replace("db.t3.micro", "db.t3.small\n            storage: 40\n            backup: 7");
    assert_eq!(world.update("wp", &larger).await.status, OperationStatus::Succeeded);
    world.delete("wp").await;
    world.cloud.control("POST", "reset", None).await;
    world.cloud.control("POST", "config", Some(json!({ "aws": { "default_vpc": false } }))).await;
    world.create("own", &database(&["flavor: db.t3.micro"])).await;
    world.delete("own").await;

    assert_eq!(world.ignored().await, NOTHING);
    let Some(python) = shapes::python() else { return };
    let requests: Vec<Value> = relay.seen().iter().map(shapes::of_passed).collect();
    assert!(requests.len() > 200, "{}", requests.len());
    assert_eq!(shapes::problems(&python, &requests), NOTHING);
}

#[test]
fn a_request_that_fits_no_model_is_found() {
    let Some(python) = shapes::python() else { return };
    let wrong = [
        shapes::request("rds", None, "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifer=x"),
        shapes::request(
            "rds",
            None,
            "Action=CreateDBSubnetGroup&Version=2014-10-31&DBSubnetGroupName=a&DBSubnetGroupDescription=b&SubnetIds.member.1=s",
        ),
        shapes::request("ec2", None, "Action=DescribeVpcs&Version=2016-11-15&VpcId.0=vpc-1"),
        shapes::request("ecs", Some("AmazonEC2ContainerServiceV20141113.CreateService"), r#"{"launchType":"FARGAET"}"#),
    ];
    for request in wrong {
        let problems = shapes::problems(&python, std::slice::from_ref(&request));
        assert!(!problems.is_empty(), "{request}");
    }
}
