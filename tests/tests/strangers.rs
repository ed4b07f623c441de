//! The runtime knows no cloud: a cloud that nobody has heard of works like any other, and whoever brings one gets
//! in only by the one door.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::{Path, PathBuf};

use cloudark_tests::client::Answer;
use cloudark_tests::fixture_cloud::KEY;
use cloudark_tests::repository;
use cloudark_tests::world::{World, one_resource};
use serde_json::json;
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, CustomSection, InstanceType, Module,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_cloud_works_on_a_server_that_has_nothing_else() {
    let world = World::fixture().await;
    let client = &world.client;
    let kinds = client.get("/v1/kinds").await.ok();
    assert!(kinds["items"].as_array().unwrap().iter().all(|kind| kind["cloud"] == "fix"), "{kinds:#}");
    let cloud = client.get("/v1/clouds/fix").await.ok();
    assert_eq!(cloud["settings"]["region"], "us-east-1");
    let file = one_resource("fix", "thing", "{ size: 3 }") + "  app_deployment:\n    target: fix\n    type: fix-coe\n";
    let create = client.create("e", &file).await;
    client.succeeded(&create).await;
    let app = "app:\n  image: web:1\n  container_port: 80\n";
    let deploy =
        client.post("/v1/applications", json!({ "name": "web", "environment": "e", "file": app })).await.operation();
    client.succeeded(&deploy).await;
    let delete = client.delete("/v1/environments/e?force=true").await.operation();
    client.succeeded(&delete).await;
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
    assert!(world.cloud.requests().iter().all(|request| request.key == KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_nobody_brought_is_refused_with_those_that_are_there() {
    let world = World::fixture().await;
    let file = one_resource("aws", "rds", "{}");
    let refused = world.client.post("/v1/environments", json!({ "name": "e", "file": file })).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.to_string().contains("fix"), "which clouds there are is not said: {refused:?}");
}

/// Which lines of the sources know a cloud by name: comments count, tests and their snapshots do not.
fn lines_that_name_a_cloud(folder: &Path, allowed: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path == allowed || name == "snapshots" || name == "tests" || name.ends_with("tests.rs") || name == "bench.rs"
        {
            continue;
        }
        if path.is_dir() {
            lines_that_name_a_cloud(&path, allowed, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let program =
            text.split("#[cfg(test)]\n#[allow").next().unwrap().split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in program.lines().enumerate() {
            if names_a_cloud(line) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
}

/// `aws`, `Aws` and the like, or what only that cloud has; not the end of another word: `draws`.
fn names_a_cloud(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["aws", "amazon", "us-east-1"].into_iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| {
            let is_capital = line[at..].starts_with(|c: char| c.is_ascii_uppercase());
            is_capital || !line[..at].ends_with(|c: char| c.is_ascii_alphabetic())
        })
    })
}

#[test]
fn the_runtime_and_the_command_line_know_no_cloud_by_name() {
    assert!(names_a_cloud("// asks aws") && names_a_cloud("IsAws") && !names_a_cloud("it draws laws"));
    let mut found = Vec::new();
    let sources = |of: &str| repository().join(of).join("src");
    lines_that_name_a_cloud(&sources("runtime"), &sources("runtime").join("credentials"), &mut found);
    lines_that_name_a_cloud(&sources("cli"), Path::new(""), &mut found);
    assert!(found.is_empty(), "only credentials/ may know a cloud:\n{}", found.join("\n"));
}

/// Installs bytes as a component, agreeing to them.
async fn install(world: &World, bytes: &[u8]) -> Answer {
    let path = world.folder.path().join("stranger.wasm");
    std::fs::write(&path, bytes).unwrap();
    world.client.install(&path).await
}

fn importing(import: &str) -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    let mut imports = ComponentImportSection::new();
    imports.import(import, ComponentTypeRef::Instance(0));
    let mut component = Component::new();
    component.section(&types).section(&imports);
    component.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_imports_more_than_an_extension_gets_is_refused_by_the_imports_name() {
    let world = World::plan(&[]).start().await;
    for import in [
        "wasi:http/outgoing-handler@0.2.3",
        "wasi:cli/environment@0.3.0",
        "cloudark:extension/http@0.2.0",
        "cloudark:extension/kubernetes@0.1.0",
        "acme:backdoor/shell@1.0.0",
    ] {
        let refused = install(&world, &importing(import)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(import) && detail.split(' ').count() > 5, "{detail}");
    }
    assert_eq!(world.client.get("/v1/extensions").await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_package_is_refused_with_what_it_lacks() {
    let world = World::plan(&[]).start().await;
    let mut two_manifests = Component::new();
    for _ in 0..2 {
        two_manifests.section(&CustomSection { name: "cloudark:manifest".into(), data: b"name: x\n".into() });
    }
    for (bytes, word) in [
        (Module::new().finish(), "core WebAssembly module"),
        (Component::new().finish(), "cloudark:manifest"),
        (two_manifests.finish(), "2 custom sections"),
        (b"\x7fELF".to_vec(), "no valid WebAssembly component"),
        (Vec::new(), "no valid WebAssembly component"),
    ] {
        let refused = install(&world, &bytes).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(word), "no \"{word}\" in: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_very_component_that_was_agreed_to_is_installed() {
    let world = World::plan(&[]).start().await;
    let client = &world.client;
    let wasm = std::fs::read(cloudark_tests::guest("fixture")).unwrap();
    let other = format!("sha256:{}", "0".repeat(64));
    let refused = client.install_agreeing(wasm.clone(), &other).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains(&other), "{refused:?}");
    let refused = client.install_agreeing(wasm, "").await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(client.get("/v1/extensions").await.ok()["items"], json!([]));
}

/// The fixture guest under another name: each name in it is as long as before, so it stays valid.
fn renamed() -> Vec<u8> {
    let mut wasm = std::fs::read(cloudark_tests::guest("fixture")).unwrap();
    let places: Vec<usize> = memchr::memmem::find_iter(&wasm, b"fixture").collect();
    for at in places {
        wasm[at..at + 7].copy_from_slice(b"pretend");
    }
    wasm
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_extension_that_offers_the_same_kind_is_refused() {
    let world = World::fixture().await;
    let refused = install(&world, &renamed()).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("offered by fixture already"), "{detail}");
    // Once the first is gone the operator has chosen.
    world.client.delete("/v1/extensions/fixture").await.ok();
    install(&world, &renamed()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_is_needed_stays() {
    let world = World::fixture().await;
    let client = &world.client;
    let is_needed = async |when: &str| {
        let refused = client.delete("/v1/extensions/fixture").await;
        assert_eq!(refused.status, 409, "{when}: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("is needed"), "{when}: {refused:?}");
    };
    let create = client.create("e", &one_resource("fix", "thing", "{ size: 3 }")).await;
    is_needed("an environment is being made").await;
    client.succeeded(&create).await;
    is_needed("an environment is there").await;
    let failed = client.create("f", &one_resource("fix", "thing", "{ fail: no }")).await;
    client.ended(&failed).await;
    let delete = client.delete("/v1/environments/e").await.operation();
    client.succeeded(&delete).await;
    is_needed("a create that failed can still be deleted").await;
    let delete = client.delete("/v1/environments/f").await.operation();
    client.succeeded(&delete).await;
    client.delete("/v1/extensions/fixture").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn time_is_not_shortened_for_what_may_reach_beyond_this_machine() {
    let world = World::fixture().await;
    let client = &world.client;
    let grants = client.get("/v1/extensions/fixture/grants").await.ok();
    let yaml = grants["yaml"].as_str().unwrap().replace("http://127.0.0.1:7070", "https://fix.example.com");
    client.put("/v1/extensions/fixture/grants", json!({ "yaml": yaml })).await.ok();
    let file = one_resource("fix", "thing", "{ size: 3 }");
    // Set up with a simulator on this machine it may still run; with the cloud itself it may not.
    let create = client.create("simulated", &file).await;
    client.succeeded(&create).await;
    let real = json!({ "credentials": { "source": "value", "secret": KEY }, "settings": {} });
    client.put("/v1/clouds/fix", real).await.ok();
    let refused = client.post("/v1/environments", json!({ "name": "real", "file": file })).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("timing.scale"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_extension_may_do_is_what_its_operator_says_now() {
    let world = World::fixture().await;
    let client = &world.client;
    let grants = client.get("/v1/extensions/fixture/grants").await.ok();
    let yaml = grants["yaml"].as_str().unwrap();
    let narrow = yaml.replace("op: POST /things", "op: POST /others");
    assert_ne!(narrow, yaml);
    client.put("/v1/extensions/fixture/grants", json!({ "yaml": narrow })).await.ok();
    let create = client.create("e", &one_resource("fix", "thing", "{ size: 3 }")).await;
    let operation = client.ended(&create).await;
    assert_eq!(operation.errors[0].kind, "denied", "{operation:#?}");
    assert!(operation.errors[0].message.contains("POST /things"), "{operation:#?}");
    assert_eq!(world.cloud.inventory(), Vec::<String>::new());
}
