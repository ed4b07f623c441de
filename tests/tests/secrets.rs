//! Credentials and secrets reach the cloud, and nothing else: a guest that dumps all it can see, and everything
//! that the server shows or keeps, is searched for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_api::operation::OperationStatus;
use cloudark_tests::clouds::CAPTURED;
use cloudark_tests::fixture_cloud::KEY;
use cloudark_tests::needles::{Needle, are_not_in_folder};
use cloudark_tests::world::{World, one_resource};
use serde_json::{Value, json};

/// Given in the file; with what each encoding writes differently.
const IN_FILE: &str = "in-the-file <&> \"quoted\" é/~ +%41";
/// Given by name.
const BY_NAME: &str = "given-by-name-7c1d0b";

struct Dumped {
    world: World,
    needles: Vec<Needle>,
    /// What the host made, as the cloud got it.
    generated: String,
    operations: Vec<String>,
}

impl Dumped {
    /// Two environments of the guest that dumps everything: one with its secret in the file, one with it by name.
    async fn make(configuration: &str) -> Self {
        let world = World::plan(&["dumper"]).variable("CLOUDARK_LOG", "trace").start().await;
        let client = &world.client;
        let quoted = Value::from(IN_FILE);
        let file = one_resource("dump", "dump", &format!("{{ given: {quoted}{configuration} }}"));
        let by_file = client.create("file", &file).await;
        client.put("/v1/environments/named/secrets/pass", json!({ "value": BY_NAME })).await.ok();
        let named = one_resource("dump", "dump", &format!("{{ given: \"${{secret.pass}}\"{configuration} }}"));
        let by_name = client.create("named", &named).await;
        client.ended(&by_file).await;
        client.ended(&by_name).await;

        let made = world.bodies("/things");
        assert_eq!(made.len(), 2, "{made:#?}");
        let mut needles = vec![Needle::new("the credential", KEY), Needle::new("a captured secret", CAPTURED)];
        needles.push(Needle::new("a secret from the file", IN_FILE));
        needles.push(Needle::new("a secret by name", BY_NAME));
        let mut generated = String::new();
        for body in &made {
            generated = body["secret"].as_str().unwrap().to_owned();
            needles.push(Needle::new("a generated secret", &generated));
        }
        Self { world, needles, generated, operations: vec![by_file, by_name] }
    }

    fn is_clean(&self, place: &str, text: &[u8]) {
        self.needles.iter().for_each(|needle| needle.is_not_in(place, text));
    }

    /// Every answer of the API that a reader can get, as text.
    async fn every_answer_is_clean(&self) {
        let client = &self.world.client;
        let mut paths: Vec<String> = [
            "server",
            "kinds",
            "clouds",
            "clouds/dump",
            "extensions",
            "extensions/dumper",
            "extensions/dumper/grants",
            "environments",
            "resources",
            "applications",
            "operations",
            "openapi.json",
        ]
        .map(|path| format!("/v1/{path}"))
        .to_vec();
        for name in ["file", "named"] {
            paths.extend(["", "/operations", "/secrets"].map(|rest| format!("/v1/environments/{name}{rest}")));
            paths.push(format!("/v1/resources?environment={name}"));
        }
        for id in &self.operations {
            paths.push(format!("/v1/operations/{id}"));
            // They are packed by now: whoever reads the store's file does not see them.
            let tasks = client.operation(id).await.tasks;
            paths.extend(tasks.iter().map(|task| format!("/v1/operations/{id}/tasks/{}/journal", task.number)));
        }
        for path in paths {
            let answer = client.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            self.is_clean(&path, answer.body.to_string().as_bytes());
        }
        for id in &self.operations {
            let events = client.events(id).await;
            assert!(!events.is_empty());
            self.is_clean("events", serde_json::to_string(&events).unwrap().as_bytes());
        }
    }

    fn everything_kept_is_clean(&self) {
        are_not_in_folder(&self.needles, &self.world.data());
        assert!(self.world.server.log().contains("TRACE"), "the log is not at its finest");
        for of_process in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{}/{of_process}", self.world.server.pid())).unwrap();
            self.is_clean(of_process, &text);
        }
    }
}

/// What the tests ask of a world's cloud.
trait Asked {
    fn bodies(&self, path: &str) -> Vec<Value>;
}

