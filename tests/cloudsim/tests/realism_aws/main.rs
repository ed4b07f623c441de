//! `reference/cloud-realism.md`, line by line: what the real AWS refuses and delays, the simulated one does too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod databases;
mod delays;
mod deployments;
mod refusals;
mod removals;
mod stores;
