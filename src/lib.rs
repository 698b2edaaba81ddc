//! TeleCoder keeps coding agents at work in tmux windows and carries messages between them and people.
//!
//! The rooms, in reading order. Each may use those above it in this list of the same or a lower layer only;
//! `tests/tidy.rs` holds the table of docs/architecture.md.

// Kill points for the fault tests; a macro, so it comes first.
pub mod failpoint;

// The vocabulary.
pub mod domain;

// Kill points for the fault tests.

// What was typed -> what it means.
pub mod config;

// The hands: each owns one thing of the outside world and knows none of the others.
pub mod agents;
pub mod channels;
pub mod runner;
pub mod store;
pub mod tmux;
pub mod workspace;

// The flows: they meet in the store.
pub mod bridge;
pub mod sessions;

// The outside: composition root, HTTP, command line.
pub mod api;
pub mod cli;
pub mod daemon;