impl Asked for World {
    /// The bodies of all POSTs to this path.
    fn bodies(&self, path: &str) -> Vec<Value> {
        let asked =
            self.cloud.requests().into_iter().filter(|request| request.method == "POST" && request.path == path);
        asked.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_dumps_all_it_sees_shows_no_secret() {
    let dumped = Dumped::make("").await;
    let client = &dumped.world.client;
    for name in ["file", "named"] {
        let shown = client.get(&format!("/v1/environments/{name}")).await.ok();
        assert_eq!(shown["status"], "available", "{shown:#}");
        let outputs = shown["pieces"][0]["outputs"].as_array().unwrap();
        let seen = outputs.iter().find(|output| output["name"] == "Seen").unwrap();
        // It has looked, and has seen what it may.
        for seen_things in ["config", "captured", "echo", "stolen", "unreachable"] {
            assert!(seen["value"].as_str().unwrap().contains(seen_things), "{seen}");
        }
    }
    dumped.every_answer_is_clean().await;
    dumped.everything_kept_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_fails_with_all_it_sees_shows_no_secret() {
    let mut dumped = Dumped::make(", fail: true").await;
    for id in &dumped.operations {
        let operation = dumped.world.client.operation(id).await;
        assert_eq!(operation.status, OperationStatus::Failed);
        assert!(operation.errors[0].message.contains("config"), "it says nothing: {operation:#?}");
    }
    dumped.every_answer_is_clean().await;
    dumped.everything_kept_is_clean();
    // Nor is any secret written while the server recovers and deletes.
    dumped.world.restart().await;
    for name in ["file", "named"] {
        let delete = dumped.world.client.delete(&format!("/v1/environments/{name}")).await.operation();
        dumped.world.client.succeeded(&delete).await;
    }
    dumped.everything_kept_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_gets_the_secrets_themselves() {
    let dumped = Dumped::make("").await;
    let made = dumped.world.bodies("/things");
    for body in &made {
        assert_eq!(body["captured"], CAPTURED);
        assert_eq!(body["secret"].as_str().unwrap().len(), 32, "{body}");
    }
    let given: Vec<&Value> = made.iter().map(|body| &body["given"]).collect();
    assert!(given.contains(&&json!(IN_FILE)) && given.contains(&&json!(BY_NAME)), "{given:?}");
    assert!(dumped.world.cloud.requests().iter().all(|request| request.key == KEY || request.key.is_empty()));
    // Only where the grant lists them: what was sent elsewhere was not sent.
    let echoed = dumped.world.bodies("/echo");
    assert!(echoed.iter().all(|body| body.get("stolen").is_none()), "{echoed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_to_who_asks_for_it_and_that_is_noted() {
    let dumped = Dumped::make("").await;
    let client = &dumped.world.client;
    let audited = |name: &str| {
        memchr::memmem::find_iter(&std::fs::read(dumped.world.data().join("store.redb")).unwrap(), name).count()
    };
    assert_eq!(audited("\"action\":\"reveal"), 0);
    let value = |shown: &Value, name: &str| {
        let outputs = shown["outputs"].as_array().unwrap();
        outputs.iter().find(|output| output["name"] == name).unwrap()["value"].clone()
    };
    let masked = client.get("/v1/environments/named").await.ok();
    assert_eq!(value(&masked["pieces"][0], "Generated"), Value::Null);
    let shown = client.get("/v1/environments/named?reveal=true").await.ok();
    assert_eq!(value(&shown["pieces"][0], "Captured"), CAPTURED);
    assert_eq!(value(&shown["pieces"][0], "Given"), BY_NAME);
    let resources = client.get("/v1/resources?environment=file&reveal=true").await.ok();
    assert_eq!(value(&resources["items"][0], "Given"), IN_FILE);
    let all = [&shown["pieces"][0], &resources["items"][0]].map(|piece| value(piece, "Generated"));
    assert!(all.contains(&json!(dumped.generated)), "{all:?}");
    assert!(audited("\"action\":\"reveal") >= 2, "nobody noted that secrets were shown");
    dumped.everything_kept_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_a_secret_that_nobody_else_sees() {
    let world = World::plan(&["fixture"]).variable("CLOUDARK_LOG", "trace").start().await;
    let client = &world.client;
    let file = one_resource("fix", "generated", "{}") + "  app_deployment:\n    target: fix\n    type: fix-coe\n";
    let create = client.create("e", &file).await;
    client.succeeded(&create).await;
    let app = "app:\n  image: web:1\n  container_port: 80\n  env:\n    PASSWORD: ${it.Password}\n";
    let deploy =
        client.post("/v1/applications", json!({ "name": "web", "environment": "e", "file": app })).await.operation();
    client.succeeded(&deploy).await;
    let things = world.bodies("/things");
    let password = things.iter().find_map(|body| body["secret"].as_str()).unwrap();
    assert_eq!(world.bodies("/apps")[0]["env"]["PASSWORD"], password);
    let needle = Needle::new("the password", password);
    for path in ["/v1/applications", "/v1/applications/web", "/v1/environments/e", "/v1/resources", "/v1/operations"] {
        needle.is_not_in(path, client.get(path).await.ok().to_string().as_bytes());
    }
    needle.is_not_in("events", serde_json::to_string(&client.events(&deploy).await).unwrap().as_bytes());
    are_not_in_folder(&[needle, Needle::new("the credential", KEY)], &world.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_named_with_the_command_that_stores_it() {
    let world = World::plan(&["dumper"]).start().await;
    let file = one_resource("dump", "dump", "{ given: \"${secret.pass}\" }");
    let refused = world.client.post("/v1/environments", json!({ "name": "e", "file": file })).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.to_string().contains("cld secret set e pass"), "{refused:?}");
    assert_eq!(world.cloud.requests().len(), 0);
}
