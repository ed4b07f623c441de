//! `cld` as it is run: against a server that answers by script, in a pipe and on a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod commands;
mod course;
mod fake;
mod refusals;
mod server;
mod terminal;
mod watching;
