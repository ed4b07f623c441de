//! The extension `aws` on moto: what others have understood of AWS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_api::operation::OperationStatus;
use cloudark_tests::aws::{RDS_AND_ECS, app, reason, template};
use cloudark_tests::client::Client;
use cloudark_tests::clouds::CloudUnderTest as _;
use cloudark_tests::crash;
use cloudark_tests::moto::{Moto, target_health};
use cloudark_tests::server::Server;
use serde_json::json;
use tempfile::TempDir;

struct World {
    moto: Moto,
    client: Client,
    _server: Server,
    _folder: TempDir,
}

async fn world() -> Option<World> {
    let moto = Moto::start().await?;
    let folder = tempfile::tempdir().unwrap();
    crash::copy(&template().await, folder.path());
    let mut server = Server::new(folder.path());
    let client = server.start().await;
    client.set_up("aws", &moto.url(), Moto::key()).await;
    Some(World { moto, client, _server: server, _folder: folder })
}

async fn deploy(client: &Client, name: &str, environment: &str, file: &str) {
    let body = json!({ "name": name, "environment": environment, "file": file });
    let id = client.post("/v1/applications", body).await.operation();
    client.succeeded(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_with_two_applications_comes_up_changes_and_leaves_nothing() {
    let Some(World { moto, client, .. }) = &world().await else { return };
    let id = client.create("wp", RDS_AND_ECS).await;
    client.succeeded(&id).await;
    let password = ["PASSWORD: ${db.MasterUserPassword}", "HOST: $CLOUDARK_RDS_Address"];
    deploy(client, "web", "wp", &app("web:1", &password)).await;
    deploy(client, "api", "wp", &app("api:1", &[])).await;
    let shown = client.get("/v1/applications/web").await.ok();
    assert!(shown["url"].as_str().is_some_and(|url| url.starts_with("http://")), "{shown:#}");
    for stream in ["runtime", "deployment"] {
        assert_eq!(client.get(&format!("/v1/applications/web/logs?stream={stream}")).await.status, 200);
    }

    let larger = RDS_AND_ECS.replace("db.t3.micro", "db.t3.small\n            storage: 40");
    let plan = client.post("/v1/environments/wp/plan", json!({ "name": "wp", "file": larger })).await.ok();
    let step = plan["steps"].as_array().unwrap().iter().find(|step| step["piece"] == "resource/db").unwrap().clone();
    assert_eq!(step["action"], "update", "{plan:#}");
    let update = client.put("/v1/environments/wp", json!({ "name": "wp", "file": larger })).await.operation();
    client.succeeded(&update).await;
    let refresh = client.post("/v1/environments/wp/refresh", json!({})).await.operation();
    client.succeeded(&refresh).await;

    assert!(!moto.inventory().await.is_empty(), "the inventory sees what there is");
    let gone = client.delete("/v1/applications/api").await.operation();
    client.succeeded(&gone).await;
    let gone = client.delete("/v1/environments/wp?force=true").await.operation();
    client.succeeded(&gone).await;
    assert_eq!(moto.inventory().await, Vec::<String>::new());
}

/// moto keeps the deployment that a service was created with whatever it is updated to. The real ECS shows a new one
/// at once: what is never shown is not believed to run.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_never_shown_is_not_believed() {
    let Some(World { moto, client, .. }) = &world().await else { return };
    let id = client.create("e", cloudark_tests::aws::ECS).await;
    client.succeeded(&id).await;
    deploy(client, "web", "e", &app("web:1", &[])).await;
    let redeploy =
        client.put("/v1/applications/web", json!({ "name": "web", "file": app("web:2", &[]) })).await.operation();
    let failed = client.ended(&redeploy).await;
    let why = reason(&failed);
    assert!(why.contains("does not show the deployment") && why.contains("web:1, still serves"), "{why}");
    let gone = client.delete("/v1/environments/e?force=true").await.operation();
    client.succeeded(&gone).await;
    assert_eq!(moto.inventory().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_original_deploy_as_they_are() {
    let folder = cloudark_tests::repository().join("../shared/reference/examples");
    if !folder.is_dir() {
        eprintln!("skipped: no ../shared/reference/examples here");
        return;
    }
    let Some(World { moto, client, .. }) = &world().await else { return };
    for (n, (environment, application)) in [
        ("greetings/environment-rds-ecs.yaml", "greetings/app-aws.yaml"),
        ("wordpress_php5.6_apache/environment-rds-ecs.yaml", "wordpress_php5.6_apache/app-ecs.yaml"),
        ("JavaScript-Example_js-example/environment-ecs.yaml", "JavaScript-Example_js-example/app-aws.yaml"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("e{n}");
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let id = client.create(&name, &read(environment)).await;
        client.succeeded(&id).await;
        deploy(client, &format!("{name}-web"), &name, &read(application)).await;
        let gone = client.delete(&format!("/v1/environments/{name}?force=true")).await.operation();
        let ended = client.ended(&gone).await;
        assert_eq!(ended.status, OperationStatus::Succeeded, "{ended:#?}");
        assert_eq!(moto.inventory().await, Vec::<String>::new(), "{environment}");
    }
}

/// Killed anywhere on the way, the server leaves nothing behind: by moto's own account.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_nothing_behind() {
    let Some(moto) = Moto::start().await else { return };
    let all = crash::aws_workflow();
    // A redeploy never ends well here: see above.
    let steps = all.steps.iter().filter(|step| step.path != "/v1/applications/web").cloned().collect();
    let workflow = crash::Workflow { name: "moto", credentials: Moto::key(), steps, ..all };
    let template = template().await;
    let points = crash::record(&workflow, &template, &moto).await;
    let chosen = crash::choose(&points, 6, 1);
    println!("{} of {} kill points, chosen by seed 1", chosen.len(), points.len());
    for (n, point) in chosen.iter().enumerate() {
        let verdict = crash::kill_at(&workflow, &template, &moto, point, n % 2 == 1).await;
        assert!(verdict.faults.is_empty(), "{point}: {}", verdict.faults.join("\n"));
    }
}

/// The relay stands between them for one call, and changes nothing of any other.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_health_of_targets_is_answered_by_the_relay() {
    let Some(World { moto, client, .. }) = &world().await else { return };
    let id = client.create("e", cloudark_tests::aws::ECS).await;
    client.succeeded(&id).await;
    deploy(client, "web", "e", &app("web:1", &[])).await;
    let gone = client.delete("/v1/environments/e?force=true").await.operation();
    client.succeeded(&gone).await;
    let seen = moto.relay.seen();
    assert!(seen.len() > 50, "{}", seen.len());
    for passed in &seen {
        let is_health = passed.body.windows(28).any(|window| window == b"Action=DescribeTargetHealth&");
        assert_eq!(passed.answered_here, is_health, "{}", String::from_utf8_lossy(&passed.body));
    }
    assert!(seen.iter().any(|passed| passed.answered_here));

    let none = axum::http::HeaderMap::new();
    for body in [
        "Action=DescribeTargetGroups&Name=Action=DescribeTargetHealth",
        "",
        "{\"Action\":\"DescribeTargetHealth\"}",
        "XAction=DescribeTargetHealth",
    ] {
        assert_eq!(target_health(&none, body.as_bytes()), None, "{body}");
    }
}

/// What it passes on arrives byte for byte, and so does the answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_relay_passes_on_what_it_does_not_answer_unchanged() {
    use axum::body::Bytes;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};
    use cloudark_tests::relay::{Relay, Rules};
    async fn echo(
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, [(&'static str, String); 1], String) {
        let names = ["host", "authorization", "x-amz-target", "x-amz-date", "content-type"];
        let shown: Vec<String> = names
            .iter()
            .map(|name| format!("{name}={}", headers.get(*name).map_or("", |value| value.to_str().unwrap())))
            .collect();
        let text = format!("{method} {uri} {shown:?} {}", String::from_utf8_lossy(&body));
        (StatusCode::IM_A_TEAPOT, [("x-amzn-requestid", "7".to_owned())], text)
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(echo)).await });
    let relay = Relay::before(&upstream, Rules { keep_host: true, answering: target_health }).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |url: &str| {
        let request = http.post(format!("{url}/a%2Fb?c=d%20e"));
        let request =
            request.header("host", "rds.us-east-1.amazonaws.com").header("authorization", "AWS4-HMAC-SHA256 x");
        let request = request.header("x-amz-target", "T.Op").header("content-type", "application/x-amz-json-1.1");
        let answer = request.body("{\"a\": 1}\r\n").send().await.unwrap();
        let id = answer.headers()["x-amzn-requestid"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), id, answer.text().await.unwrap())
    };
    assert_eq!(ask(&relay.url).await, ask(&upstream).await);
}
