//! The files of the original CloudARK, as they stand: they parse, and those for AWS deploy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::{Path, PathBuf};

use cloudark_api::operation::OperationStatus;
use cloudark_tests::aws::World;
use cloudark_tests::clouds::CloudUnderTest;
use serde_json::{Value, json};

/// Where they lie beside the project; none, with a message, where they do not.
fn examples() -> Option<PathBuf> {
    let folder = cloudark_tests::repository().join("../shared/reference/examples");
    if !folder.is_dir() {
        eprintln!("skipped: no ../shared/reference/examples here");
        return None;
    }
    Some(folder)
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else if entry.path().extension().is_some_and(|extension| extension == "yaml") {
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

fn messages(validation: &Value, severity: &str) -> Vec<String> {
    let all = validation["diagnostics"].as_array().unwrap().iter();
    all.filter(|one| one["severity"] == severity).map(|one| one["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_environment_file_for_aws_is_valid_and_warned_of_what_is_retired() {
    let Some(folder) = examples() else { return };
    let world = World::start().await;
    let mut checked = 0;
    for path in files(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_environment = text.starts_with("environment:");
        let other_clouds = ["gcloud", "target: local"].iter().any(|other| text.contains(other));
        if !is_environment || other_clouds {
            continue;
        }
        checked += 1;
        let validation =
            world.client.post("/v1/environments:validate", json!({ "name": "e", "file": text })).await.ok();
        assert_eq!(messages(&validation, "error"), Vec::<String>::new(), "{}", path.display());
        let warnings = messages(&validation, "warning").join("\n");
        assert_eq!(warnings.contains("db.t3.medium"), text.contains("db.m1.medium"), "{}: {warnings}", path.display());
        let machines = text.contains("cluster_size") || text.contains("instance_type");
        assert_eq!(warnings.contains("Fargate"), machines, "{}: {warnings}", path.display());
    }
    assert!(checked >= 7, "only {checked}");
    assert_eq!(world.client.get("/v1/environments").await.ok()["items"], json!([]), "validating makes nothing");
}

/// Kinds of clouds that are not installed are named, not swallowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_a_cloud_that_is_not_there_says_which_are() {
    let Some(folder) = examples() else { return };
    let world = World::start().await;
    let text = std::fs::read_to_string(folder.join("greetings/environment-cloudsql-gke.yaml")).unwrap();
    let validation = world.client.post("/v1/environments:validate", json!({ "name": "e", "file": text })).await.ok();
    let errors = validation["diagnostics"].to_string();
    assert!(!messages(&validation, "error").is_empty());
    assert!(errors.contains("gcloud") && errors.contains("aws"), "{errors}");
}

/// Deploys these files as they are, but for the image; everything is gone at the end.
async fn deploys(environment: &str, applications: &[&str]) {
    let Some(folder) = examples() else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let world = World::start().await;
    world.create("wp", &read(environment)).await;
    for (n, application) in applications.iter().enumerate() {
        let text = read(application);
        let image = text.lines().find(|line| line.trim_start().starts_with("image:")).unwrap().to_owned();
        let name = format!("app-{n}");
        let deployed = world.try_deploy(&name, "wp", &text.replace(&image, &format!("  image: {name}:1"))).await;
        assert_eq!(deployed.status, OperationStatus::Succeeded, "{application}: {deployed:#?}");
        let shown = world.client.get(&format!("/v1/applications/{name}")).await.ok();
        assert!(shown["url"].as_str().is_some_and(|url| url.starts_with("http://")), "{shown:#}");
    }
    world.delete("wp").await;
    assert_eq!(world.cloud.inventory().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn greetings_with_its_database_deploys_as_it_is() {
    deploys("greetings/environment-rds-ecs.yaml", &["greetings/app-aws.yaml"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wordpress_with_its_database_deploys_as_it_is() {
    deploys("wordpress_php5.6_apache/environment-rds-ecs.yaml", &["wordpress_php5.6_apache/app-ecs.yaml"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_applications_on_a_cluster_alone_deploy_as_they_are() {
    let apps = ["JavaScript-Example_js-example/app-aws.yaml", "hello-world/app.yaml"];
    deploys("JavaScript-Example_js-example/environment-ecs.yaml", &apps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_this_project_deploy_change_and_leave_nothing() {
    let folder = cloudark_tests::repository().join("examples/wordpress");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let world = World::start().await;
    world.client.put("/v1/environments/wp/secrets/auth-key", json!({ "value": "a-key-for-wordpress" })).await.ok();
    world.create("wp", &read("environment.yaml")).await;
    world.deploy("web", "wp", &read("app.yaml")).await;
    let next = world.redeploy("web", &read("app-next.yaml")).await;
    assert_eq!(next.status, OperationStatus::Succeeded, "{next:#?}");
    let larger = world.update("wp", &read("environment-larger.yaml")).await;
    assert_eq!(larger.status, OperationStatus::Succeeded, "{larger:#?}");
    world.delete("wp").await;
    assert_eq!(world.cloud.inventory().await, Vec::<String>::new());
}
