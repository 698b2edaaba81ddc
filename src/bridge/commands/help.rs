//! `/start` and `/help`.

use crate::bridge::router::Reply;

const HELP: &str = "\
Send text: it goes to this chat's active session. The first message makes one.
Reply to a message: it goes to that message's session. A reply to a question answers it.
Send files, photos or voice: they go to the session too.

/new \\[repo] \\[name] — a new session, in a repository or at an empty desk
/list — all sessions
/switch NAME — talk to another session
/inbox — what finished, failed or waits for you
/status \\[NAME] — what it does, and why; /explain shows the signs
/logs \\[NAME] — what was said last
/diff \\[NAME] — what it changed
/screen \\[NAME] — its terminal as it is now
/get PATH — a file of its workspace
/key KEY… — press keys in its terminal, e.g. `/key Down Enter`
/interrupt — stop what it is doing; /compact — let it sum up its conversation
Other commands of the agent's own (such as /clear) go to it by the same word, where it is known to take them.
/stop \\[NAME] — end it; /resume \\[NAME] — go on
/quiet, /normal, /verbose — how much of the work you see
/help — this text";

pub(super) fn help() -> Reply {
    Reply::new(HELP)
}

pub(super) fn greet() -> Reply {
    Reply::new(format!(
        "Hello. I keep coding agents at work on your machine, and carry messages between you and them.\n\n{HELP}"
    ))
}
