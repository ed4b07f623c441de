//! Guests that attack the host: each is stopped by its own limit, says which, and disturbs nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use cloudark_api::operation::{EventKind, Operation, OperationStatus};
use cloudark_tests::world::{World, one_resource};
use serde_json::{Value, json};

/// Limits small enough that running into them takes no time.
const SMALL: &str = "limits:\n  memory-bytes: 33554432\n  compute-ms: 400\n  run-ms: 1500\n  live-calls: 200\n  \
                     request-bytes: 1048576\n  result-bytes: 1048576\n  log-bytes: 65536\n";

/// What is not ours.
const FOREIGN: &str = "foreign";

/// An attack: what became of it, and of the environment that was attacked from.
struct Attack {
    world: World,
    operation: Operation,
    environment: Value,
}

impl Attack {
    /// Attacks, while somebody else makes an environment on another cloud of the same server.
    async fn run(kind: &str, configuration: &str) -> Self {
        let mut world = World::plan(&["fixture", "hostile"]).config(SMALL).start().await;
        let client = &world.client;
        world.cloud.make(FOREIGN);
        let attack = client.create("attack", &one_resource("hostile", kind, configuration)).await;
        let honest = client.create("honest", &one_resource("fix", "thing", "{ size: 3 }")).await;
        let (operation, _) = tokio::join!(client.ended(&attack), client.succeeded(&honest));
        let environment = client.get("/v1/environments/attack").await.ok();
        let events = serde_json::to_string(&client.events(&attack).await).unwrap();
        for text in [environment.to_string(), serde_json::to_string(&operation).unwrap(), events] {
            assert!(!text.contains("REACHED"), "the host let it through: {text}");
        }
        assert!(client.is_up().await);
        assert!(world.server.ended().is_none(), "the server ended: {}", world.server.log());
        assert!(world.cloud.inventory().contains(&format!("things/{FOREIGN}")), "what is not ours is gone");
        assert_eq!(client.get("/v1/server").await.ok()["live_instances"], 0);
        Self { world, operation, environment }
    }

    /// It failed, with all of these in its message, and can be deleted.
    async fn must_be_stopped(self, kind: &str, words: &[&str]) {
        assert_eq!(self.operation.status, OperationStatus::Failed, "{:#?}", self.operation);
        let error = &self.operation.errors[0];
        assert_eq!(error.kind, kind, "{error:?}");
        for word in words {
            assert!(error.message.contains(word), "no \"{word}\" in: {}", error.message);
        }
        self.must_be_deleted().await;
    }

    /// It ended by itself, and says so.
    fn says(&self, summary: &str) {
        assert_eq!(self.operation.status, OperationStatus::Succeeded, "{:#?}", self.operation);
        assert_eq!(self.environment["pieces"][0]["summary"], summary, "{:#}", self.environment);
    }

