//! What the user sees: lines, tables, the tree of an operation, and diagnostics of files.
//!
//! Everything here turns values into [`text::Line`]s, purely; only [`screen`] writes. A `Line` strips control
//! characters from each of its pieces, so nothing that a server says can steer a terminal.

pub mod describe;
pub mod diagnostics;
pub mod journal;
pub mod rehearsal;
pub mod screen;
pub mod table;
pub mod text;
pub mod time;
pub mod tree;
pub mod words;
