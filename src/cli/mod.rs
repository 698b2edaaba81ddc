//! (to be written)

pub mod demo_agent;
