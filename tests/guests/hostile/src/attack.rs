//! What all attacks have in common.

use cloudark_sdk::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How much, where an attack is about size.
    #[serde(default = "much")]
    pub mib: usize,
    /// Something that is not ours.
    #[serde(default = "foreign")]
    pub target: String,
}

const fn much() -> usize {
    64
}

fn foreign() -> String {
    "foreign".to_owned()
}

/// A kind whose `create` attacks; everything else is harmless, and deleting it does nothing.
macro_rules! attack {
    ($(#[$doc:meta])* $kind:ident, $name:literal, |$ctx:ident, $config:ident| $create:expr) => {
        $(#[$doc])*
        pub struct $kind;

        impl cloudark_sdk::Resource for $kind {
            const KIND: &'static str = $name;
            const SUMMARY: &'static str = "An attack";
            const OUTPUTS: &'static [cloudark_sdk::Output] =
                &[cloudark_sdk::Output::plain("Denied", "what was refused")];
            type Config = crate::attack::Config;
            type State = String;

            fn plan(
                _: &cloudark_sdk::Context,
                _: &cloudark_sdk::Intent<Self::Config>,
                _: Option<&cloudark_sdk::Instance<String>>,
            ) -> cloudark_sdk::Result<cloudark_sdk::Plan> {
                Ok(cloudark_sdk::Plan::Nothing)
            }

            fn create(
                $ctx: &cloudark_sdk::Context,
                intent: &cloudark_sdk::Intent<Self::Config>,
            ) -> cloudark_sdk::Result<cloudark_sdk::Instance<String>> {
                let $config = &intent.config;
                $create
            }

            fn read(
                _: &cloudark_sdk::Context,
                _: &cloudark_sdk::Intent<Self::Config>,
                current: &cloudark_sdk::Instance<String>,
            ) -> cloudark_sdk::Result<Option<cloudark_sdk::Instance<String>>> {
                Ok(Some(current.clone()))
            }

            fn update(
                _: &cloudark_sdk::Context,
                _: &cloudark_sdk::Intent<Self::Config>,
                current: &cloudark_sdk::Instance<String>,
            ) -> cloudark_sdk::Result<cloudark_sdk::Instance<String>> {
                Ok(current.clone())
            }

            fn delete(
                _: &cloudark_sdk::Context,
                _: &cloudark_sdk::Intent<Self::Config>,
                _: Option<&cloudark_sdk::Instance<String>>,
            ) -> cloudark_sdk::Result<()> {
                Ok(())
            }
        }
    };
}
pub(crate) use attack;

pub fn request(ctx: &Context, method: &str, path: &str) -> Request {
    let endpoint = ctx.setting("endpoint").unwrap_or(DEFAULT_ENDPOINT).trim_end_matches('/');
    Request::new(method, format!("{endpoint}{path}"))
        .sign(Signer::Header { name: "x-fix-key".into(), prefix: String::new() })
}

/// An instance that says this in its summary.
pub fn said(summary: &str) -> Instance<String> {
    Instance::new("hostile").summary(summary).state(summary.to_owned())
}

/// What must never be said: the host let it through.
pub fn reached(what: &str) -> Instance<String> {
    said(&format!("REACHED {what}"))
}

/// Fails with the host's refusal; what was sent, whatever the answer, was reached.
pub fn sent(what: &str, request: Request) -> Result<Instance<String>> {
    let answer = request.send()?;
    Ok(reached(&format!("{what}: status {}", answer.status)))
}
