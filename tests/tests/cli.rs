//! The real command line against the real server on a simulated AWS: what a user types and sees.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_tests::aws::{ECS, RDS_AND_ECS, World, app, until};
use cloudark_tests::cld::{Cld, Ended};
use cloudark_tests::clouds::{CloudUnderTest as _, SimulatedAws};
use cloudark_tests::relay::{Relay, Rules};
use serde_json::{Value, json};
use tempfile::TempDir;

const WEB: &str = "app:
  image: web:1
  container_port: 80
  env:
    HOST: $CLOUDARK_RDS_Address
    PASSWORD: $CLOUDARK_RDS_MasterUserPassword
";

/// A world with a user at it.
struct Desk {
    world: World,
    cld: Cld,
    _files: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let world = World::start().await;
        let files = tempfile::tempdir().unwrap();
        let cld = Cld::new(&world.server.data, files.path());
        Self { world, cld, _files: files }
    }

    async fn shows(&self, line: &str) -> Ended {
        self.ends(line, 0).await
    }

    async fn ends(&self, line: &str, code: i32) -> Ended {
        let words: Vec<&str> = line.split(' ').collect();
        self.cld.run(&words).await.with(code)
    }
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_from_a_file_to_an_application_and_back() {
    let (world, files) = (World::bare(&[]).await, tempfile::tempdir().unwrap());
    let cld = Cld::new(&world.server.data, files.path());
    let say = async |line: &str| cld.run(&line.split(' ').collect::<Vec<_>>()).await.with(0).stdout;
    cld.file("env.yaml", RDS_AND_ECS);
    cld.file("larger.yaml", &RDS_AND_ECS.replace("db.t3.micro", "db.t3.micro\n            storage: 40"));
    cld.file("app.yaml", WEB);
    cld.file("app2.yaml", &WEB.replace("web:1", "web:2"));

    let url = world.cloud.url();
    let setup = ["setup", "aws", "--key-id", "AKIDEXAMPLE", "--region", "us-east-1", "--endpoint", &url];
    let said = cld.run_with(&setup, "cloudsim-secret-key\n").await.with(0);
    holds(&said.stdout, &["123456789012", "user/cloudark", "us-east-1"]);
    assert!(!said.all().contains("cloudsim-secret-key"));

    let created = say("env create wp env.yaml --wait").await;
    holds(&created, &["aws foundation", "ecs cluster", "ready", "vpc-", "security groups", "database is creating"]);
    holds(&say("env show wp").await, &["available", "db.t3.micro", "••••"]);
    let masked = say("resource show wp").await;
    holds(&masked, &["Address", "rds.amazonaws.com", "MasterUserPassword", "••••"]);
    let revealed = say("resource show wp --reveal").await;
    assert!(!revealed.contains("••••"), "{revealed}");

    let deployed = say("app deploy web wp app.yaml --wait").await;
    holds(&deployed, &["http://"]);
    holds(&say("app show web").await, &["available", "web:1", "http://"]);
    holds(&say("app logs web").await, &["listening"]);
    holds(&say("app logs web --deployment").await, &["steady state"]);
    say("app redeploy web app2.yaml --wait").await;
    holds(&say("app list").await, &["web", "wp", "available"]);
    holds(&say("app show web").await, &["web:2"]);

    holds(&say("env plan wp larger.yaml").await, &["storage", "20", "40"]);
    say("env update wp larger.yaml --yes --wait").await;
    say("env refresh wp --wait").await;
    holds(&say("env history wp").await, &["create", "update", "refresh", "deploy"]);

    let refused = cld.run(&["env", "delete", "wp", "--yes"]).await.with(6);
    holds(&refused.stderr, &["web", "--force"]);
    let asked = cld.run(&["env", "delete", "wp", "--force"]).await.with(2);
    holds(&asked.stderr, &["--yes"]);
    say("env delete wp --force --yes --wait").await;
    assert!(!say("env list").await.contains("wp"));
    assert_eq!(world.inventory().await, Vec::<String>::new());
}

