//! Channels: wire <-> domain message, nothing else. A channel knows no store, no session and no route.

pub mod telegram;
pub mod transcribe;
