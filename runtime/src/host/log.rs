//! The capability `log`: lines for the operation's log. Not journaled; bounded; stripped of control characters.

use cloudark_api::operation::EventKind;

use super::trail::clean;
use crate::sandbox::RunState;
use crate::sandbox::bindings::log::{Host, Level};

impl Host for RunState {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        // A replay says again what was said before.
        if self.journal.journal().is_replaying() {
            return Ok(());
        }
        let allowed = self.meter.log(message.len());
        if allowed == 0 {
            return Ok(());
        }
        let end = message.floor_char_boundary(allowed);
        let message = self.host.identity.scrub(message.get(..end).unwrap_or_default());
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let task = self.host.scope.task.as_ref().map_or(0, |task| task.number);
        self.host.trail.push(EventKind::Log { task, level: level.to_owned(), message: clean(&message) });
        Ok(())
    }
}
