//! How a command ends: [`Exit`] codes, and [`Failure`], which says what went wrong and what to do next.
//!
//! The codes are an interface: scripts tell "not there" from "not allowed" by them. They are documented in
//! `docs/cli.md`; every failure maps to one of them in [`Failure::exit`].

use std::io;
use std::process::ExitCode;

use cloudark_api::ids::OperationId;
use cloudark_api::operation::TaskError;
use cloudark_api::problem::{Diagnostic, Problem, ProblemKind};

use crate::render::diagnostics::Source;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done, or was accepted where waiting was not asked for.
    Done,
    /// The operation failed, or something unforeseen went wrong.
    Failed,
    /// Bad usage or an invalid file; nothing was sent.
    Usage,
    /// There is no such thing.
    NotFound,
    /// The server cannot be reached, or cannot work now.
    Unreachable,
    /// Not allowed.
    Denied,
    /// It exists already, is busy, or was changed meanwhile.
    Conflict,
    /// The operation was cancelled, or the user did not confirm.
    Cancelled,
    /// Ctrl-C while watching: the server goes on. 128 + SIGINT, so that `a && b` in a shell stops there.
    Detached,
    /// What another program (`cld-foo`, `cloudarkd`) ended with.
    Other(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Denied => 5,
            Self::Conflict => 6,
            Self::Cancelled => 7,
            Self::Detached => 130,
            Self::Other(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line does not make sense as it is.
    #[error("{what}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to write instead.
        next: Option<String>,
    },
    /// A file of the user has mistakes; nothing was sent.
    #[error("{} {}", source_file.name, mistakes(diagnostics))]
    File {
        /// The file.
        source_file: Source,
        /// Each mistake.
        diagnostics: Vec<Diagnostic>,
    },
    /// The server refused.
    #[error("{doing}: {}", told(problem))]
    Refused {
        /// What was being done.
        doing: String,
        /// Its reason.
        problem: Box<Problem>,
        /// The file that its diagnostics speak of.
        source_file: Option<Source>,
    },
    /// Something is not there, or is in the way, as this side already knows.
    #[error("{what}")]
    Known {
        /// Which code to end with.
        exit: Exit,
        /// What is the matter.
        what: String,
        /// What to do.
        next: Option<String>,
    },
    /// The server cannot be reached.
    #[error("no server answers at {address}: {cause}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What happened.
        cause: String,
        /// What to do.
        next: String,
    },
    /// The server answered something that this client does not understand.
    #[error("{doing}: the server's answer cannot be read: {cause}")]
    Answer {
        /// What was being done.
        doing: String,
        /// What is wrong with the answer.
        cause: String,
    },
    /// The operation failed.
    #[error("operation {id} failed")]
    Operation {
        /// Which.
        id: OperationId,
        /// Why.
        errors: Vec<TaskError>,
        /// Whether `cld op retry` can go on.
        can_retry: bool,
    },
    /// The operation was cancelled.
    #[error("operation {id} was cancelled")]
    OperationCancelled {
        /// Which.
        id: OperationId,
    },
    /// The user did not confirm.
    #[error("{0}")]
    NotConfirmed(String),
    /// A file, a folder or a program on this machine.
    #[error("{doing}: {cause}")]
    Local {
        /// What was being done.
        doing: String,
        /// What happened.
        cause: io::Error,
    },
    /// Nothing can be written to the terminal or the pipe.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Bad usage.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), next: None }
    }

    /// Bad usage, and what to write instead.
    pub fn usage_with(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), next: Some(next.into()) }
    }

    /// Something about a file on this machine.
    pub fn local(doing: impl Into<String>, cause: io::Error) -> Self {
        Self::Local { doing: doing.into(), cause }
    }

    /// With the file that the server's diagnostics speak of.
    #[must_use]
    pub fn about(self, file: &Source) -> Self {
        match self {
            Self::Refused { doing, problem, .. } => Self::Refused { doing, problem, source_file: Some(file.clone()) },
            other => other,
        }
    }

    /// The code to end with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::File { .. } => Exit::Usage,
            Self::Refused { problem, .. } => match problem.kind {
                ProblemKind::Invalid => Exit::Usage,
                ProblemKind::Denied => Exit::Denied,
                ProblemKind::NotFound => Exit::NotFound,
                ProblemKind::Conflict => Exit::Conflict,
                ProblemKind::Unavailable => Exit::Unreachable,
                ProblemKind::Internal => Exit::Failed,
            },
            Self::Known { exit, .. } => *exit,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::OperationCancelled { .. } | Self::NotConfirmed(_) => Exit::Cancelled,
            Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Operation { .. } | Self::Answer { .. } | Self::Local { .. } | Self::Output(_) => Exit::Failed,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Usage { next, .. } | Self::Known { next, .. } => next.clone(),
            Self::Refused { problem, .. } => {
                let watch = || problem.operation.as_ref().map(|id| format!("watch it with: cld op watch {id}"));
                problem.next_step.clone().or_else(watch)
            }
            Self::Unreachable { next, .. } => Some(next.clone()),
            Self::Operation { id, can_retry: true, .. } => {
                Some(format!("see it with: cld op show {id}\ngo on with it: cld op retry {id}"))
            }
            Self::Operation { id, .. } => Some(format!("see it with: cld op show {id}")),
            _ => None,
        }
    }
}

fn mistakes(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == cloudark_api::problem::Severity::Error).count();
    match errors {
        1 => "has a mistake; nothing was sent".to_owned(),
        count => format!("has {count} mistakes; nothing was sent"),
    }
}

fn told(problem: &Problem) -> &str {
    problem.detail.as_deref().unwrap_or(&problem.title)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn refused(kind: ProblemKind) -> Failure {
        let problem = Problem {
            type_uri: "urn:cloudark:problem:x".into(),
            kind,
            title: "It cannot be".into(),
            status: 400,
            detail: None,
            next_step: None,
            operation: Some("01op".into()),
            diagnostics: vec![],
        };
        Failure::Refused { doing: "creating environment \"wp\"".into(), problem: Box::new(problem), source_file: None }
    }

    #[test]
    fn each_kind_of_problem_has_its_exit_code() {
        let codes: Vec<u8> = [
            ProblemKind::Internal,
            ProblemKind::Invalid,
            ProblemKind::NotFound,
            ProblemKind::Unavailable,
            ProblemKind::Denied,
            ProblemKind::Conflict,
        ]
        .into_iter()
        .map(|kind| refused(kind).exit().code())
        .collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6]);
        assert_eq!(Failure::NotConfirmed(String::new()).exit().code(), 7);
    }

    #[test]
    fn a_busy_environment_names_the_operation_in_the_way() {
        assert_eq!(refused(ProblemKind::Conflict).next().unwrap(), "watch it with: cld op watch 01op");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit(), Exit::Done);
    }
}
