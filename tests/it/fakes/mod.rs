//! Fakes of what lives on the network. Each is a real program.

pub mod telegram;
