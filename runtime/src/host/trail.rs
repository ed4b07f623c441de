//! Events of a run that are not yet written: they go with the next transaction of its task.

use cloudark_api::operation::EventKind;

/// At most so many characters of one guest text reach an event.
const MAX_TEXT: usize = 4_000;

/// Events in the order they happened.
#[derive(Debug, Default)]
pub struct Trail {
    events: Vec<EventKind>,
    progress: Option<String>,
}

impl Trail {
    /// Something happened.
    pub fn push(&mut self, event: EventKind) {
        self.events.push(event);
    }

    /// The guest says what it does.
    pub fn progress(&mut self, note: &str) {
        self.progress = Some(clean(note));
    }

    /// What it said last, since this was asked.
    pub fn take_progress(&mut self) -> Option<String> {
        self.progress.take()
    }

    /// All events since this was asked.
    pub fn take(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.events)
    }
}

/// A guest's text, fit for a terminal: without control characters and not without end.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|character| if character == '\n' || character == '\t' { ' ' } else { character })
        .filter(|character| !character.is_control() && !is_invisible(*character))
        .take(MAX_TEXT)
        .collect()
}

/// Characters that change how others are shown: bidirectional overrides, zero-width ones (Unicode TR 36).
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
