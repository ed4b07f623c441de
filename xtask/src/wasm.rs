//! The components: built for their target, packaged with their manifests.
//!
//! A package is one file: the component with its `extension.yaml` in the custom section `cloudark:manifest`. Only the
//! components in `extensions/` come with the program (`target/extensions/`); those of the tests go to `target/guests/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wasm_encoder::{CustomSection, Section as _};
use xshell::cmd;

use crate::project::{Outcome, Project};

/// What components are compiled for.
const TARGET: &str = "wasm32-wasip2";
/// The section that holds the manifest.
const SECTION: &str = "cloudark:manifest";

/// Installs the target, unless it is there. It is not named in `rust-toolchain.toml`: whoever only works on the
/// server or the client does not need it.
///
/// # Errors
/// It cannot be installed.
pub fn setup(project: &Project) -> Outcome {
    let shell = project.shell();
    let installed = cmd!(shell, "rustc --print target-libdir --target {TARGET}").quiet().ignore_stderr().read();
    if !installed.is_ok_and(|folder| Path::new(&folder).is_dir()) {
        cmd!(shell, "rustup target add {TARGET}").run()?;
    }
    Ok(())
}

/// Builds all guests and packages those that have a manifest.
///
/// # Errors
/// One does not compile, or a file cannot be read or written.
pub fn build(project: &Project) -> Outcome {
    let (shell, target) = (project.shell(), project.guests_target());
    let messages = cmd!(
        shell,
        "cargo build --manifest-path extensions/Cargo.toml --target-dir {target} --target {TARGET} --release
            --message-format json-render-diagnostics"
    )
    .quiet()
    .read()?;
    let bundled = project.root().join("extensions");
    for line in messages.lines() {
        let Some(component) = Component::of_message(line)? else { continue };
        let folder = if component.package.starts_with(&bundled) { "extensions" } else { "guests" };
        component.package_to(&project.products().join(folder))?;
    }
    Ok(())
}

/// A component that cargo has built.
#[derive(Debug, PartialEq, Eq)]
struct Component {
    /// The folder of its package.
    package: PathBuf,
    wasm: PathBuf,
}

impl Component {
    /// The component of one of cargo's messages, if the message is about one.
    fn of_message(line: &str) -> Outcome<Option<Self>> {
        let message: Value = serde_json::from_str(line)?;
        let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(PathBuf::from);
        if text(&message, "/reason") != Some(PathBuf::from("compiler-artifact")) {
            return Ok(None);
        }
        let files = message.pointer("/filenames").and_then(Value::as_array);
        let wasm = files
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(PathBuf::from)
            .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
        let package = text(&message, "/manifest_path").and_then(|manifest| Some(manifest.parent()?.to_owned()));
        Ok(package.zip(wasm).map(|(package, wasm)| Self { package, wasm }))
    }

    /// Writes the package to `folder`, named after the folder of its source. What has not changed is not written.
    fn package_to(&self, folder: &Path) -> Outcome {
        let manifest = self.package.join("extension.yaml");
        let name = self.package.file_name().ok_or("a package has no folder")?;
        if !manifest.is_file() {
            return Ok(());
        }
        let package = with_manifest(fs::read(&self.wasm)?, &fs::read(&manifest)?);
        let file = folder.join(name).with_extension("wasm");
        if fs::read(&file).is_ok_and(|before| before == package) {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        // A test may be reading the old one.
        let partial = file.with_extension("partial");
        fs::write(&partial, &package)?;
        fs::rename(&partial, &file)?;
        eprintln!("{} ({} KiB)", file.display(), package.len() / 1024);
        Ok(())
    }
}

/// A component with one more custom section, which may stand at the end of any component.
fn with_manifest(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    let section = CustomSection { name: SECTION.into(), data: manifest.into() };
    section.append_to(&mut component);
    component
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_a_section_at_the_end() {
        let packaged = with_manifest(b"\0asm\x0d\0\x01\0".to_vec(), b"name: acme");
        let (head, section) = packaged.split_at(8);
        assert_eq!(head, b"\0asm\x0d\0\x01\0");
        assert_eq!(section[..3], [0, 28, 17], "a custom section, its size, the size of its name");
        assert_eq!(&section[3..], b"cloudark:manifestname: acme");
    }

    #[test]
    fn only_components_are_taken_from_what_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/p/extensions/aws/Cargo.toml",
            "filenames":["/t/libcloudark_aws.rlib","/t/cloudark_aws.wasm"]}"#;
        let component = Component::of_message(line).unwrap().unwrap();
        assert_eq!(component.package, Path::new("/p/extensions/aws"));
        assert_eq!(component.wasm, Path::new("/t/cloudark_aws.wasm"));
        for other in [
            r#"{"reason":"compiler-artifact","manifest_path":"/p/sdk/Cargo.toml","filenames":["/t/libsdk.rlib"]}"#,
            r#"{"reason":"build-finished","success":true}"#,
        ] {
            assert_eq!(Component::of_message(other).unwrap(), None);
        }
    }
}
