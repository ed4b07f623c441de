//! Environment and application files: what users write.
//!
//! The client reads a file before it sends anything, and the server reads the same text again with the same code,
//! for it never trusts a client. Every mistake of a file is found in one go, each with its place, in order.
//!
//! ```
//! use cloudark_api::files::application;
//!
//! let parsed = application::parse("app:\n  image: nginx:1.29\n  container_prot: 80\n");
//! let mistake = &parsed.diagnostics[0];
//! assert_eq!(mistake.message, "unknown key `container_prot`");
//! assert_eq!(mistake.help.as_deref(), Some("did you mean `container_port`?"));
//! ```
//!
//! - [`environment`]: the resources and the deployment target of an environment, each configuration checked
//!   against the JSON Schema that its kind's extension exports.
//! - [`application`]: what to run on an environment.
//! - [`interpolate`]: `$CLOUDARK_RDS_Address`, `${db.Address}` and `${secret.NAME}` in an application's values.
//! - [`places`]: where each value of a configuration stands.
//! - [`secrets`]: what must never be stored or handed on in plain.

pub mod application;
pub mod environment;
pub mod interpolate;
pub mod places;
pub mod secrets;

mod fields;
mod findings;
mod schema;
mod source;
mod syntax;
mod walk;
mod words;
mod yaml;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod fixtures;

pub use findings::Parsed;
pub use yaml::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
