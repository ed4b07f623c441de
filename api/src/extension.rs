//! `/v1/extensions` and `/v1/kinds`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::OperationId;

/// An installed extension.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Extension {
    /// Its package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The cloud it implements.
    pub cloud: String,
    /// One line.
    pub summary: String,
    /// `sha256:…` of the component.
    pub digest: String,
    /// The kinds it offers.
    pub kinds: Vec<Kind>,
    /// Interfaces it exports.
    pub exports: Vec<String>,
    /// RFC 3339.
    pub installed_at: String,
    /// What it may do, in plain words.
    pub grants: Vec<String>,
    /// Settings of its cloud.
    pub settings: Vec<Setting>,
    /// Credentials it needs.
    pub credentials: Vec<CredentialNeed>,
}

/// A setting of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// `region`
    pub name: String,
    /// One line.
    pub summary: String,
    /// Whether `cld setup` must have it.
    pub required: bool,
    /// Its value when silent.
    pub default: Option<String>,
}

/// A credential that a cloud needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialNeed {
    /// The signer that uses it.
    pub signer: String,
    /// What to ask the user for.
    pub prompt: String,
}

/// Whether a kind is a service or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindRole {
    /// A managed service.
    Resource,
    /// A container orchestration engine.
    Coe,
}

/// A kind of resource or COE that an installed extension offers: `GET /v1/kinds` lists them all, so that a
/// client can check a file before it sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Kind {
    /// `rds`
    pub name: String,
    /// `aws`
    pub cloud: String,
    /// Resource or COE.
    pub role: KindRole,
    /// One line.
    pub summary: String,
    /// JSON Schema of its configuration.
    #[schema(value_type = Object)]
    pub config_schema: serde_json::Value,
    /// JSON Schema of its outputs.
    #[schema(value_type = Object)]
    pub outputs_schema: serde_json::Value,
    /// Whether it holds data.
    pub holds_data: bool,
    /// Whether applications that name one `host_port` collide.
    pub host_ports_collide: bool,
}

/// `POST /v1/extensions:inspect` and `POST /v1/extensions` take the component as `application/wasm`; inspect
/// answers this and installs nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Inspection {
    /// What it would be.
    pub extension: Extension,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// The requested grants, as YAML, to edit and give back.
    pub grants_yaml: String,
    /// The installed version that it would replace.
    pub replaces: Option<String>,
    /// What it asks for that the installed version has not got.
    pub wider: Vec<String>,
}

/// Query of `POST /v1/extensions`. The operator's consent: exactly the digest that was shown.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstallQuery {
    /// `sha256:…` of the component whose grants the operator has agreed to.
    pub agree: String,
    /// What it may do at first.
    #[serde(default)]
    pub grants: FirstGrants,
}

/// What an extension may do once it is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirstGrants {
    /// All that it asks for.
    #[default]
    Asked,
    /// Nothing, until its grants are set.
    Nothing,
}

/// `GET/PUT /v1/extensions/{name}/grants`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GrantsDocument {
    /// YAML.
    pub yaml: String,
    /// In plain words; not needed where grants are set.
    #[serde(default)]
    pub explained: Vec<String>,
}

/// `GET /v1/extensions/{name}/policy`: the least cloud privilege its grants need.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PolicyDocument {
    /// The cloud's own policy document.
    #[schema(value_type = Object)]
    pub policy: serde_json::Value,
}

/// What another version of an extension would have done where this one, or an older, did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rehearsal {
    /// The extension's name.
    pub extension: String,
    /// The version that was rehearsed.
    pub version: String,
    /// Its component: `sha256:…`.
    pub digest: String,
    /// Every task that was replayed, the newest first.
    pub tasks: Vec<RehearsedTask>,
    /// Whether there are older ones that were left out.
    pub is_cut: bool,
}

/// A task that was replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RehearsedTask {
    /// Of which operation.
    pub operation: OperationId,
    /// Its number in it.
    pub number: u32,
    /// `rds db`
    pub title: String,
    /// `create`, `delete` …
    pub action: String,
    /// How many calls were the same, from the first.
    pub same: u32,
    /// Where it goes another way; none if it does not. What would follow is not known: nobody has the answers.
    pub difference: Option<RehearsalDifference>,
}

/// Where a version goes another way than the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RehearsalDifference {
    /// The position in the journal, from 0.
    pub position: u32,
    /// What was asked then; none behind the journal's end.
    pub recorded: Option<String>,
    /// What would be asked instead; none if nothing would.
    pub asked: Option<String>,
    /// How it would end, where it asks nothing more and does not succeed.
    pub end: Option<String>,
}
