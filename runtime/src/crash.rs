//! Kill points, for the crash matrix: the server kills itself with SIGKILL at a place that a test names.
//!
//! A kill point is a task, an entry of its journal and a phase, written `create-environment/2 17 after-intent`.
//! `CLOUDARK_CRASH_LOG=FILE` appends every point that is passed to a file, `CLOUDARK_CRASH_AT=POINT` dies at the
//! first passing of one. Without either, passing a point is one look at an empty cell.
//!
//! The matrix is itself tested: `CLOUDARK_BREAK=RULE` breaks a [`Rule`] that it has to notice.
//!
//! All of it is in debug builds only: an operator's server has no such switches.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where in the life of a host call, or of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of the call is durable.
    BeforeIntent,
    /// The intent is durable, nothing was sent.
    AfterIntent,
    /// The service has it; its answer has arrived at this machine and was not looked at.
    AfterSend,
    /// The answer was looked at, and is not durable.
    AfterAnswer,
    /// The result is durable, the extension has not seen it.
    AfterResult,
    /// A run has ended and how is not durable.
    BeforeEnd,
    /// How a run ended is durable, and nothing else has happened.
    AfterEnd,
    /// The journal of a task that has ended is about to be packed.
    BeforePacked,
    /// It is packed.
    AfterPacked,
}

impl Phase {
    /// Whether it is on an operation's way. What follows its end is in no order with what users see of it, so it is not
    /// recorded: a test that wants to die there names it.
    fn is_on_the_way(self) -> bool {
        !matches!(self, Self::BeforePacked | Self::AfterPacked)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeIntent => "before-intent",
            Self::AfterIntent => "after-intent",
            Self::AfterSend => "after-send",
            Self::AfterAnswer => "after-answer",
            Self::AfterResult => "after-result",
            Self::BeforeEnd => "before-end",
            Self::AfterEnd => "after-end",
            Self::BeforePacked => "before-packed",
            Self::AfterPacked => "after-packed",
        })
    }
}

/// A rule that crash safety rests on, which a test breaks on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `intents`: an intent is durable before its call is sent.
    Intents,
    /// `order`: a foundation is released after everything that stands on it.
    Order,
}

impl Rule {
    /// Whether a test wants it broken.
    #[must_use]
    pub fn is_broken(self) -> bool {
        static BROKEN: OnceLock<Option<String>> = OnceLock::new();
        if !cfg!(debug_assertions) {
            return false;
        }
        let broken = BROKEN.get_or_init(|| std::env::var("CLOUDARK_BREAK").ok()).as_deref();
        let name = match self {
            Self::Intents => "intents",
            Self::Order => "order",
        };
        broken == Some(name)
    }
}

struct Points {
    log: Option<PathBuf>,
    die_at: Option<String>,
}

static POINTS: OnceLock<Option<Points>> = OnceLock::new();

fn points() -> Option<&'static Points> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let read = || {
        let log = std::env::var_os("CLOUDARK_CRASH_LOG").map(PathBuf::from);
        let die_at = std::env::var("CLOUDARK_CRASH_AT").ok();
        (log.is_some() || die_at.is_some()).then_some(Points { log, die_at })
    };
    POINTS.get_or_init(read).as_ref()
}

/// Passes a kill point.
pub fn reach(task: &str, position: u32, phase: Phase) {
    let Some(points) = points() else { return };
    let point = format!("{task} {position} {phase}");
    if phase.is_on_the_way()
        && let Some(log) = &points.log
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(log)
    {
        // One write, so that no other thread's point comes in between.
        let _ = file.write_all(format!("{point}\n").as_bytes());
    }
    if points.die_at.as_deref() == Some(point.as_str()) {
        // As a power cut would have it: no destructor, no flush.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
