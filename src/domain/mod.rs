//! Vocabulary and decisions. Pure: no I/O, no clock, no async, no randomness.
//!
//! Everything that two rooms share is a type of this room. State machines are `step(state, event) -> (state, effects)`;
//! time and random bytes come in as arguments.

pub mod agent;
pub mod ask;
pub mod dialog;
pub mod event;
pub mod exit;
pub mod fault;
pub mod ids;
pub mod launch;
pub mod letter;
pub mod message;
pub mod outcome;
pub mod person;
pub mod policy;
pub mod route;
pub mod screen;
pub mod session;
pub mod text;
pub mod turn;
pub mod work;

pub use jiff::Timestamp;
