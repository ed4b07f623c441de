//! What the end-to-end tests are built from: the real binaries, over real HTTP.
//!
//! - [`server`]: a `cloudarkd` process with a data folder of its own, killed and started again at will;
//! - [`client`]: its REST API;
//! - [`fixture_cloud`]: the little invented cloud of the fixture guests, with an inventory;
//! - [`clouds`]: a cloud under test, behind one face: what exists, what exists twice;
//! - [`world`]: a cloud, a server with guests and its client in one line;
//! - [`needles`]: looking for secrets where none may be;
//! - [`crash`]: kill points and the matrix;
//! - [`aws`]: a server with the extension `aws`, set up on a simulated AWS of its own;
//! - [`relay`]: what stands between a client and a server, and writes down what it passes on;
//! - [`moto`]: AWS as moto simulates it;
//! - [`shapes`]: requests, held to the vendor's own service models;
//! - [`cld`]: the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

pub mod aws;
pub mod cld;
pub mod client;
pub mod clouds;
pub mod crash;
pub mod fixture_cloud;
pub mod moto;
pub mod needles;
pub mod relay;
pub mod server;
pub mod shapes;
pub mod world;

use std::path::{Path, PathBuf};

/// The folder of built programs: that of the running test.
pub fn binary(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("the running program has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace --bins` first", path.display());
    path
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// A guest of the tests, as `cargo xtask wasm` builds it.
pub fn guest(name: &str) -> PathBuf {
    built("guests", name)
}

/// A bundled extension, as `cargo xtask wasm` builds it.
pub fn extension(name: &str) -> PathBuf {
    built("extensions", name)
}

fn built(folder: &str, name: &str) -> PathBuf {
    let path = repository().join("target").join(folder).join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is not built: run `cargo xtask wasm` first", path.display());
    path
}
