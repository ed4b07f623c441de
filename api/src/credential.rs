//! `/v1/clouds/{cloud}`: credentials and settings, as `cld setup CLOUD` makes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `PUT /v1/clouds/{cloud}`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudSetup {
    /// Where the credentials come from.
    pub credentials: CredentialInput,
    /// Settings: `region` …
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// A simulator's origin that stands for every origin of the cloud; loopback only.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Where credentials come from. Never logged, never answered.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CredentialInput {
    /// A named profile of the cloud's own configuration on the server's machine.
    Profile {
        /// `default`
        name: String,
    },
    /// The server's environment variables.
    Environment,
    /// The cloud's default chain on the server's machine.
    Chain,
    /// A key pair.
    Key {
        /// The access key's id.
        id: String,
        /// Its secret.
        secret: String,
        /// With temporary credentials.
        #[serde(default)]
        session_token: Option<String>,
    },
    /// One value, for the `header` signer.
    Value {
        /// The API key.
        secret: String,
    },
    /// HTTP basic authentication.
    Basic {
        /// The user's name.
        username: String,
        /// The password.
        password: String,
    },
    /// The OAuth 2 client credentials grant.
    ClientCredentials {
        /// Where tokens come from.
        token_url: String,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: String,
    },
}

/// `GET /v1/clouds/{cloud}`, and the answer of `PUT`: who the credentials are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cloud {
    /// `aws`
    pub cloud: String,
    /// `profile default`, `environment`, `stored key AKIA…`
    pub source: String,
    /// The account.
    pub account: String,
    /// Who in it.
    pub identity: String,
    /// Settings.
    pub settings: BTreeMap<String, String>,
    /// The simulator's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}
