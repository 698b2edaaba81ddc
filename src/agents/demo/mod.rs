//! The bundled scripted agent: its adapter, and the full-screen program behind `telecoder demo-agent`.
//!
//! It keeps the same contract as real agents, so the demo, the self-test and the tests need no provider. It is never chosen
//! for real work unless it is named.

mod adapter;
mod conversations;
mod look;
pub mod program;
mod reading;
mod wire;

pub use adapter::DemoAgent;