    async fn must_be_deleted(self) {
        let delete = self.world.client.delete("/v1/environments/attack").await.operation();
        self.world.client.succeeded(&delete).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_computes_for_ever_meets_the_compute_limit() {
    Attack::run("spin", "{}").await.must_be_stopped("limit", &["computes for more than 400 ms", "compute-ms"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_allocates_for_ever_meets_the_memory_limit() {
    Attack::run("memory", "{}").await.must_be_stopped("limit", &["33554432 bytes of memory", "memory-bytes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_recurses_for_ever_meets_the_end_of_its_stack() {
    Attack::run("deep", "{}").await.must_be_stopped("trap", &["the extension crashed"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_calls_for_ever_meets_the_limit_of_calls() {
    Attack::run("calls", "{}").await.must_be_stopped("limit", &["more than 200 host calls", "live-calls"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_the_log_is_cut_off_at_the_log_limit() {
    let attack = Attack::run("logs", "{}").await;
    attack.says("logged");
    let events = attack.world.client.events(&attack.operation.id.0).await;
    let logged: usize = events
        .iter()
        .filter_map(|event| match &event.what {
            EventKind::Log { message, .. } => Some(message.len()),
            _ => None,
        })
        .sum();
    assert!(logged > 0 && logged <= 65_536, "{logged} bytes were logged");
    attack.must_be_deleted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_request_meets_the_request_limit() {
    Attack::run("bigbody", "{ mib: 2 }")
        .await
        .must_be_stopped("limit", &["request of", "request-bytes", "1048576"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_fit_memory_meets_the_memory_limit() {
    Attack::run("bigbody", "{ mib: 64 }").await.must_be_stopped("limit", &["memory-bytes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_state_meets_the_memory_limit() {
    Attack::run("bigstate", "{ mib: 64 }").await.must_be_stopped("limit", &["memory-bytes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_fits_memory_meets_the_result_limit() {
    Attack::run("bigstate", "{ mib: 2 }").await.must_be_stopped("limit", &["it returns", "result-bytes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_files_variables_arguments_or_input() {
    let attack = Attack::run("files", "{}").await;
    attack.says("denied");
    attack.must_be_deleted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network_but_by_granted_calls() {
    let attack = Attack::run("sockets", "{}").await;
    attack.says("denied");
    attack.must_be_deleted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_blocks_on_the_clock_is_told_how_to_wait() {
    Attack::run("sleep", "{}").await.must_be_stopped("trap", &["wait::until"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_of_a_task_sees_the_same_clock_and_the_same_chance() {
    let attack = Attack::run("nondeterministic", "{}").await;
    attack.says("deterministic");
    attack.must_be_deleted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_cannot_make_a_delete_of_a_read() {
    let attack = Attack::run("method-override", &format!("{{ target: {FOREIGN} }}")).await;
    attack.must_be_stopped("denied", &["POST"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_cannot_be_deleted() {
    let attack = Attack::run("foreign", &format!("{{ target: {FOREIGN} }}")).await;
    let asked = attack.world.cloud.requests();
    assert!(!asked.iter().any(|request| request.method == "DELETE" && request.path.ends_with(FOREIGN)), "{asked:?}");
    attack.must_be_stopped("denied", &["DELETE", "foreign"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_mark_cannot_be_put_on_what_is_not_ours() {
    let attack = Attack::run("mark-forge", &format!("{{ target: {FOREIGN} }}")).await;
    let asked = attack.world.cloud.requests();
    let changed = asked.iter().any(|request| request.method != "GET" && request.path.ends_with(FOREIGN));
    assert!(!changed, "{asked:?}");
    attack.must_be_stopped("denied", &["PATCH"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_without_a_grant_are_not_called() {
    Attack::run("wrong-origin", "{}").await.must_be_stopped("denied", &["https://example.com"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_only_where_the_grant_lists_it() {
    let attack = Attack::run("stolen-secret", "{}").await;
    let asked = attack.world.cloud.requests();
    assert!(!asked.iter().any(|request| request.body.contains("label")), "{asked:?}");
    attack.must_be_stopped("denied", &["secret"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_a_read_change_nothing() {
    let attack = Attack::run("mislabelled-read", "{}").await;
    attack.says("denied");
    let before = attack.world.cloud.inventory();
    let client = &attack.world.client;
    let file = one_resource("hostile", "mislabelled-read", "{}");
    let plan = client.post("/v1/environments/attack/plan", json!({ "name": "attack", "file": file })).await;
    assert_eq!(plan.status, 403, "{plan:?}");
    assert!(plan.body["detail"].as_str().unwrap().contains("POST"), "{plan:?}");
    assert!(!plan.body.to_string().contains("REACHED"), "{plan:?}");

    let refresh = client.post("/v1/environments/attack/refresh", json!({})).await.operation();
    let refreshed = client.ended(&refresh).await;
    assert_eq!(refreshed.status, OperationStatus::Failed);
    assert_eq!(refreshed.errors[0].kind, "denied", "{:?}", refreshed.errors);
    assert!(!format!("{:?}", refreshed.errors).contains("REACHED"), "{:?}", refreshed.errors);

    assert_eq!(attack.world.cloud.inventory(), before);
    let asked = attack.world.cloud.requests();
    assert!(!asked.iter().any(|request| request.path == "/"), "{asked:?}");
    attack.must_be_deleted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_attacks_at_once_leave_room_for_others() {
    let world = World::plan(&["fixture", "hostile"]).config(SMALL).start().await;
    let client = &world.client;
    world.cloud.make(FOREIGN);
    let kinds = [
        "spin",
        "memory",
        "deep",
        "calls",
        "logs",
        "bigbody",
        "files",
        "sockets",
        "sleep",
        "nondeterministic",
        "method-override",
        "foreign",
        "mark-forge",
        "wrong-origin",
        "stolen-secret",
        "mislabelled-read",
    ];
    let mut attacks = Vec::new();
    for kind in kinds {
        attacks.push(client.create(kind, &one_resource("hostile", kind, "{}")).await);
    }
    let honest = client.create("honest", &one_resource("fix", "thing", "{ size: 3 }")).await;
    client.succeeded(&honest).await;
    for attack in attacks {
        let operation = client.ended(&attack).await;
        assert!(!serde_json::to_string(&operation).unwrap().contains("REACHED"), "{operation:#?}");
    }
    assert_eq!(client.get("/v1/server").await.ok()["live_instances"], 0);
    for kind in kinds {
        let delete = client.delete(&format!("/v1/environments/{kind}")).await.operation();
        client.succeeded(&delete).await;
    }
}
