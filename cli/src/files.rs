//! Files of the user: read once, checked here before anything of them is sent.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use cloudark_api::extension::Kind;
use cloudark_api::files;
use cloudark_api::problem::{Diagnostic, Severity};

use crate::exit::Failure;
use crate::render::diagnostics::Source;
use crate::render::screen::Screen;

/// The largest file that is read, in bytes: these are written by hand.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads a file; `-` is stdin.
///
/// # Errors
/// It is not there, not text, or too large: bad usage.
pub fn read(path: &Path) -> Result<Source, Failure> {
    let (name, bytes) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
        ("stdin".to_owned(), read.map(|_| bytes))
    } else {
        let read = fs::File::open(path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        (path.display().to_string(), read)
    };
    let bytes = bytes.map_err(|cause| Failure::usage(format!("reading {name}: {cause}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::usage(format!("{name} is larger than {LARGEST} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|cause| Failure::usage(format!("{name} is not UTF-8 text: {}", cause.utf8_error())))?;
    Ok(Source { name, text })
}

/// Checks an environment file against the kinds that the server has. Warnings are shown, mistakes are the failure.
///
/// # Errors
/// The file has mistakes.
pub fn check_environment(screen: Screen, source: &Source, kinds: &[Kind]) -> Result<(), Failure> {
    judge(screen, source, files::environment::parse(&source.text, kinds).diagnostics)
}

/// Checks an application file, as [`check_environment`].
///
/// # Errors
/// The file has mistakes.
pub fn check_application(screen: Screen, source: &Source) -> Result<(), Failure> {
    judge(screen, source, files::application::parse(&source.text).diagnostics)
}

fn judge(screen: Screen, source: &Source, diagnostics: Vec<Diagnostic>) -> Result<(), Failure> {
    if diagnostics.iter().any(|found| found.severity == Severity::Error) {
        return Err(Failure::File { source_file: source.clone(), diagnostics });
    }
    if !screen.quiet {
        screen.diagnostics(Some(source), &diagnostics);
    }
    Ok(())
}

/// Warnings of the server about a file, but those that were shown already.
pub fn show_new(screen: Screen, source: &Source, kinds: Option<&[Kind]>, found: &[Diagnostic]) {
    let shown = match kinds {
        Some(kinds) => files::environment::parse(&source.text, kinds).diagnostics,
        None => files::application::parse(&source.text).diagnostics,
    };
    let new: Vec<Diagnostic> = found.iter().filter(|diagnostic| !shown.contains(diagnostic)).cloned().collect();
    if !screen.quiet {
        screen.diagnostics(Some(source), &new);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_file_that_cannot_be_read_is_bad_usage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env.yaml");
        assert_eq!(read(&path).unwrap_err().exit(), Exit::Usage);
        fs::write(&path, b"a: \xff").unwrap();
        let failure = read(&path).unwrap_err();
        assert!(failure.to_string().contains("is not UTF-8 text"), "{failure}");
        assert_eq!(read(dir.path()).unwrap_err().exit(), Exit::Usage);
    }
}
