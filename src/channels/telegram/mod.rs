//! Telegram: the Bot API through teloxide's `Bot`. Wire to domain and back, nothing else.
//!
//! Knows no store, no session and no route: updates come out as [`Update`]s, parts go in as [`Outgoing`]s, and every failure
//! comes back as a value that says whether the server can have taken the request. Keeps nothing, so a crash loses nothing
//! here. The bot's token never leaves this folder: not in an error, not in a log.

mod acts;
mod call;
mod client;
mod download;
pub mod inbound;
pub mod markdown;
mod outbound;
mod poll;
pub mod rich;
pub mod rich_html;
pub mod split;
pub mod table;

#[cfg(test)]
pub(crate) mod tests;

pub use acts::{ActEnd, ChatShape, Me};
pub use client::Client;
pub use download::{DownloadError, FILE_BYTES_MAX};
pub use inbound::{ChatKind, Content, FileMessage, RemoteFile, TextMessage, Update};
pub use outbound::{Outgoing, caption_fits, is_unknown_method};
pub use poll::PollError;
pub use rich::Rich;

/// This channel's name in a [`ChatRef`](crate::domain::route::ChatRef).
pub const CHANNEL: &str = "telegram";

/// A text message holds at most so many UTF-16 code units. The server counts code points, which are never more.
pub const TEXT_UNITS_MAX: usize = 4096;

/// A caption of a file holds at most so many UTF-16 code units.
pub const CAPTION_UNITS_MAX: usize = 1024;
