//! End to end through the binary: real tmux, real SQLite, real git, real processes.

#[cfg(not(feature = "failpoints"))]
compile_error!("these tests kill the daemon at named points: `script/test`, or `cargo test --features failpoints`");

mod fakes;
mod support;

mod adversity;
mod api;
mod asks;
mod bad_input;
mod caller;
mod cli;
mod conversations;
mod custom;
mod daemon;
mod delivery;
mod demo_agent;
mod dialogs;
mod faults;
mod hooks;
mod identity;
mod life;
mod questions;
mod recovery;
mod runner;
mod steer;
mod telegram;
mod turns;
mod work;
