//! End to end through the binary: real tmux, real files.

mod demo_agent;
