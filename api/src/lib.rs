//! What CloudARK's server and its clients say to each other: the REST types, and the environment and
//! application files.
//!
//! Each module is a noun of the API under `/v1`; [`files`] reads what users write. Nothing in here does I/O.

pub mod application;
pub mod credential;
pub mod environment;
pub mod extension;
pub mod files;
pub mod ids;
pub mod journal;
pub mod operation;
pub mod page;
pub mod problem;
pub mod resource;
pub mod secret;
pub mod server;
