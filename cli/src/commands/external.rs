//! `cld foo`: runs `cld-foo` from PATH with the rest of the arguments, in this process's place.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::{Exit, Failure};

/// Runs the program; returns only if it cannot.
///
/// # Errors
/// There is no such program, or it does not start.
pub fn run(words: &[OsString]) -> Result<Exit, Failure> {
    let Some((name, arguments)) = words.split_first() else {
        return Ok(Exit::Usage);
    };
    let program = OsString::from_iter([OsStr::new("cld-"), name]);
    // A name with a slash would be a path, not a program of PATH.
    let found = (!name.to_string_lossy().contains('/')).then(|| in_path(&program)).flatten();
    let Some(path) = found else {
        return Err(unknown(&name.to_string_lossy()));
    };
    let cause = Command::new(path).args(arguments).exec();
    Err(Failure::local(format!("running {}", program.to_string_lossy()), cause))
}

/// A program of PATH.
#[must_use]
pub fn in_path(program: &OsStr) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| is_program(candidate).unwrap_or(false))
}

fn is_program(path: &std::path::Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = path.metadata()?;
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn unknown(name: &str) -> Failure {
    let root = Cli::command();
    let known = root.get_subcommands().flat_map(|noun| std::iter::once(noun.get_name()).chain(noun.get_all_aliases()));
    let closest = known
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| format!("did you mean `cld {known}`?"));
    Failure::Usage {
        what: format!("there is no command `{name}`, and no program `cld-{name}` in PATH"),
        next: closest.or_else(|| Some("see the commands with: cld --help".to_owned())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_gets_a_suggestion() {
        assert_eq!(unknown("evn").next().unwrap(), "did you mean `cld env`?");
        assert_eq!(unknown("enviroment").next().unwrap(), "did you mean `cld environment`?");
        assert_eq!(unknown("frobnicate").next().unwrap(), "see the commands with: cld --help");
        assert_eq!(unknown("evn").exit(), Exit::Usage);
    }

    #[test]
    fn a_path_is_no_command() {
        assert!(run(&[OsString::from("../../bin/sh")]).is_err());
    }
}
