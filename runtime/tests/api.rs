//! The API over real HTTP, without any extension.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod world;

use std::os::unix::fs::PermissionsExt as _;

use cloudark_runtime::api::Routes;
use cloudark_runtime::api::openapi::document;
use cloudark_runtime::server::{Server, StartError};
use cloudark_runtime::store::redb::restore;
use cloudark_runtime::store::{StoreError, Table};
use reqwest::Method;
use serde_json::{Value, json};
use world::{World, config, start_error};

#[tokio::test]
async fn nothing_but_health_is_answered_without_the_token() {
    let world = World::new().await;
    let health = world.bare(Method::GET, "/v1/health").send().await.unwrap();
    assert_eq!((health.status().as_u16(), health.text().await.unwrap().as_str()), (200, "ok"));
    for path in ["/v1/server", "/v1/openapi.json", "/v1/nothing", "/v1/environments", "/"] {
        let response = world.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        world::problem(response, 401, "denied").await;
        let wrong = world.bare(Method::GET, path).bearer_auth("0".repeat(64));
        world::problem(wrong.send().await.unwrap(), 401, "denied").await;
    }
    assert_eq!(world.get("/v1/server").await["incarnation"], 1);
}

#[tokio::test]
async fn web_pages_that_a_browser_lets_reach_this_machine_are_refused() {
    let world = World::new().await;
    let rebound =
        world.request(Method::GET, "/v1/server").header("host", format!("evil.example:{}", world.address.port()));
    world::problem(rebound.send().await.unwrap(), 403, "denied").await;
    let page = world.request(Method::POST, "/v1/server/backup").header("origin", "https://evil.example");
    world::problem(page.send().await.unwrap(), 403, "denied").await;
    let own = world.request(Method::GET, "/v1/server").header("origin", format!("http://{}", world.address));
    assert_eq!(own.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_failure_is_a_problem() {
    let world = World::new().await;
    let send = |request: reqwest::RequestBuilder| async { request.send().await.unwrap() };
    let post = |path: &str| world.request(Method::POST, path);
    let text = |path: &str, body: &'static str| post(path).header("content-type", "application/json").body(body);

    world::problem(send(world.request(Method::GET, "/v1/nothing")).await, 404, "not-found").await;
    world::problem(send(world.request(Method::DELETE, "/v1/server")).await, 405, "invalid").await;
    world::problem(send(world.request(Method::GET, "/v1/environments/none")).await, 404, "not-found").await;
    world::problem(send(world.request(Method::GET, "/v1/operations/none/events")).await, 404, "not-found").await;
    world::problem(send(world.request(Method::GET, "/v1/clouds/none")).await, 404, "not-found").await;
    world::problem(send(world.request(Method::GET, "/v1/environments/%20")).await, 422, "invalid").await;
    world::problem(send(world.request(Method::GET, "/v1/environments?limit=many")).await, 422, "invalid").await;
    world::problem(send(world.request(Method::GET, "/v1/environments?limit=0")).await, 422, "invalid").await;
    world::problem(send(text("/v1/environments", "{")).await, 400, "invalid").await;
    let slip =
        world::problem(send(text("/v1/environments", r#"{"name":"a","file":"","flie":1}"#)).await, 422, "invalid")
            .await;
    assert!(slip["detail"].as_str().unwrap().contains("flie"), "{slip}");
    world::problem(send(post("/v1/environments").body("{}")).await, 415, "invalid").await;
    world::problem(send(post("/v1/extensions:inspect").body("x")).await, 415, "invalid").await;
    let wasm = post("/v1/extensions:inspect").header("content-type", "application/wasm").body("no wasm");
    world::problem(send(wasm).await, 422, "invalid").await;
    let large = post("/v1/environments").header("content-type", "application/json").body(vec![b' '; 1024 * 1024 + 1]);
    world::problem(send(large).await, 413, "invalid").await;
}

#[tokio::test]
async fn the_mistakes_of_a_file_come_with_their_places() {
    let world = World::new().await;
    let file = "environment:\n  resources:\n    - resource:\n      type: nonesuch\n";
    let request = json!({ "name": "a", "file": file });
    let validation = world.post("/v1/environments:validate", &request).await;
    assert!(!validation["diagnostics"].as_array().unwrap().is_empty(), "{validation}");
    let refused = world::json(world.request(Method::POST, "/v1/environments"), &request).send().await.unwrap();
    let problem = world::problem(refused, 422, "invalid").await;
    assert!(problem["diagnostics"][0]["message"].is_string(), "{problem}");
}

#[tokio::test]
async fn the_description_has_every_route_and_no_other() {
    let world = World::new().await;
    let document: Value = serde_json::to_value(document()).unwrap();
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push(format!("{} {path}", method.to_uppercase()));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let mut names: Vec<_> =
                in_path.map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap())).collect();
            let mut wanted: Vec<_> = path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
            names.sort();
            wanted.sort();
            assert_eq!(names, wanted, "the path parameters of {method} {path}");
            assert!(path == "/v1/health" || operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    let mut routes: Vec<_> =
        Routes::all(&world.app).listed.iter().map(|(method, path)| format!("{method} {path}")).collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
    assert_eq!(world.get("/v1/openapi.json").await, document);
}

#[tokio::test]
async fn the_description_refers_to_nothing_that_it_has_not() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let missing: Vec<_> = references.filter(|pointer| document.pointer(pointer).is_none()).collect();
    assert_eq!(missing, [""; 0]);
}

#[tokio::test]
async fn a_key_is_performed_once() {
    let world = World::new().await;
    let to = world.path("backup");
    let backup = |key: &str, to: &std::path::Path| {
        let request = world.request(Method::POST, "/v1/server/backup").header("idempotency-key", key);
        world::json(request, &json!({ "to": to })).send()
    };
    assert_eq!(backup("one", &to).await.unwrap().status(), 204);
    assert_eq!(backup("one", &to).await.unwrap().status(), 204, "performed again it would find the file");
    world::problem(backup("two", &to).await.unwrap(), 409, "conflict").await;
    world::problem(backup("two", &to).await.unwrap(), 409, "conflict").await;
    world::problem(backup("one", &world.path("other")).await.unwrap(), 422, "invalid").await;
    assert!(!world.path("other").exists());
}

#[tokio::test]
async fn a_failure_is_given_again_as_it_was() {
    let world = World::new().await;
    let create = || async {
        let request = world.request(Method::POST, "/v1/environments").header("idempotency-key", "k");
        world::json(request, &json!({ "name": "a", "file": "nonsense" })).send().await.unwrap()
    };
    let first = world::problem(create().await, 422, "invalid").await;
    assert_eq!(world::problem(create().await, 422, "invalid").await, first);
}

#[tokio::test]
async fn the_data_directory_is_for_its_user_alone() {
    let world = World::new().await;
    let mode = |name: &str| std::fs::metadata(world.data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for file in ["token", "master.key", "store.redb", "server.json"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    for folder in ["components", "cache"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
}

#[tokio::test]
async fn a_store_has_one_server() {
    let world = World::new().await;
    let error = start_error(&world.data).await;
    assert!(matches!(error, StartError::Store(StoreError::Locked { .. })), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(world.get("/v1/server").await["incarnation"], 1, "the first one is not disturbed");
}

#[tokio::test]
async fn a_server_says_where_it_is_for_as_long_as_it_is() {
    let world = World::new().await;
    let said: Value = serde_json::from_slice(&std::fs::read(world.data.join("server.json")).unwrap()).unwrap();
    assert_eq!(said, json!({ "address": world.address.to_string(), "pid": std::process::id() }));
    let world = world.stop().await;
    assert!(!world.data.join("server.json").exists());
    let world = world.start().await;
    assert_eq!(world.get("/v1/server").await["incarnation"], 2);
}

#[tokio::test]
async fn a_swapped_or_missing_master_key_is_noticed() {
    let stopped = World::new().await.stop().await;
    let key = stopped.data.join("master.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(start_error(&stopped.data).await, StartError::NoKey { .. }));
    assert!(!key.exists(), "no new one is made");
    let other = World::new().await.stop().await;
    std::fs::copy(other.data.join("master.key"), &key).unwrap();
    let error = start_error(&stopped.data).await;
    assert!(matches!(error, StartError::OtherKey { .. }), "{error}");
    std::fs::write(&key, right).unwrap();
    stopped.start().await;
}

#[tokio::test]
async fn a_taken_address_is_told() {
    let world = World::new().await;
    let mut config = config();
    config.listen = Some(world.address);
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Server::start(folder.path(), &config).await else { panic!("two servers on one address") };
    assert!(error.to_string().contains("--listen"), "{error}");
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let world = World::new().await;
    let secret = |method| world.request(method, "/v1/environments/later/secrets/password");
    let put = world::json(secret(Method::PUT), &json!({ "value": "hunter2-hunter2" })).send().await.unwrap();
    assert_eq!(put.status(), 204);
    let listed = world.get("/v1/environments/later/secrets").await;
    assert_eq!(listed["items"][0]["name"], "password");
    assert!(!listed.to_string().contains("hunter2"), "{listed}");
    let stored = std::fs::read(world.data.join("store.redb")).unwrap();
    assert!(!stored.windows(7).any(|bytes| bytes == b"hunter2"), "a secret lies in the store as it is");
    assert_eq!(secret(Method::DELETE).send().await.unwrap().status(), 204);
    world::problem(secret(Method::DELETE).send().await.unwrap(), 404, "not-found").await;
}

#[tokio::test]
async fn a_backup_brings_back_what_was_there() {
    let world = World::new().await;
    let put = world::json(world.request(Method::PUT, "/v1/environments/a/secrets/kept"), &json!({ "value": "v" }));
    assert_eq!(put.send().await.unwrap().status(), 204);
    let to = world.path("backup");
    let backup = world::json(world.request(Method::POST, "/v1/server/backup"), &json!({ "to": to }));
    assert_eq!(backup.send().await.unwrap().status(), 204);
    let lost = world.request(Method::DELETE, "/v1/environments/a/secrets/kept").send().await.unwrap();
    assert_eq!(lost.status(), 204);
    let store = world.data.join("store.redb");
    assert!(matches!(restore(&to, &store), Err(StoreError::Locked { .. })), "not under a running server");
    let stopped = world.stop().await;
    restore(&to, &store).unwrap();
    let world = stopped.start().await;
    assert_eq!(world.get("/v1/environments/a/secrets").await["items"][0]["name"], "kept");
    let relative = world::json(world.request(Method::POST, "/v1/server/backup"), &json!({ "to": "backup" }));
    world::problem(relative.send().await.unwrap(), 422, "invalid").await;
}

#[tokio::test]
async fn revealing_is_noted_before_anything_is_shown() {
    let world = World::new().await;
    let audited = || async { world.app.services.store.scan(Table::Audit, &[], None, 9, false).await.unwrap().len() };
    world.get("/v1/resources").await;
    assert_eq!(audited().await, 0);
    world.get("/v1/resources?reveal=true").await;
    assert_eq!(audited().await, 1);
    world.request(Method::GET, "/v1/environments/none?reveal=true").send().await.unwrap();
    assert_eq!(audited().await, 2, "also of what is not there");
}
