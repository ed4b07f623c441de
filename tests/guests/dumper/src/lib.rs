//! Puts everything that it can see where one can look for secrets: into state, outputs, logs, progress, errors and
//! requests, in plain and as base64. `tests/guests/README.md` has the protocol that it speaks.

mod seen;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloudark_sdk::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use seen::Seen;

const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";
const NAME: Rules = Rules::DNS_LABEL.max(40);

cloudark_sdk::export! {
    name: "dumper",
    cloud: "dump",
    summary: "Dumps everything that it can see",
    resources: [Dump],
    settings: [Setting::optional("endpoint", "where the cloud answers").or(DEFAULT_ENDPOINT)],
    credentials: [Credential::new("header", "Key of the fixture cloud")],
}

struct Dump;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A secret that the user gives.
    given: Secret,
    /// Fail at the end, with everything in the message.
    #[serde(default)]
    fail: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct State {
    name: String,
    seen: Value,
    encoded: String,
}

impl Resource for Dump {
    const KIND: &'static str = "dump";
    const SUMMARY: &'static str = "Everything that an extension can see";
    const OUTPUTS: &'static [Output] = &[
        Output::plain("Seen", "everything, as JSON"),
        Output::plain("Encoded", "everything, as base64"),
        Output::secret("Generated", "made by the host"),
        Output::secret("Captured", "shown by the cloud"),
        Output::secret("Given", "given by the user"),
    ];
    type Config = Config;
    type State = State;

    fn plan(_: &Context, _: &Intent<Config>, _: Option<&Instance<State>>) -> Result<Plan> {
        Ok(Plan::Nothing)
    }

    fn create(ctx: &Context, intent: &Intent<Config>) -> Result<Instance<State>> {
        let name = ctx.name("thing", NAME)?;
        let mut seen = Seen::default();
        seen.put("config", &intent.config);
        seen.put("settings", &ctx.settings);
        seen.put("environment", (&ctx.environment_id, &ctx.environment, &ctx.piece));
        seen.put("foundation", ctx.foundation::<Value>().unwrap_or(Value::Null));
        seen.put("names", &intent.names);
        seen.put("mark", ctx.tags());
        seen.put("token", ctx.token("dump", 36));
        seen.sandbox();

        let generated = secrets::generate("generated", Password::alphanumeric(32))?;
        seen.put("generated", generated.reference());
        let captured = capture(ctx, &name, &mut seen)?;
        let given = &intent.config.given;

        // Each where the grant lists it, and once more where it does not.
        let secrets = [("/secret", &generated), ("/captured", &captured), ("/given", given)];
        make(ctx, &name, &secrets, &mut seen)?;
        for (_, secret) in secrets {
            let stolen = request(ctx, "POST", "/echo").json(&json!({ "stolen": secret.placeholder() })).substitute(
                secret,
                Encoding::Json,
                "/stolen",
            );
            seen.call("stolen", stolen.send());
            seen.call("by query", request(ctx, "GET", "/things").query("tag", secret.reference()).send());
        }
        seen.call("read", request(ctx, "GET", &format!("/things/{name}")).send());
        seen.call("echo", request(ctx, "POST", "/echo").json(&json!({ "name": name, "plain": "text" })).send());
        seen.call("ungranted", Request::get("https://example.com/").send());
        seen.call("unreachable", Request::get("http://127.0.0.1:1/").send());
        seen.call("no url", Request::get("gopher:/\u{1}").send());
        seen.call("unsigned", Request::get(format!("{}/things/{name}", endpoint(ctx))).send());

        finish(intent.config.fail, name, seen.into_value(), [&generated, &captured, given])
    }

    fn read(_: &Context, _: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        Ok(Some(current.clone()))
    }

    fn update(_: &Context, _: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
        Ok(current.clone())
    }

    fn delete(ctx: &Context, _: &Intent<Config>, _: Option<&Instance<State>>) -> Result<()> {
        let name = ctx.name("thing", NAME)?;
        let found = find_settled(|| find(ctx, &name))?;
        if found.is_some() {
            request(ctx, "DELETE", &format!("/things/{name}")).send()?.found("deleting the thing")?;
            wait::until(every(1.seconds()), at_most(10.minutes()), || match find(ctx, &name)? {
                None => ready(()),
                Some(()) => pending("the thing is still there"),
            })?;
        }
        Ok(())
    }
}

fn endpoint(ctx: &Context) -> &str {
    ctx.setting("endpoint").unwrap_or(DEFAULT_ENDPOINT).trim_end_matches('/')
}

fn request(ctx: &Context, method: &str, path: &str) -> Request {
    Request::new(method, format!("{}{path}", endpoint(ctx)))
        .sign(Signer::Header { name: "x-fix-key".into(), prefix: String::new() })
}

fn find(ctx: &Context, name: &str) -> Result<Option<()>> {
    let found = request(ctx, "GET", &format!("/things/{name}")).send()?.found("reading the thing")?;
    Ok(found.map(|_| ()))
}

/// A token that the grant captures: what the answer shows is a reference.
fn capture(ctx: &Context, name: &str, seen: &mut Seen) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Answer {
        token: String,
    }
    let answer = request(ctx, "POST", "/tokens").json(&json!({ "name": name })).send();
    seen.call("captured", answer.clone());
    let answer: Answer = answer?.success("getting a token")?.json()?;
    Ok(Secret::from_reference(answer.token))
}

fn make(ctx: &Context, name: &str, secrets: &[(&str, &Secret)], seen: &mut Seen) -> Result<()> {
    create_or_adopt(
        || find(ctx, name),
        || {
            let mut body = json!({ "name": name, "kind": "thing", "size": 1 });
            if let Value::Object(body) = &mut body {
                body.insert("tags".into(), ctx.tags().into_iter().map(|(k, v)| (k, Value::from(v))).collect());
                for (field, secret) in secrets {
                    body.insert(field.trim_start_matches('/').to_owned(), secret.placeholder().into());
                }
            }
            let mut request = request(ctx, "POST", "/things").json(&body);
            for (field, secret) in secrets {
                request = request.substitute(secret, Encoding::Json, field);
            }
            let answer = request.send();
            seen.call("made", answer.clone());
            answer?.success("creating the thing")?;
            Ok(())
        },
    )
}

/// Say it all, everywhere.
fn finish(
    fail: bool,
    name: String,
    seen: Value,
    [generated, captured, given]: [&Secret; 3],
) -> Result<Instance<State>> {
    let plain = seen.to_string();
    let encoded = STANDARD.encode(&plain);
    for line in plain.as_bytes().chunks(1000).chain(encoded.as_bytes().chunks(1000)) {
        log::info(String::from_utf8_lossy(line));
    }
    progress!("{plain}");
    println!("{plain}");
    eprintln!("{encoded}");
    if fail {
        fail!(permanent, "{plain} {encoded}");
    }
    Ok(Instance::new(name.clone())
        .output("Seen", &plain)
        .output("Encoded", &encoded)
        .secret("Generated", generated)
        .secret("Captured", captured)
        .secret("Given", given)
        .summary(plain)
        .state(State { name, seen, encoded }))
}
