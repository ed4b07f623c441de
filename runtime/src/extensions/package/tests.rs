//! The promises of reading packages.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;
const MANIFEST: &str = "
name: acme
version: 0.1.0
contract: 0.1.0
authors: [Acme Cloud <ops@acme.example>]
licence: Apache-2.0
summary: Databases of the Acme cloud
grants:
  http:
    - { origin: https://db.*.acme.example, protocol: rest, read: [/v1/databases] }
";

/// A section: its id, its size in LEB128, its content.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn text(text: &str) -> Vec<u8> {
    [leb(text.len()), text.as_bytes().to_vec()].concat()
}

fn manifest(yaml: &str) -> Vec<u8> {
    section(0, &[text(MANIFEST_SECTION), yaml.as_bytes().to_vec()].concat())
}

/// A component with these imports and exports, all of them empty interfaces, and these further sections.
fn component(imports: &[&str], exports: &[&str], more: &[Vec<u8>]) -> Vec<u8> {
    let header = b"\0asm\x0d\x00\x01\x00".to_vec();
    let types = section(7, &[1, 0x42, 0]); // one type: the instance type without exports
    let all: Vec<&str> = [&["cloudark:extension/log@0.1.0"][..], imports].concat();
    let import = |name: &&str| [vec![0], text(name), vec![5, 0]].concat(); // an instance of type 0
    let imports = section(10, &[leb(all.len()), all.iter().map(import).collect::<Vec<_>>().concat()].concat());
    let export = |name: &&str| [vec![0], text(name), vec![5, 0, 0]].concat(); // instance 0, no type
    let exports = section(11, &[leb(exports.len()), exports.iter().map(export).collect::<Vec<_>>().concat()].concat());
    [vec![header, types, imports, exports], more.to_vec()].concat().concat()
}

const METADATA: &str = "cloudark:extension/metadata@0.1.0";

fn package(imports: &[&str]) -> Vec<u8> {
    component(imports, &[METADATA, "cloudark:extension/resource@0.1.3"], &[manifest(MANIFEST)])
}

#[test]
fn a_package_says_what_it_is() {
    let bytes =
        package(&["cloudark:extension/http@0.1.0", "wasi:io/poll@0.2.6", "wasi:sockets/udp-create-socket@0.2.0"]);
    let package = Package::read(&bytes, LIMIT).unwrap();
    assert_eq!(package.manifest.name, "acme");
    assert_eq!(package.manifest.grants.http.len(), 1);
    assert_eq!(package.digest, ComponentDigest::of(&bytes));
    assert_eq!(package.exports.to_string(), "metadata, resource");
    assert!(package.exports.has("resource") && !package.exports.has("coe"));
    assert_eq!(package.imports.len(), 4);
}

#[test]
fn a_foreign_import_is_refused_by_name() {
    for (import, expected) in [
        ("wasi:http/outgoing-handler@0.2.0", "which extensions do not get"),
        ("wasi:http/types@0.2.3", "which extensions do not get"),
        ("wasi:cli/stdin@0.3.0", "WASI 0.2 alone"),
        ("wasi:cli/stdin", "WASI 0.2 alone"),
        ("wasi:cli/run@0.2.0", "which extensions do not get"),
        ("wasi:keyvalue/store@0.2.0-draft", "which extensions do not get"),
        ("cloudark:extension/http@0.2.0", "a version of the contract"),
        ("cloudark:extension/http@1.0.0", "a version of the contract"),
        ("cloudark:extension/shells@0.1.0", "no interface that this server gives"),
        ("cloudark:extension/metadata@0.1.0", "no interface that this server gives"),
        ("stranger:host/files@0.1.0", "neither of the contract nor"),
        ("files", "neither of the contract nor"),
    ] {
        let error = Package::read(&package(&[import]), LIMIT).unwrap_err();
        assert!(matches!(error, PackageError::Import { .. }), "{import}: {error}");
        let message = error.to_string();
        assert!(message.contains(import) && message.contains(expected), "{import}: {message}");
    }
}

