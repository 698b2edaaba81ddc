//! Publishing: what would go out, its scan, the push from the mirror, and the forge on which a pull request is opened.
//!
//! The branch is pushed from the daemon's own repository to an address that was fixed before the agent ran; the token is for
//! that call alone. Knows no session state and no database: the caller stores each step, and every step may be repeated.

mod forge;
mod github;
mod outgoing;
mod push;
mod scan;

pub use forge::{Forge, ForgeNews, NewPull, Pull, PullChange, PullState, Slug, ensure_pull};
pub use github::Github;
pub use outgoing::{Author, Outgoing, Wish, prepare_outgoing};
pub use push::push;
pub use scan::{Finding, FindingKind};
