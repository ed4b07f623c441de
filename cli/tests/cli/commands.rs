//! What commands answer, and what they send.

use serde_json::{Value, json};

use crate::fake::{Answer, TOKEN, World, page, refusal};

#[test]
fn secrets_come_by_stdin_and_are_never_shown() {
    let world = World::new();
    world.on("PUT", "/v1/environments/wp/secrets/api-key", Answer::Json(200, json!({})));
    let log = world.home.path().join("log.txt");
    let words = ["secret", "set", "wp", "api-key", "--debug", "-v", "--log-file", log.to_str().unwrap()];
    let ran = world.cld_with(&words, "h1dden v4lue\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.changes()[0].json(), json!({"value": "h1dden v4lue"}));
    let said = format!("{}{}{}", ran.out, ran.err, std::fs::read_to_string(log).unwrap());
    assert!(said.contains("/v1/environments/wp/secrets/api-key"), "{said}");
    assert!(!said.contains("h1dden") && !said.contains(TOKEN), "{said}");
    assert_eq!(world.cld_with(&["secret", "set", "wp", "api-key"], "\n").code, 2);
}

#[test]
fn an_invented_cloud_is_set_up_as_its_extension_says() {
    let world = World::new();
    world.on(
        "GET",
        "/v1/extensions",
        page(json!([{
            "name": "nimbus", "version": "1.0.0", "cloud": "nimbus", "summary": "", "digest": "sha256:1", "kinds": [],
            "exports": [], "installed_at": "", "grants": [],
            "settings": [{"name": "zone", "summary": "where", "required": true, "default": null}],
            "credentials": [{"signer": "header", "prompt": "an API key of Nimbus"}],
        }])),
    );
    let cloud = json!({
        "cloud": "nimbus", "source": "stored value", "account": "acme", "identity": "robot", "settings": {"zone": "z1"},
    });
    world.on("PUT", "/v1/clouds/nimbus", Answer::Json(200, cloud));
    let ran = world.cld("setup nimbus --set zone=z1");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("an API key of Nimbus") && ran.err.contains("--value-stdin"), "{}", ran.err);
    let ran = world.cld_with(&["setup", "nimbus", "--value-stdin"], "k3y\n");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("needs the setting `zone`"), "{}", ran.err);
    let ran = world.cld_with(&["setup", "nimbus", "--value-stdin", "--set", "zone=z1"], "k3y\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let sent = world.changes()[0].json();
    assert_eq!(
        sent,
        json!({"credentials": {"source": "value", "secret": "k3y"}, "settings": {"zone": "z1"}, "endpoint": null})
    );
    assert_eq!(world.cld("setup cumulus --chain").code, 3);
}

#[test]
fn an_extension_is_installed_by_the_digest_that_was_shown() {
    let world = World::new();
    let extension = json!({
        "name": "nimbus", "version": "1.0.0", "cloud": "nimbus", "summary": "Nimbus", "digest": "sha256:1", "kinds": [],
        "exports": [], "installed_at": "", "grants": [], "settings": [], "credentials": [],
    });
    let inspection = json!({
        "extension": extension, "asks": ["call https://nimbus.example"], "grants_yaml": "", "replaces": null, "wider": [],
    });
    world.on("POST", "/v1/extensions:inspect", Answer::Json(200, inspection));
    world.on("POST", "/v1/extensions", Answer::Json(200, extension));
    let file = world.file("nimbus.wasm", "\0asm");
    let ran = world.cld(&format!("extension install {file}"));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("call https://nimbus.example") && ran.err.contains("--yes"), "{}", ran.err);
    assert!(world.to("/v1/extensions").is_empty());
    assert_eq!(world.cld(&format!("extension install {file} --yes")).code, 0);
    let sent = &world.to("/v1/extensions")[0];
    assert_eq!((sent.query.as_str(), sent.header("content-type").as_str()), ("agree=sha256%3A1", "application/wasm"));
    assert_eq!(sent.body, b"\0asm");
}

#[test]
fn logs_are_lines_without_escape_sequences() {
    let world = World::new();
    let line = |at: u64, message: &str| json!({"at_ms": at, "source": "web/1", "message": message});
    let lines = vec![line(1_769_860_800_000, "GET / 200"), line(1_769_860_801_250, "evil\u{1b}[2J\u{7}")];
    world.on("GET", "/v1/applications/web/logs", Answer::Lines(lines));
    let ran = world.cld("app logs web --deployment --tail 5 --since 10m --follow");
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let query = &world.to("/v1/applications/web/logs")[0].query;
    assert!(query.starts_with("stream=deployment&follow=true&since_ms=") && query.ends_with("&tail=5"), "{query}");
}

#[test]
fn followed_logs_go_on_after_a_restart() {
    let world = World::new();
    let line = |at: u64, message: &str| json!({"at_ms": at, "source": "web/1", "message": message});
    let logs = "/v1/applications/web/logs";
    world.on("GET", logs, Answer::BrokenLines(vec![line(1000, "one"), line(2000, "two")]));
    world.on("GET", logs, Answer::Json(503, refusal(503, "unavailable", "starting")));
    world.on("GET", logs, Answer::Lines(vec![line(3000, "three")]));
    let ran = world.cld("app logs web --follow --tail 2 --output json");
    let messages: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ran.code, messages), (0, vec!["one".into(), "two".into(), "three".into()]), "{}", ran.err);
    assert_eq!(world.to(logs)[2].query, "stream=runtime&follow=true&since_ms=2001");
}

#[test]
fn lists_are_read_to_their_end() {
    let world = World::new();
    let secret = |name: &str| json!({"name": name, "updated_at": "2026-01-31T12:00:00Z"});
    world.on("GET", "/v1/environments/wp/secrets", Answer::Json(200, json!({"items": [secret("a")], "next": "c1"})));
    world.on("GET", "/v1/environments/wp/secrets", page(json!([secret("b")])));
    let ran = world.cld("secret list wp --output json");
    let names: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(names, json!([secret("a"), secret("b")]));
    assert!(world.to("/v1/environments/wp/secrets")[1].query.contains("cursor=c1"));
    let ran = world.cld("secret list wp --output yaml");
    assert!(ran.out.starts_with("- name: b\n"), "{}", ran.out);
}

#[test]
fn a_program_of_ones_own_is_a_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let path = world.file("cld-greet", "#!/bin/sh\necho hello \"$@\"\nexit 42\n");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = world.cld("greet the world --output");
    assert_eq!((ran.code, ran.out.as_str()), (42, "hello the world --output\n"), "{}", ran.err);
    let ran = world.cld("gret");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no command `gret`"), "{}", ran.err);
}

#[test]
fn completions_are_written_without_a_server() {
    let world = World::new();
    std::fs::remove_dir_all(world.data()).unwrap();
    let ran = world.cld("completions bash");
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("_cld()"));
}
