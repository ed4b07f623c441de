//! What bad input, a refusing server and no server get; and what is not done without a yes.

use serde_json::json;

use crate::course::{APP, ENVIRONMENT, accepted, creating, kinds};
use crate::fake::{Answer, World, refusal};

#[test]
fn a_file_with_mistakes_shows_all_of_them_and_nothing_is_sent() {
    let (world, _) = creating("succeeded");
    let text = ENVIRONMENT.replace("name: db", "nmae: db\n          configuration:\n            flavour: large");
    world.file("broken.yaml", &text);
    let ran = world.cld("env create wp broken.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(world.changes().is_empty());
    insta::assert_snapshot!(ran.err);
}

#[test]
fn the_servers_diagnostics_are_shown_in_the_file() {
    let (world, _) = creating("succeeded");
    world.file("app.yaml", APP);
    let mut problem = refusal(422, "invalid", "the application cannot be deployed");
    problem["diagnostics"] = json!([{
        "severity": "error", "message": "host port 80 is taken by \"api\"", "help": "name another `host_port`",
        "span": {"start": 42, "end": 44, "line": 3, "column": 19},
    }]);
    world.on("POST", "/v1/applications", Answer::Json(422, problem));
    let ran = world.cld("app deploy web wp app.yaml");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.err);
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    let world = World::new();
    for (status, kind, code) in
        [(404, "not-found", 3), (403, "denied", 5), (409, "conflict", 6), (503, "unavailable", 4), (500, "internal", 1)]
    {
        let path = format!("/v1/environments/{kind}");
        world.on("GET", &path, Answer::Json(status, refusal(status, kind, "so it is\u{1b}[5m")));
        let ran = world.cld(&format!("env show {kind}"));
        assert_eq!(ran.code, code, "{kind}: {}", ran.err);
        assert_eq!(ran.err.lines().next().unwrap(), format!("error: showing environment \"{kind}\": so it is"));
    }
    world.on("GET", "/v1/environments/odd", Answer::Json(409, json!("not a problem document")));
    assert_eq!(world.cld("env show odd").code, 6);
    std::fs::write(world.data().join("token"), "wrong").unwrap();
    assert_eq!(world.cld("env list").code, 5);
}

#[test]
fn a_server_that_is_down_ends_with_4_and_the_way_to_start_it() {
    let world = World::new();
    let ran = world.cld("env list --server 127.0.0.1:1");
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("cld server start"), "{}", ran.err);
    std::fs::remove_file(world.data().join("token")).unwrap();
    assert_eq!(world.cld("env list").code, 4);
}

#[test]
fn bad_usage_ends_with_2() {
    let world = World::new();
    for line in [
        "env",
        "env create wp",
        "env show a/b",
        "app logs web --since soon",
        "nonsense",
        "op show ../x",
        "app deploy a b no.yaml",
    ] {
        assert_eq!(world.cld(line).code, 2, "{line}");
    }
    let ran = world.cld("env list --server http://10.0.0.7:5002");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("in the clear"), "{}", ran.err);
}

#[test]
fn a_post_whose_connection_breaks_is_sent_again_with_its_key() {
    let world = World::new();
    let file = world.file("env.yaml", ENVIRONMENT);
    world.on("GET", "/v1/kinds", kinds());
    world.on("POST", "/v1/environments", Answer::Broken).on("POST", "/v1/environments", accepted());
    let ran = world.cld(&format!("env create wp {file}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sent = world.changes();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].header("idempotency-key"), sent[1].header("idempotency-key"));
}

#[test]
fn a_delete_is_sent_once_only() {
    let world = World::new();
    world.on("DELETE", "/v1/environments/wp", Answer::Broken).on("DELETE", "/v1/environments/wp", accepted());
    assert_eq!(world.cld("env delete wp --yes").code, 4);
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn nothing_is_deleted_by_a_script_without_yes() {
    let world = World::new();
    let environment = json!({
        "id": "01env", "name": "wp", "status": "available", "file": "", "bindings": {}, "created_at": "",
        "updated_at": "", "operation": null, "protected": false, "pieces": [], "applications": [],
    });
    world.on("GET", "/v1/environments/wp", Answer::Json(200, environment));
    world.on("DELETE", "/v1/environments/wp", accepted());
    let ran = world.cld_with(&["env", "delete", "wp"], "wp\n");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--yes"), "{}", ran.err);
    assert!(world.changes().is_empty());
    assert_eq!(world.cld("env delete wp --yes --force").code, 0);
    assert_eq!(world.changes()[0].query, "force=true");
}

#[test]
fn an_update_that_replaces_something_is_not_made_by_a_script_without_yes() {
    let (world, file) = creating("succeeded");
    let environment = json!({
        "id": "01env", "name": "wp", "status": "available", "file": "", "bindings": {}, "created_at": "",
        "updated_at": "", "operation": null, "protected": false, "pieces": [], "applications": [],
    });
    let step = json!({"piece": "resource/db", "kind": "store", "action": "replace", "changes": []});
    world.on("GET", "/v1/environments/wp", Answer::Json(200, environment));
    world.on("POST", "/v1/environments/wp/plan", Answer::Json(200, json!({"steps": [step], "diagnostics": []})));
    world.on("PUT", "/v1/environments/wp", accepted());
    let ran = world.cld(&format!("env update wp {file}"));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(!world.changes().iter().any(|seen| seen.method == "PUT"));
    assert_eq!(world.cld(&format!("env update wp {file} --yes")).code, 0);
    let put = world.changes().into_iter().find(|seen| seen.method == "PUT").unwrap();
    assert_eq!(put.header("if-match"), "\"7\"");
}
