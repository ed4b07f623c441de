//! Lines for the operation's log. Bounded by the host, not journaled, and seen by whoever may see the operation.

use std::fmt::Display;

use crate::bindings::log::Level;
use crate::host;

/// For whoever looks for a fault in the extension.
pub fn debug(message: impl Display) {
    host::log(Level::Debug, &message.to_string());
}

/// For whoever wants to know what happened.
pub fn info(message: impl Display) {
    host::log(Level::Info, &message.to_string());
}

/// Something is odd, and it goes on.
pub fn warn(message: impl Display) {
    host::log(Level::Warn, &message.to_string());
}

/// Something went wrong.
pub fn error(message: impl Display) {
    host::log(Level::Error, &message.to_string());
}

/// Tell the user what happens now: a few words for the tree.
pub fn progress(note: impl Display) {
    host::progress(&note.to_string());
}

/// Tell the user what happens now, in `format!`'s words: `progress!("{count} subnets made")`.
#[macro_export]
macro_rules! progress {
    ($($note:tt)+) => {
        $crate::log::progress(::core::format_args!($($note)+))
    };
}
