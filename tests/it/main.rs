//! End to end through the binary: real tmux, real SQLite, real git, real processes.

mod fakes;
mod support;

mod adversity;
mod api;
mod caller;
mod cli;
mod daemon;
mod delivery;
mod demo_agent;
mod faults;
mod recovery;
mod runner;
mod telegram;
mod turns;
