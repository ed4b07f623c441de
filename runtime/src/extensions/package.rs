//! Packages: what a `.wasm` says of itself, and whether it may be installed at all.
//!
//! [`Package::read`] takes bytes from outside and answers what the operator is asked about: the manifest with the
//! requested grants, the interfaces that it exports, its digest. It refuses what cannot be run safely: anything
//! that is not a component, and imports other than those of the contract and of inert WASI. Nothing is compiled.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload, Validator};

use super::ComponentDigest;
use super::grants::GrantsError;

mod manifest;

pub use manifest::Manifest;
use manifest::is_version;

/// The custom section that holds the manifest, as YAML.
pub const MANIFEST_SECTION: &str = "cloudark:manifest";
/// The largest manifest.
const MAX_MANIFEST_BYTES: usize = 256 * 1024;
/// The namespace of the contract's interfaces.
const CONTRACT: &str = "cloudark:extension/";
/// The contract's version: packages of any patch version are compatible.
const CONTRACT_VERSION: &str = "0.1.";

/// The interfaces that the host gives.
const IMPORTS: [&str; 6] = ["docker", "http", "log", "operation", "secrets", "types"];
/// The interfaces that the host calls.
const EXPORTS: [&str; 6] = ["coe", "foundation", "metadata", "registry", "resource", "shell"];

/// The interfaces of `wasi:cli/imports@0.2`, which language runtimes bring along.
const WASI: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Why bytes are not a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Too large.
    #[error("the package has {size} bytes, more than the {limit} that a component may have")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Not WebAssembly, or not valid.
    #[error("the file is no valid WebAssembly component: {0}")]
    Invalid(String),
    /// A core module.
    #[error(
        "the file is a core WebAssembly module, not a component: build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It imports what no extension gets.
    #[error("it imports `{import}`, {why}")]
    Import {
        /// The import.
        import: String,
        /// What is wrong with that.
        why: String,
    },
    /// It exports what the host cannot call.
    #[error("it exports `{export}`, {why}")]
    Export {
        /// The export.
        export: String,
        /// What is wrong with that.
        why: String,
    },
    /// It does not export `metadata`.
    #[error("it does not export `cloudark:extension/metadata@0.1.0`: it cannot say what it is")]
    NoMetadata,
    /// It has no manifest, or two.
    #[error("it has {0} custom sections `cloudark:manifest`, and must have one, with its manifest as YAML")]
    Manifests(usize),
    /// Its manifest is wrong.
    #[error("its manifest is wrong: {0}")]
    Manifest(#[from] GrantsError),
}

/// A package that may be installed, if the operator agrees to its grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Of the bytes.
    pub digest: ComponentDigest,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The interfaces that it imports, by their full names.
    pub imports: Vec<String>,
    /// The interfaces of the contract that it exports.
    pub exports: Exports,
}

/// Interfaces of the contract, by their short names, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exports(Vec<String>);

impl Exports {
    /// Whether it exports an interface: `resource`.
    pub fn has(&self, interface: &str) -> bool {
        self.0.iter().any(|name| name == interface)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl Package {
    /// Reads a package of at most `limit` bytes.
    ///
    /// # Errors
    /// Why it cannot be installed.
    pub fn read(bytes: &[u8], limit: usize) -> Result<Self, PackageError> {
        if bytes.len() > limit {
            return Err(PackageError::TooLarge { size: bytes.len(), limit });
        }
        if Parser::is_core_wasm(bytes) {
            return Err(PackageError::CoreModule);
        }
        let invalid = |e: wasmparser::BinaryReaderError| PackageError::Invalid(e.to_string());
        Validator::new().validate_all(bytes).map_err(invalid)?;
        let outline = Outline::of(bytes)?;
        let [manifest] = outline.manifests.as_slice() else {
            return Err(PackageError::Manifests(outline.manifests.len()));
        };
        let manifest = read_manifest(manifest)?;
        if !outline.exports.has("metadata") {
            return Err(PackageError::NoMetadata);
        }
        Ok(Self { digest: ComponentDigest::of(bytes), manifest, imports: outline.imports, exports: outline.exports })
    }
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, PackageError> {
    let wrong =
        |what: &str| PackageError::Manifest(GrantsError::Form { place: "the section".into(), what: what.into() });
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(wrong("is larger than 256 KiB"));
    }
    Manifest::from_yaml(std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?)
}

/// The outermost level of a component.
#[derive(Default)]
struct Outline<'a> {
    manifests: Vec<&'a [u8]>,
    imports: Vec<String>,
    exports: Exports,
}

impl<'a> Outline<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, PackageError> {
        let invalid = |e: wasmparser::BinaryReaderError| PackageError::Invalid(e.to_string());
        let mut outline = Self::default();
        // How many nested modules and components are open; what they import and export is their own affair.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(invalid)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(PackageError::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                    outline.manifests.push(section.data());
                }
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import.map_err(invalid)?;
                        check_import(import.name.name, &import.ty)?;
                        outline.imports.push(import.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export.map_err(invalid)?;
                        outline.exports.0.extend(check_export(export.name.name, export.kind)?);
                    }
                }
                _ => {}
            }
        }
        outline.exports.0.sort();
        outline.exports.0.dedup();
        Ok(outline)
    }
}

fn check_import(name: &str, kind: &ComponentTypeRef) -> Result<(), PackageError> {
    let refused = |why: &str| Err(PackageError::Import { import: name.escape_default().to_string(), why: why.into() });
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if let Some(short) = interface.strip_prefix(CONTRACT) {
        if !IMPORTS.contains(&short) {
            return refused("which is no interface that this server gives");
        }
        if !is_version(version) || !version.starts_with(CONTRACT_VERSION) {
            return refused("a version of the contract that this server does not have: it has 0.1");
        }
    } else if interface.starts_with("wasi:") {
        if !is_version(version) || !version.starts_with("0.2.") {
            return refused("and extensions get WASI 0.2 alone");
        }
        if !WASI.contains(&interface) {
            return refused(
                "which extensions do not get: calls go through `cloudark:extension/http`, checked and recorded",
            );
        }
    } else {
        return refused("which is neither of the contract nor of wasi:cli/imports@0.2");
    }
    match kind {
        ComponentTypeRef::Instance(_) => Ok(()),
        _ => refused("but not as an interface"),
    }
}

/// The short name of an interface of the contract; none for what else an extension exports.
fn check_export(name: &str, kind: ComponentExternalKind) -> Result<Option<String>, PackageError> {
    let refused = |why: &str| Err(PackageError::Export { export: name.escape_default().to_string(), why: why.into() });
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let Some(short) = interface.strip_prefix(CONTRACT) else {
        return Ok(None);
    };
    if !EXPORTS.contains(&short) {
        return refused("which is no interface that this server calls");
    }
    if !is_version(version) || !version.starts_with(CONTRACT_VERSION) {
        return refused("a version of the contract that this server does not have: it has 0.1");
    }
    match kind {
        ComponentExternalKind::Instance => Ok(Some(short.to_owned())),
        _ => refused("but not as an interface"),
    }
}

#[cfg(test)]
mod tests;
