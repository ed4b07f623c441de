//! Simulated clouds over real HTTP, as unkind as the real ones.
//!
//! One server serves every simulated service on one loopback port, checks signatures, keeps real state
//! machines (a database is `creating` for some polls before it is `available`), refuses what the real service
//! refuses, can be told to fail by script, and can say at any time what exists: so a test can count orphans
//! and duplicates. Its state lives in its own process and survives any kill of what is tested against it.
//!
//! ```no_run
//! let sim = cloudsim::Sim::start(cloudsim::Config::default())?;
//! println!("point the AWS endpoints at {}", sim.url());
//! sim.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The crate's README describes the control API under `/_sim/`. The frame (faults, call log, inventory, control)
//! knows no cloud; a cloud is an implementation of `cloud::Cloud`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod aws;
mod calls;
mod cloud;
mod config;
mod control;
mod faults;
mod ids;
mod inventory;
mod life;
mod server;
mod world;

pub use aws::config::{AccountConfig, App, AwsConfig};
pub use aws::sigv4::{Credentials, Scope, sign};
pub use config::{Config, Ownership};
pub use server::{Sim, SimHandle};
