//! End to end through the binary: real tmux, real SQLite, real git, real processes.

mod support;

mod api;
mod cli;
mod daemon;
mod delivery;
mod demo_agent;
mod runner;
