//! HTTP on a Unix socket: the wire types, the server, and the client that the command line is made of.
//!
//! One set of wire types serves server, client and `--json`. The server decides nothing about sessions: it checks who calls,
//! turns a request into a call of the engine or a read of the store, and turns the answer into JSON. A crash loses at most the
//! answer; a request with an `Idempotency-Key` can be repeated.

pub mod client;
pub mod server;
pub mod sse;
pub mod status;
pub mod wire;

/// A client's own key of a request: the same request twice has one effect.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The last event that a client of the event stream has seen.
pub const LAST_EVENT_ID: &str = "last-event-id";
/// What the command line calls itself, so that its prompts are told apart from those of other programs.
pub const USER_AGENT: &str = concat!("telecoder-cli/", env!("CARGO_PKG_VERSION"));
