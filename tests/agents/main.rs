//! The contract of agents, held by the bundled one and by the real ones, against a model of the tests' own.
//!
//! `script/test` runs it for the bundled agent. What is ignored here needs the real programs: `script/test-agents` installs and
//! runs them.

mod capture;
mod contract;
mod corpus;
mod homes;
#[expect(dead_code, reason = "serving by hand is the example's part")]
mod llm;
mod programs;
#[expect(unused_imports, reason = "the harness is shared, and each suite uses its part of it")]
#[path = "../it/support/mod.rs"]
mod support;
