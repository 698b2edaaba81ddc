//! Codex: how a session launches, reads, proves and resumes it.
//!
//! Everything is given for one launch, by `-c` and flags: the person's own `config.toml` is read and never written. Its hooks are
//! ours by their hash, so that nobody else's hooks come to run with them. Proven with version 0.169.

mod adapter;
mod home;
mod hooks;
mod launch;
mod rollout;
mod text;
mod turns;
mod usage;

pub use adapter::CodexAgent;