/// `cld server start` and `stop`, with the bundled extensions.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_started_with_its_extensions_and_stopped() {
    let data = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let bundled = tempfile::tempdir().unwrap();
    std::fs::copy(cloudark_tests::extension("aws"), bundled.path().join("aws.wasm")).unwrap();
    let cld = Cld::new(&data.path().join("home"), files.path());
    let folder = bundled.path().display().to_string();
    let started = cld.run(&["server", "start", "--listen", "127.0.0.1:0", "--extensions", &folder]).await.with(0);
    holds(&started.all(), &["aws"]);
    let status = cld.run(&["server", "status", "--output", "json"]).await.with(0).json();
    let listed = cld.run(&["extension", "list"]).await;
    let again = cld.run(&["server", "start", "--listen", "127.0.0.1:0", "--extensions", &folder]).await;
    let stopped = cld.run(&["server", "stop"]).await;
    assert!(status["pid"].as_u64().is_some_and(|pid| pid > 0), "{status:#}");
    holds(&listed.with(0).stdout, &["aws", "rds", "ecs"]);
    assert_ne!(again.code, 4, "{}", again.all());
    stopped.with(0);
    let down = cld.run(&["env", "list"]).await.with(4);
    holds(&down.stderr, &["cld server start"]);
    // The token is for its owner alone.
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(data.path().join("home/token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_several_mistakes_reports_them_all_and_sends_nothing() {
    let mut desk = Desk::new().await;
    let relay = Relay::before(&desk.world.client.url, Rules::watch()).await;
    desk.cld.server = Some(relay.url.clone());
    let text = "environment:
  resources:
    aws:
      - resource:
          type: rds
          configuration:
            flavour: db.t3.micro
            engine: oracle
            storage: 5
  app_deployment:
    target: aws
    type: ecs
    instances: 2
";
    desk.cld.file("env.yaml", text);
    let refused = desk.ends("env create wp env.yaml --wait", 2).await;
    holds(
        &refused.stderr,
        &[
            "unknown key `flavour`",
            "did you mean `flavor`?",
            "env.yaml:7:13",
            "env.yaml:8:",
            "env.yaml:9:",
            "env.yaml:13:",
            "nothing was sent",
            "oracle",
        ],
    );
    let refused = desk.ends("env plan wp env.yaml", 2).await;
    holds(&refused.stderr, &["env.yaml:7:13"]);
    desk.cld.file("app.yaml", "app:\n  imgae: web\n  container_port: many\n");
    let refused = desk.ends("app deploy web wp app.yaml", 2).await;
    holds(&refused.stderr, &["imgae", "did you mean `image`?", "app.yaml:2:3", "app.yaml:3:"]);
    let sent: Vec<String> = relay
        .seen()
        .iter()
        .filter(|one| one.method != "GET")
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    assert_eq!(sent, Vec::<String>::new());
    assert_eq!(desk.world.client.get("/v1/operations").await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_nobody_has_is_answered_with_those_there_are() {
    let desk = Desk::new().await;
    desk.cld.file("env.yaml", "environment:\n  resources:\n    aws:\n      - resource:\n          type: mainframe\n");
    let refused = desk.ends("env create e env.yaml", 2).await;
    holds(&refused.stderr, &["mainframe", "rds", "env.yaml:5:"]);
    desk.cld.file("env.yaml", "environment:\n  app_deployment:\n    target: aws\n    type: eks\n");
    let refused = desk.ends("env create e env.yaml", 2).await;
    holds(&refused.stderr, &["eks", "ecs"]);
    desk.cld.file("env.yaml", "environment:\n  app_deployment:\n    target: gcloud\n    type: gke\n");
    let refused = desk.ends("env create e env.yaml", 2).await;
    holds(&refused.stderr, &["gcloud", "aws"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_the_command_to_run_is_named() {
    let world = World::without_credentials().await;
    let files = tempfile::tempdir().unwrap();
    let cld = Cld::new(&world.server.data, files.path());
    cld.file("env.yaml", ECS);
    let refused = cld.run(&["env", "create", "e", "env.yaml"]).await;
    assert!([2, 5].contains(&refused.code), "{} {}", refused.code, refused.all());
    holds(&refused.stderr, &["cld setup aws"]);
    let wrong = ["setup", "aws", "--key-id", "AKIDEXAMPLE", "--region", "us-east-1", "--endpoint", &world.cloud.url()];
    let refused = cld.run_with(&wrong, "not-the-secret\n").await;
    assert_ne!(refused.code, 0, "{}", refused.all());
    assert!(!refused.all().contains("not-the-secret"), "{}", refused.all());
    holds(&refused.stderr, &["SignatureDoesNotMatch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_end_has_its_exit_code() {
    let desk = Desk::new().await;
    let cld = &desk.cld;
    cld.file("env.yaml", ECS);
    cld.file("app.yaml", &app("web:1", &[]));
    cld.file("crash.yaml", &app("web:crash", &[]));
    desk.shows("env create e env.yaml --wait").await;

    // 1: the operation failed, and why.
    let failed = desk.ends("app deploy web e crash.yaml --wait", 1).await;
    holds(
        &failed.all(),
        &["did not come up", "Essential container in task exited", "exit code 1", "fatal: cannot go on"],
    );
    // 2: bad usage.
    desk.ends("env create", 2).await;
    desk.ends("env show a/b", 2).await;
    desk.ends("env create e nothing.yaml", 2).await;
    // 3: there is none.
    desk.ends("env show nobody", 3).await;
    desk.ends("app logs nobody", 3).await;
    desk.ends("app deploy api nobody app.yaml", 3).await;
    desk.ends("op show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 3).await;
    // 4: nobody answers.
    let far = Cld { data: cld.data.clone(), files: cld.files.clone(), server: Some("http://127.0.0.1:1".to_owned()) };
    holds(&far.run(&["env", "list"]).await.with(4).stderr, &["127.0.0.1:1", "cld server start"]);
    // 5: the token is another one, and so is the account.
    let token = std::fs::read_to_string(desk.world.server.data.join("token")).unwrap();
    std::fs::write(desk.world.server.data.join("token"), "another-token").unwrap();
    let denied = cld.run(&["env", "list"]).await.with(5);
    std::fs::write(desk.world.server.data.join("token"), token).unwrap();
    holds(&denied.stderr, &["token"]);
    let other =
        ["setup", "aws", "--key-id", "AKIDOTHER", "--region", "us-east-1", "--endpoint", &desk.world.cloud.url()];
    cld.run_with(&other, "cloudsim-other-secret\n").await.with(0);
    let denied = desk.ends("app deploy web2 e app.yaml", 5).await;
    holds(&denied.stderr, &["123456789012", "210987654321"]);
    desk.world.client.set_up("aws", &desk.world.cloud.url(), SimulatedAws::key()).await;
    // 6: it exists already; it is not available.
    holds(&desk.ends("env create e env.yaml", 6).await.stderr, &["already"]);
    holds(&desk.ends("app deploy web e app.yaml", 6).await.stderr, &["already", "redeploy"]);
    // 7: it was cancelled. The database is what is waited for, for as long as the simulator says so.
    cld.file("slow.yaml", RDS_AND_ECS);
    desk.world.cloud.control("POST", "config", Some(json!({ "polls_until_ready": 1_000_000 }))).await;
    let started = desk.shows("env create slow slow.yaml --output json").await.json();
    let id = started["operation"].as_str().unwrap().to_owned();
    until("the database is being made", async || desk.world.of_type("db-instance").await.len() == 1).await;
    holds(&desk.ends("app deploy api slow app.yaml", 6).await.stderr, &["creating"]);
    let watching = {
        let (data, files, id) = (cld.data.clone(), cld.files.clone(), id.clone());
        tokio::spawn(async move { Cld::new(&data, &files).run(&["op", "watch", &id]).await })
    };
    cld.run(&["op", "cancel", &id, "--output", "json"]).await.with(0);
    desk.world.cloud.control("POST", "config", Some(json!({ "polls_until_ready": 1 }))).await;
    watching.await.unwrap().with(7);
    for name in ["e", "slow"] {
        let gone = cld.run(&["env", "delete", name, "--yes", "--force", "--wait"]).await;
        assert!([0, 3].contains(&gone.code), "{}", gone.all());
    }
    assert_eq!(desk.world.inventory().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_not_defined_is_refused_with_those_that_are() {
    let desk = Desk::new().await;
    desk.cld.file("env.yaml", RDS_AND_ECS);
    desk.cld.file("app.yaml", "app:\n  image: web:1\n  container_port: 80\n  env:\n    HOST: $CLOUDARK_RDS_Adress\n");
    desk.shows("env create e env.yaml --wait").await;
    let before = desk.world.calls().await.len();
    let refused = desk.ends("app deploy web e app.yaml --wait", 2).await;
    holds(&refused.stderr, &["CLOUDARK_RDS_Adress", "did you mean `Address`?", "MasterUserPassword", "app.yaml:5:11"]);
    desk.cld.file("app.yaml", "app:\n  image: web:1\n  container_port: 80\n  env:\n    HOST: $CLOUDARK_REDIS_Url\n");
    let refused = desk.ends("app deploy web e app.yaml --wait", 2).await;
    holds(&refused.stderr, &["CLOUDARK_REDIS_Url", "$CLOUDARK_DB_Address", "$CLOUDARK_DB_MasterUserPassword"]);
    let made = desk.world.calls().await.into_iter().skip(before).filter(|call| call["effect"] == "mutation").count();
    assert_eq!(made, 0, "refused before anything is made");
    desk.shows("env delete e --yes --wait").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_json() {
    let desk = Desk::new().await;
    desk.cld.file("env.yaml", RDS_AND_ECS);
    desk.cld.file("app.yaml", WEB);
    let documents = desk.shows("env create e env.yaml --wait --output json").await.documents();
    assert!(documents[0]["operation"].is_string(), "{:#}", documents[0]);
    let last = documents.last().unwrap();
    assert_eq!((&last["event"], &last["status"]), (&json!("operation"), &json!("succeeded")), "{last:#}");
    assert!(documents.iter().skip(1).all(|event| event["event"].is_string()));
    assert!(documents.iter().any(|event| event["event"] == "call"), "calls are told");
    let shown = desk.shows("env show e --output json").await.json();
    assert_eq!((&shown["name"], &shown["status"]), (&json!("e"), &json!("available")));
    desk.shows("app deploy web e app.yaml --wait --output json").await;
    let logs = desk.shows("app logs web --output json").await.documents();
    assert!(
        logs.iter().any(|line| line["message"].as_str().is_some_and(|text| text.ends_with("listening"))),
        "{logs:?}"
    );
    for line in ["env list", "app list", "resource list", "op list", "extension list", "setup", "env history e"] {
        let listed = desk.shows(&format!("{line} --output json")).await.json();
        assert!(
            listed.as_array().or(listed["items"].as_array()).is_some_and(|list| !list.is_empty()),
            "{line}: {listed:#}"
        );
    }
    let missing = desk.ends("env show nobody --output json", 3).await;
    assert!(missing.stdout.is_empty() || serde_json::from_str::<Value>(&missing.stdout).is_ok(), "{}", missing.stdout);
    desk.shows("env delete e --force --yes --wait --output json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_used_is_refused_before_anything_is_made() {
    let desk = Desk::new().await;
    desk.cld.file("env.yaml", ECS);
    desk.shows("env create e env.yaml --wait").await;
    let before = desk.world.inventory().await;
    let refused = desk.ends("env create e env.yaml --wait", 6).await;
    holds(&refused.stderr, &["\"e\"", "already"]);
    assert_eq!(desk.world.inventory().await, before);
    desk.shows("env protect e").await;
    holds(&desk.ends("env delete e --yes --wait", 6).await.stderr, &["protect"]);
    desk.shows("env protect e --off").await;
    desk.shows("env delete e --yes --wait").await;
}