#[test]
fn only_interfaces_are_imported() {
    // A function by itself: type 1 is `func()`.
    let types = section(7, &[1, 0x40, 0, 1, 0]);
    let import = section(10, &[vec![1, 0], text("run"), vec![1, 1]].concat());
    let bytes = [component(&[], &[METADATA], &[manifest(MANIFEST)]), types, import].concat();
    assert!(matches!(Package::read(&bytes, LIMIT), Err(PackageError::Import { import, .. }) if import == "run"));
}

#[test]
fn what_the_host_cannot_call_is_refused() {
    let read = |exports: &[&str]| Package::read(&component(&[], exports, &[manifest(MANIFEST)]), LIMIT);
    assert_eq!(read(&[]).unwrap_err(), PackageError::NoMetadata);
    assert!(matches!(read(&[METADATA, "cloudark:extension/resource@0.2.0"]), Err(PackageError::Export { .. })));
    assert!(matches!(read(&[METADATA, "cloudark:extension/http@0.1.0"]), Err(PackageError::Export { .. })));
    // What else it exports is its own affair.
    assert_eq!(read(&[METADATA, "wasi:cli/run@0.2.0"]).unwrap().exports.to_string(), "metadata");
}

#[test]
fn what_is_no_component_is_refused() {
    assert_eq!(Package::read(b"\0asm\x01\0\0\0", LIMIT), Err(PackageError::CoreModule));
    assert!(matches!(Package::read(b"", LIMIT), Err(PackageError::Invalid(_))));
    assert!(matches!(Package::read(b"#!/bin/sh", LIMIT), Err(PackageError::Invalid(_))));
    let good = package(&[]);
    assert!(matches!(Package::read(&good, good.len() - 1), Err(PackageError::TooLarge { .. })));
    for cut in 0..good.len() {
        assert!(Package::read(&good[..cut], LIMIT).is_err(), "cut at {cut}");
    }
}

#[test]
fn there_is_one_manifest() {
    let with = |manifests: &[Vec<u8>]| Package::read(&component(&[], &[METADATA], manifests), LIMIT);
    assert_eq!(with(&[]), Err(PackageError::Manifests(0)));
    assert_eq!(with(&[manifest(MANIFEST), manifest(MANIFEST)]), Err(PackageError::Manifests(2)));
    // One inside a nested component is not the package's.
    let nested = section(4, &[b"\0asm\x0d\x00\x01\x00".to_vec(), manifest(MANIFEST)].concat());
    assert_eq!(with(&[nested]), Err(PackageError::Manifests(0)));
}

#[test]
fn a_manifest_error_says_where() {
    for (from, to, expected) in [
        ("name: acme", "name: Acme", "name: is 1 to 40"),
        ("version: 0.1.0", "version: 0.1", "version: is a semantic version"),
        ("version: 0.1.0", "version: 0.01.0", "version: is a semantic version"),
        ("contract: 0.1.0", "contract: 0.2.0", "contract: is not one that this server has"),
        ("licence", "license", "line 6, column 1: unknown field `license`"),
        ("read: [/v1/databases]", "read: [v1]", "grants.http[0].read[0]: the path `v1`"),
        ("read: [/v1/databases]", "reads: []", "grants.http[0]: unknown field `reads`"),
        ("summary: Databases", "summary: \"\\e[2J", "manifest is wrong"),
        ("  http:", "  digest: sha256:00\n  http:", "manifest is wrong"),
    ] {
        let yaml = MANIFEST.replace(from, to);
        let error = Package::read(&component(&[], &[METADATA], &[manifest(&yaml)]), LIMIT).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    let large = format!("{MANIFEST}#{}", "x".repeat(MAX_MANIFEST_BYTES));
    assert!(Package::read(&component(&[], &[METADATA], &[manifest(&large)]), LIMIT).is_err());
}

proptest! {
    #[test]
    fn no_changed_byte_crashes_the_reader(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = package(&["cloudark:extension/http@0.1.0"]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Package::read(&bytes, LIMIT);
    }
}
