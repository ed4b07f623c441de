//! What an extension says of itself: `metadata.describe`.

use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use crate::bindings::metadata::exports::cloudark::extension::metadata as wit;
use crate::kinds::{Coe, Resource};

/// An output that instances of a kind have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    name: &'static str,
    summary: &'static str,
    secret: bool,
}

impl Output {
    /// One that is shown.
    #[must_use]
    pub const fn plain(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, secret: false }
    }

    /// One that is a secret.
    #[must_use]
    pub const fn secret(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, secret: true }
    }
}

/// A setting of the cloud, such as its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    name: &'static str,
    summary: &'static str,
    required: bool,
    default: Option<&'static str>,
}

impl Setting {
    /// One that there must be.
    #[must_use]
    pub const fn required(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, required: true, default: None }
    }

    /// One that there may be.
    #[must_use]
    pub const fn optional(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, required: false, default: None }
    }

    /// With the value that it has when nobody says.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn describe(self) -> wit::Setting {
        wit::Setting {
            name: self.name.to_owned(),
            summary: self.summary.to_owned(),
            required: self.required,
            default_value: self.default.map(str::to_owned),
        }
    }
}

/// A credential that `cld setup CLOUD` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    signer: &'static str,
    prompt: &'static str,
}

impl Credential {
    /// The name that grants use in `sign` (`aws-sigv4`, `header` …), and what to ask the user for.
    #[must_use]
    pub const fn new(signer: &'static str, prompt: &'static str) -> Self {
        Self { signer, prompt }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn describe(self) -> wit::Credential {
        wit::Credential { signer: self.signer.to_owned(), prompt: self.prompt.to_owned() }
    }
}

/// What a resource kind says of itself.
#[doc(hidden)]
#[must_use]
pub fn resource<R: Resource>() -> wit::Kind {
    let schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<R::Config>();
    wit::Kind {
        name: R::KIND.to_owned(),
        summary: R::SUMMARY.to_owned(),
        config_schema: schema.to_value().to_string(),
        outputs_schema: outputs_schema(R::OUTPUTS).to_string(),
        state_versions: R::READS.to_vec(),
        holds_data: R::HOLDS_DATA,
        host_ports_collide: false,
    }
}

/// What a COE kind says of itself.
#[doc(hidden)]
#[must_use]
pub fn coe<C: Coe>() -> wit::Kind {
    wit::Kind { host_ports_collide: C::HOST_PORTS_COLLIDE, ..resource::<C>() }
}

fn outputs_schema(outputs: &[Output]) -> Json {
    let properties: serde_json::Map<String, Json> = outputs
        .iter()
        .map(|output| {
            let mut schema = json!({ "type": "string", "description": output.summary });
            if output.secret
                && let Some(schema) = schema.as_object_mut()
            {
                schema.insert("writeOnly".to_owned(), Json::Bool(true));
            }
            (output.name.to_owned(), schema)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}
