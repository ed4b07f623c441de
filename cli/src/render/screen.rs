//! The terminal, or the pipe in its place: the only part of the command line that writes and asks.
//!
//! Answers go to stdout, everything said about them (notes, warnings, failures) to stderr, so that an answer can
//! be piped on. Colours are stripped where the stream has none, by `NO_COLOR`, `CLICOLOR_FORCE` and `--no-color`.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write};

use clap::ValueEnum;
use cloudark_api::problem::Diagnostic;
use serde::Serialize;
use zeroize::Zeroizing;

use super::diagnostics::{self, Look, Source};
use super::text::{Line, clean_document};
use super::words::style;
use crate::exit::Failure;

/// How answers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; watching commands write one JSON document a line.
    Json,
    /// For programs and people.
    Yaml,
}

/// Where output goes, and how.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// How answers are written.
    pub format: Format,
    /// Only answers and failures.
    pub quiet: bool,
}

impl Screen {
    /// The process's own.
    #[must_use]
    pub fn new(format: Format, quiet: bool, no_color: bool) -> Self {
        if no_color {
            anstream::ColorChoice::Never.write_global();
        }
        Self { format, quiet }
    }

    /// Whether a person looks at stdout.
    #[must_use]
    pub fn is_live(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether a person can be asked.
    #[must_use]
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// The terminal's width, where stdout is one.
    #[must_use]
    pub fn width(self) -> Option<usize> {
        self.size().map(|(width, _)| width)
    }

    /// The terminal's columns and lines, where stdout is one.
    #[must_use]
    pub fn size(self) -> Option<(usize, usize)> {
        let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
        Some((usize::from(width.0), usize::from(height.0)))
    }

    /// A line of the answer.
    pub fn line(self, line: impl Into<Line>) -> Result<(), Failure> {
        Ok(writeln!(anstream::stdout(), "{}", line.into().to_ansi())?)
    }

    /// Lines of the answer.
    pub fn lines(self, lines: impl IntoIterator<Item = Line>) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        for line in lines {
            writeln!(out, "{}", line.to_ansi())?;
        }
        Ok(())
    }

    /// A text of several lines, as it is but for control characters.
    pub fn text(self, text: &str) -> Result<(), Failure> {
        let text = if self.is_live() { clean_document(text) } else { text.to_owned() };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Whether lines can be drawn over: on a terminal that can move its cursor.
    #[must_use]
    pub fn can_redraw(self) -> bool {
        self.is_live() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
    }

    /// Draws lines over as many as were drawn last.
    pub fn redraw(self, lines: &[Line], over: usize) -> Result<(), Failure> {
        let plain = anstream::AutoStream::choice(&io::stdout()) == anstream::ColorChoice::Never;
        let mut frame = if over > 0 { format!("\x1b[{over}A\r") } else { String::new() };
        for line in lines {
            let text = line.to_ansi();
            let text = if plain { anstream::adapter::strip_str(&text).to_string() } else { text };
            frame.push_str(&text);
            // To the end of the line, so that nothing of the last frame stays.
            frame.push_str("\x1b[K\n");
        }
        frame.push_str("\x1b[J");
        let mut out = io::stdout().lock();
        out.write_all(frame.as_bytes())?;
        Ok(out.flush()?)
    }

    /// One JSON document on one line.
    pub fn json_line<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(io::Error::from)?;
        let mut out = io::stdout().lock();
        Ok(writeln!(out, "{text}")?)
    }

    /// The answer: the value itself for programs, or what `table` makes of it for people.
    pub fn answer<T: Serialize>(self, value: &T, table: impl FnOnce() -> Vec<Line>) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.lines(table()),
            Format::Json => self.text(&serde_json::to_string_pretty(value).map_err(io::Error::from)?),
            Format::Yaml => self.text(&serde_yaml_ng::to_string(value).map_err(io::Error::other)?),
        }
    }

    /// The answer, a list: an empty one gets a hint beside it.
    pub fn list<T: Serialize>(self, list: &[T], hint: &str, table: impl FnOnce() -> Vec<Line>) -> Result<(), Failure> {
        if list.is_empty() && self.format == Format::Table {
            self.note(hint);
            return Ok(());
        }
        self.answer(&list, table)
    }

    /// Something said about the answer; not with `-q`.
    pub fn note(self, line: impl Into<Line>) {
        if !self.quiet {
            self.say(line.into());
        }
    }

    /// A warning; also with `-q`.
    pub fn warn(self, text: impl AsRef<str>) {
        self.say(Line::new().styled(style::WARN, "warning: ").plain(text));
    }

    /// Mistakes in a file.
    pub fn diagnostics(self, source: Option<&Source>, found: &[Diagnostic]) {
        let mut err = anstream::stderr().lock();
        let drawn = diagnostics::draw(source, found, Look { color: true, width: stderr_width() });
        let _ = err.write_all(drawn.as_bytes());
    }

    /// What went wrong, and what to do next.
    pub fn failure(self, failure: &Failure) {
        match failure {
            Failure::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe => return,
            Failure::File { source_file, diagnostics } => self.diagnostics(Some(source_file), diagnostics),
            Failure::Refused { problem, source_file, .. } => {
                self.diagnostics(source_file.as_ref(), &problem.diagnostics);
            }
            Failure::Operation { errors, .. } => {
                for error in errors {
                    let task = Line::new().styled(style::BAD, "✗ ").styled(style::STRONG, &error.task);
                    self.say(task.plain(format!(" ({}): {}", error.kind, error.message)));
                }
            }
            _ => {}
        }
        self.say(Line::new().styled(style::BAD, "error: ").plain(failure.to_string()));
        for step in failure.next().iter().flat_map(|next| next.lines()) {
            self.say(Line::new().styled(style::FAINT, "  → ").plain(step));
        }
    }

    fn say(self, line: Line) {
        let _ = writeln!(anstream::stderr(), "{}", line.to_ansi());
    }

    /// Asks for a line.
    pub fn ask(self, prompt: &str) -> Result<String, Failure> {
        let _ = write!(anstream::stderr(), "{}", Line::from(prompt).plain(" ").to_ansi());
        let _ = io::stderr().flush();
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Asks a question that is answered `no` unless somebody says yes.
    pub fn agrees(self, question: &str) -> Result<bool, Failure> {
        let answer = self.ask(&format!("{question} [y/N]"))?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// A secret: asked for without showing it, or all of stdin without its last line break.
    pub fn secret(self, prompt: &str) -> Result<Zeroizing<String>, Failure> {
        if io::stdin().is_terminal() {
            let prompt = Line::from(prompt).plain(" ").to_ansi();
            return Ok(Zeroizing::new(rpassword::prompt_password(prompt)?));
        }
        let mut value = Zeroizing::new(String::new());
        io::stdin().lock().read_to_string(&mut value)?;
        let end = value.trim_end_matches('\n').trim_end_matches('\r').len();
        value.truncate(end);
        Ok(value)
    }
}

fn stderr_width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(100, |(width, _)| usize::from(width.0))
}
