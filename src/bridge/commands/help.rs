//! `/start` and `/help`.

use crate::bridge::router::Reply;

const HELP: &str = "\
Send text: it goes to this chat's active session. The first message makes one.
Reply to a message: it goes to that message's session. A reply to a question answers it.

/new \\[repo] \\[name] — a new session, in a repository or at an empty desk
/list — all sessions
/switch NAME — talk to another session
/status \\[NAME] — what it does, and why
/logs \\[NAME] — what was said last
/screen \\[NAME] — its terminal as it is now
/key KEY… — press keys in its terminal, e.g. `/key Down Enter`
/stop \\[NAME] — end it
/help — this text";

pub(super) fn help() -> Reply {
    Reply::new(HELP)
}

pub(super) fn greet() -> Reply {
    Reply::new(format!(
        "Hello. I keep coding agents at work on your machine, and carry messages between you and them.\n\n{HELP}"
    ))
}
