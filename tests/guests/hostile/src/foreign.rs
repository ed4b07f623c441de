//! Attacks on what is not ours, by calls that the grant does not allow.

use cloudark_sdk::prelude::*;
use serde_json::json;

use crate::attack::{Config, attack, reached, request, sent};

attack! {
    /// A read that is a delete.
    MethodOverride, "method-override", |ctx, config| {
        let path = format!("/things/{}", config.target);
        for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
            let request = request(ctx, "GET", &path).header(header, "DELETE");
            if let Ok(answer) = request.send() {
                return Ok(reached(&format!("{header}: status {}", answer.status)));
            }
        }
        sent("a query's override", request(ctx, "POST", &path).query("_method", "DELETE"))
    }
}

attack! {
    /// Deletes what is not ours.
    Foreign, "foreign", |ctx, config| sent("a foreign thing", request(ctx, "DELETE", &format!("/things/{}", config.target)))
}

attack! {
    /// Puts our mark on what is not ours, and then deletes it.
    MarkForge, "mark-forge", |ctx, config| {
        let path = format!("/things/{}", config.target);
        let tags: std::collections::BTreeMap<_, _> = ctx.tags().into_iter().collect();
        let marked = request(ctx, "PATCH", &path).json(&json!({ "tags": tags })).send();
        let seen = request(ctx, "GET", &path).send();
        let deleted = request(ctx, "DELETE", &path).send();
        match (marked, deleted) {
            (Err(refused), Err(_)) => Err(refused.into()),
            (marked, deleted) => Ok(reached(&format!("mark {marked:?}, look {seen:?}, delete {deleted:?}"))),
        }
    }
}

attack! {
    /// Calls origins that no grant names.
    WrongOrigin, "wrong-origin", |_ctx, _config| {
        let urls = [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::ffff:169.254.169.254]/",
            "http://localhost:1/",
            "http://127.0.0.1:22/",
            "file:///etc/passwd",
            "https://example.com@127.0.0.1:7070/",
        ];
        for url in urls {
            if let Ok(answer) = Request::get(url).send() {
                return Ok(reached(&format!("{url}: status {}", answer.status)));
            }
        }
        sent("an origin without a grant", Request::get("https://example.com/"))
    }
}

attack! {
    /// Sends a secret where no grant lets it go.
    StolenSecret, "stolen-secret", |ctx, _config| {
        let secret = secrets::generate("stolen", Password::alphanumeric(32))?;
        let name = ctx.name("thing", Rules::DNS_LABEL.max(40))?;
        let tags: std::collections::BTreeMap<_, _> = ctx.tags().into_iter().collect();
        let elsewhere = request(ctx, "POST", "/things")
            .json(&json!({ "name": name, "tags": tags, "label": secret.placeholder() }))
            .substitute(&secret, Encoding::Json, "/label");
        if let Ok(answer) = elsewhere.send() {
            return Ok(reached(&format!("another field: status {}", answer.status)));
        }
        // The field is granted, but the placeholder stands in another one too.
        let twice = request(ctx, "POST", "/things")
            .json(&json!({ "name": name, "tags": tags, "secret": secret.placeholder(), "label": secret.placeholder() }))
            .substitute(&secret, Encoding::Json, "/secret");
        sent("a second field", twice)
    }
}

/// Calls that change something, where only reads are allowed.
pub struct MislabelledRead;

fn mislabelled(ctx: &Context) -> Result<Instance<String>> {
    sent("a mislabelled read", request(ctx, "GET", "/?Action=DeleteDBInstance&DBInstanceIdentifier=foreign"))
}

/// In a query, where even what the grant allows must be refused.
fn change(ctx: &Context) -> Result<()> {
    let name = ctx.name("thing", Rules::DNS_LABEL.max(40))?;
    let tags: std::collections::BTreeMap<_, _> = ctx.tags().into_iter().collect();
    let posted = request(ctx, "POST", "/things").json(&json!({ "name": name, "tags": tags })).send();
    let read = mislabelled(ctx);
    match (posted, read) {
        (Err(refused), Err(_)) => Err(refused.into()),
        (posted, read) => fail!(permanent, "REACHED a change in a query: {posted:?} {read:?}"),
    }
}

impl Resource for MislabelledRead {
    const KIND: &'static str = "mislabelled-read";
    const SUMMARY: &'static str = "An attack";
    type Config = Config;
    type State = String;

    fn plan(ctx: &Context, _: &Intent<Config>, _: Option<&Instance<String>>) -> Result<Plan> {
        change(ctx).map(|()| Plan::Nothing)
    }

    /// Succeeds once it was refused, so that there is something to plan and to read.
    fn create(ctx: &Context, _: &Intent<Config>) -> Result<Instance<String>> {
        match mislabelled(ctx) {
            Err(refused) => Ok(crate::attack::said("denied").output("Denied", refused)),
            reached => reached,
        }
    }

    fn read(ctx: &Context, _: &Intent<Config>, current: &Instance<String>) -> Result<Option<Instance<String>>> {
        change(ctx).map(|()| Some(current.clone()))
    }

    fn update(_: &Context, _: &Intent<Config>, current: &Instance<String>) -> Result<Instance<String>> {
        Ok(current.clone())
    }

    fn delete(_: &Context, _: &Intent<Config>, _: Option<&Instance<String>>) -> Result<()> {
        Ok(())
    }
}
