//! `/v1/environments/{name}/secrets`: secrets that a user gives, for `${secret.NAME}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `PUT /v1/environments/{name}/secrets/{secret}`; the environment need not exist yet.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretInput {
    /// The secret itself: never answered.
    pub value: String,
}

/// A line of the list: never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// RFC 3339.
    pub updated_at: String,
}
