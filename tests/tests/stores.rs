//! Tables and caches of the extension `aws`, on the simulated AWS and on moto.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_api::operation::OperationStatus;
use cloudark_tests::aws::{World, app, reason, template};
use cloudark_tests::clouds::{CloudUnderTest as _, SimulatedAws};
use cloudark_tests::crash;
use cloudark_tests::moto::Moto;
use cloudark_tests::relay::{Relay, Rules};
use cloudark_tests::server::Server;
use cloudark_tests::shapes;
use serde_json::{Value, json};

const NOTHING: Vec<String> = Vec::new();

/// A table with this configuration, a line each, and what follows it.
fn table(configuration: &[&str], rest: &str) -> String {
    let lines: String = configuration.iter().map(|line| format!("            {line}\n")).collect();
    let configuration = if lines.is_empty() { String::new() } else { format!("          configuration:\n{lines}") };
    format!(
        "environment:\n  resources:\n    aws:\n      - resource:\n          type: dynamodb\n          name: items\n{configuration}{rest}"
    )
}

const CACHE: &str = "      - resource:\n          type: elasticache\n          name: cache\n";
const CLUSTER: &str = "  app_deployment:\n    target: aws\n    type: ecs\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_application_uses_a_table_and_a_cache_and_nothing_of_them_is_left() {
    let world = World::bare(&[]).await;
    let relay = Relay::before(&world.cloud.url(), Rules { keep_host: true, answering: |_, _| None }).await;
    world.client.set_up("aws", &relay.url, SimulatedAws::key()).await;
    let keys = ["hash_key: user", "range_key: at", "range_key_type: number"];
    world.create("shop", &table(&keys, &format!("{CACHE}{CLUSTER}"))).await;
    let web = app(
        "web:1",
        &["TABLE: $CLOUDARK_DYNAMODB_TableName", "REDIS: rediss://:${cache.AuthToken}@${cache.Address}:${cache.Port}"],
    );
    world.deploy("web", "shop", &web).await;
    let token = world.output("shop", "resource/cache", "AuthToken", true).await["value"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 64);
    let masked = world.output("shop", "resource/cache", "AuthToken", false).await;
    assert_eq!((&masked["value"], &masked["secret"]), (&Value::Null, &json!(true)));
    let definitions = world.cloud.control("GET", "state", None).await["clouds"][0]["accounts"].to_string();
    assert!(definitions.contains(&token), "it reached the cloud");
    for place in ["environments/shop", "applications/web", "operations"] {
        assert!(!world.client.get(&format!("/v1/{place}")).await.body.to_string().contains(&token), "{place}");
    }
    assert!(!world.server.log().contains(&token));

    let mut more = keys.to_vec();
    more.push("billing: provisioned");
    let cache =
        format!("{CACHE}          configuration:\n            replicas: 1\n            flavor: cache.t4g.small\n");
    let made = world.of_type("table").await[0]["id"].clone();
    let updated = world.update("shop", &table(&more, &format!("{cache}{CLUSTER}"))).await;
    assert_eq!(updated.status, OperationStatus::Succeeded, "{updated:#?}");
    assert_eq!(world.of_type("table").await[0]["id"], made, "changed in place");
    let kept = world.output("shop", "resource/cache", "AuthToken", true).await;
    assert_eq!(kept["value"], token.as_str(), "the password stays");
    world.delete("shop").await;
    assert_eq!(world.inventory().await, NOTHING);

    assert_eq!(world.ignored().await, NOTHING);
    let Some(python) = shapes::python() else { return };
    let requests: Vec<Value> = relay.seen().iter().map(shapes::of_passed).collect();
    assert_eq!(shapes::problems(&python, &requests), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_another_table_and_the_plan_says_so() {
    let world = World::start().await;
    world.create("e", &table(&[], "")).await;
    let mutations = world.mutations().await;
    let sorted = table(&["range_key: at"], "");
    let plan = world.client.post("/v1/environments/e/plan", json!({ "name": "e", "file": sorted })).await.ok();
    let step = plan["steps"].as_array().unwrap().iter().find(|step| step["piece"] == "resource/items").unwrap();
    assert_eq!(step["action"], "replace", "{plan:#}");
    assert_eq!(world.mutations().await, mutations, "a plan changes nothing");
    let replaced = world.update("e", &sorted).await;
    assert_eq!(replaced.status, OperationStatus::Succeeded, "{replaced:#?}");
    assert_eq!(world.of_type("table").await.len(), 1);
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
    let networks =
        world.calls().await.iter().filter(|call| call["service"] == "ec2" && call["effect"] == "mutation").count();
    assert_eq!(networks, 0, "a table needs no network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_and_a_cache_without_our_mark_are_not_deleted() {
    let world = World::start().await;
    world.create("e", &table(&[], CACHE)).await;
    let (table, cache) = (world.of_type("table").await[0].clone(), world.of_type("replication-group").await[0].clone());
    let stranger = json!({ "cloudark:environment": "somebody-else" });
    world.act(json!({ "act": "tag", "id": table["id"], "tags": stranger })).await;
    let id = world.client.delete("/v1/environments/e").await.operation();
    let failed = world.client.ended(&id).await;
    let why = reason(&failed);
    assert!(why.contains("did not make") && why.contains(table["name"].as_str().unwrap()), "{why}");
    assert_eq!(world.of_type("table").await.len(), 1, "it was left as it is");
    let ours = json!({ "cloudark:environment": cache["tags"]["cloudark:environment"] });
    world.act(json!({ "act": "tag", "id": table["id"], "tags": ours })).await;
    world.delete("e").await;
    assert_eq!(world.inventory().await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_is_refused_at_its_line_before_anything_is_made() {
    let world = World::start().await;
    for (file, said, line) in [
        (table(&["read_capacity: 5"], ""), "billing: provisioned", 8),
        (table(&["range_key: id"], ""), "sort by another attribute", 8),
        (table(&[], &format!("{CACHE}          policy:\n            access: open\n")), "no public addresses", 11),
    ] {
        let answer = world.client.post("/v1/environments", json!({ "name": "e", "file": file })).await;
        assert_eq!(answer.status, 422, "{:#}", answer.body);
        assert!(answer.body.to_string().contains(said), "{said} in {:#}", answer.body);
        assert!(answer.body.to_string().contains(&format!("\"line\":{line}")), "{:#}", answer.body);
    }
    assert_eq!(world.mutations().await, 0);
}

/// moto has no DeleteCacheSubnetGroup, IncreaseReplicaCount or DecreaseReplicaCount: of a cache it can only show that its
/// making is understood.
#[tokio::test(flavor = "multi_thread")]
async fn moto_understands_tables_from_beginning_to_end_and_the_making_of_caches() {
    let Some(moto) = Moto::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    crash::copy(&template().await, folder.path());
    let mut server = Server::new(folder.path());
    let client = server.start().await;
    client.set_up("aws", &moto.url(), Moto::key()).await;
    let id = client.create("tables", &table(&["hash_key: user", "range_key: at"], "")).await;
    client.succeeded(&id).await;
    assert_eq!(moto.inventory().await.len(), 1);
    let provisioned = table(&["hash_key: user", "range_key: at", "billing: provisioned"], "");
    let update =
        client.put("/v1/environments/tables", json!({ "name": "tables", "file": provisioned })).await.operation();
    client.succeeded(&update).await;
    let refresh = client.post("/v1/environments/tables/refresh", json!({})).await.operation();
    client.succeeded(&refresh).await;
    let gone = client.delete("/v1/environments/tables").await.operation();
    client.succeeded(&gone).await;
    assert_eq!(moto.inventory().await, NOTHING);

    let id = client.create("caches", &format!("environment:\n  resources:\n    aws:\n{CACHE}")).await;
    client.succeeded(&id).await;
    assert!(moto.inventory().await.iter().any(|one| one.starts_with("elasticache ")), "{:?}", moto.inventory().await);
}
