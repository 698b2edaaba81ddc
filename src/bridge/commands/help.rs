//! `/start` and `/help`.

use crate::bridge::router::Reply;

const HELP: &str = "\
Send text: it goes to this chat's active session. The first message makes one.
Reply to a message: it goes to that message's session. A reply to a question answers it.
Send files, photos or voice: they go to the session too.

/new \\[repo] \\[name] — a new session, in a repository or at an empty desk
/start NAME — talk to the session of that name, or make it; /start_yolo NAME — its agent asks nothing
/list — all sessions
/switch NAME — talk to another session
/inbox — what finished, failed or waits for you
/status \\[NAME] — what it does, and why; /explain shows the signs
/logs \\[NAME] — what was said last (also /history)
/diff \\[NAME] — what it changed
/screen \\[NAME] — its terminal as it is now
/get PATH — a file of its workspace
/key KEY… — press keys in its terminal, e.g. `/key Down Enter`
/enter /esc /up /down /left /right /tab — press that key
/steer TEXT — say something into what runs
/interrupt — stop what it is doing; /compact — let it sum up its conversation
Other commands of the agent's own go to it by the same words, where it is known to take them.
/stop \\[NAME] — end it; /resume \\[NAME] — go on; /resume_last — with the last one; /resume_yolo \\[NAME] — its agent asks nothing
/quiet, /normal, /verbose — how much of the work you see
/health — whether all is well
/people — who may talk to me; /forbid ID — shut somebody out; /allow — open this group
/help — this text";

pub(super) fn help() -> Reply {
    Reply::new(HELP)
}

pub(super) fn greet() -> Reply {
    Reply::new(format!(
        "Hello. I keep coding agents at work on your machine, and carry messages between you and them.\n\n{HELP}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::commands::table::TABLE;

    #[test]
    fn the_help_names_every_command_and_no_other() {
        let named: Vec<&str> = HELP
            .split(|c: char| c.is_whitespace() || c == ',' || c == '(' || c == ')' || c == ';')
            .filter_map(|word| word.strip_prefix('/'))
            .collect();
        for entry in TABLE {
            assert!(named.contains(&entry.name), "/{} is missing", entry.name);
        }
        for name in named {
            assert!(TABLE.iter().any(|entry| entry.name == name), "there is no /{name}");
        }
    }
}
