//! Commands: `/verb args`, one file per verb. Those that the store can answer are answered in the update's own transaction; the
//! others run after it.

mod ask;
mod help;
mod key;
mod list;
mod logs;
mod new;
mod screen;
mod status;
mod stop;
mod switch;

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::session::Session;
use crate::domain::text::nearest;
use crate::sessions::Engine;
use crate::store::{Store, Tx};

use super::prompt::{active, replied_to};
use super::router::{Here, Reply, asked};

pub(super) use ask::answered;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub verb: Verb,
    pub args: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    New,
    List,
    Switch,
    Status,
    Logs,
    Screen,
    Key,
    Stop,
    Help,
}

impl Verb {
    const ALL: [(&'static str, Verb); 10] = [
        ("start", Verb::Start),
        ("new", Verb::New),
        ("list", Verb::List),
        ("switch", Verb::Switch),
        ("status", Verb::Status),
        ("logs", Verb::Logs),
        ("screen", Verb::Screen),
        ("key", Verb::Key),
        ("stop", Verb::Stop),
        ("help", Verb::Help),
    ];
}

/// None: the text is no command. `Usage`: it looks like one and is none; it must not be typed to an agent.
pub(super) fn parse(text: &str) -> Option<Result<Command>> {
    let rest = text.strip_prefix('/')?;
    let mut words = rest.split_whitespace().map(str::to_owned);
    // In groups, `/status@the_bot`.
    let word = words.next().unwrap_or_default();
    let name = word.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let known = Verb::ALL.iter().find(|(known, _)| *known == name);
    Some(match known {
        Some((_, verb)) => Ok(Command {
            verb: *verb,
            args: words.collect(),
        }),
        None => Err(unknown(&name)),
    })
}

fn unknown(name: &str) -> Fault {
    let near = nearest(name, Verb::ALL.iter().map(|(known, _)| *known));
    let hint = match near {
        Some(near) => format!("Did you mean /{near}? /help lists all commands."),
        None => "/help lists all commands. Text that begins with a slash is not sent to an agent.".into(),
    };
    Fault::new(Kind::Usage, format!("there is no command /{name}")).hint(hint)
}

/// The reply, where the store is enough to know it.
pub(super) fn from_store(tx: &Tx<'_>, here: &Here, command: &Command) -> Option<Result<Reply>> {
    let args = &command.args;
    Some(match command.verb {
        Verb::Start => Ok(help::greet()),
        Verb::Help => Ok(help::help()),
        Verb::List => list::list(tx, here),
        Verb::Switch => switch::switch(tx, here, args),
        Verb::Status => status::status(tx, here, args),
        Verb::Logs => logs::logs(tx, here, args),
        Verb::New | Verb::Screen | Verb::Key | Verb::Stop => return None,
    })
}

/// What the commands that need more than the store work with.
pub(super) struct Desk<'a> {
    pub store: &'a Store,
    pub engine: &'a Engine,
    pub here: &'a Here,
    /// The update was found pending after a restart: it may have been carried out already.
    pub recovered: bool,
}

/// Carries out what could not be done in the update's transaction. None: the update is already answered and finished.
pub(super) async fn from_world(desk: &Desk<'_>, text: &str) -> Result<Option<Reply>> {
    let Some(command) = parse(text) else {
        return ask::answer(desk, text).await.map(Some);
    };
    let Command { verb, args } = command?;
    match verb {
        Verb::New => new::new(desk, &args).await.map(|()| None),
        Verb::Screen => screen::screen(desk, &args).await.map(Some),
        Verb::Key => key::key(desk, &args).await.map(Some),
        Verb::Stop => stop::stop(desk, &args).await.map(Some),
        _ => Err(Fault::new(
            Kind::Failure,
            "the command was to be answered from the store",
        )),
    }
}

impl Desk<'_> {
    /// The session that a command means, see [`meant`].
    async fn meant(&self, name: Option<&str>) -> Result<Session> {
        let (here, name) = (self.here.clone(), name.map(str::to_owned));
        self.store.read(move |tx| meant(tx, &here, name.as_deref())).await
    }
}

/// The session of this name (or id, or prefix); without one that of the message replied to; else the chat's active one, also when it
/// has ended.
fn meant(tx: &Tx<'_>, here: &Here, name: Option<&str>) -> Result<Session> {
    if let Some(name) = name {
        return tx.find_session(name);
    }
    let found = match replied_to(tx, here)? {
        Some(session) => Some(session),
        None => active(tx, here)?,
    };
    found.ok_or_else(|| {
        Fault::new(Kind::NotFound, "no session is active in this chat")
            .hint("Send a message to start one, or choose one with /switch NAME (/list shows them).")
    })
}

/// At most one argument: a session.
fn one_name(args: &[String]) -> Result<Option<&str>> {
    match args {
        [] => Ok(None),
        [name] => Ok(Some(name)),
        _ => Err(Fault::new(Kind::Usage, "one name is enough").hint("/list shows the names.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, verb: Verb, args: &[&str]) {
        let command = parse(text).expect("a command").expect("a known one");
        assert_eq!(
            (command.verb, command.args),
            (verb, args.iter().map(|s| (*s).to_owned()).collect())
        );
    }

    #[test]
    fn commands_are_read() {
        check("/list", Verb::List, &[]);
        check("/Status@some_bot  fix-login ", Verb::Status, &["fix-login"]);
        check("/key Down  Enter", Verb::Key, &["Down", "Enter"]);
        assert!(parse("plain /list").is_none());
        assert!(parse(" /list").is_none());
    }

    #[test]
    fn what_only_looks_like_a_command_is_told_the_nearest() {
        let fault = parse("/statsu now").expect("a command").expect_err("unknown");
        assert_eq!(fault.message, "there is no command /statsu");
        assert!(fault.hint.expect("a hint").contains("/status"));
        assert!(parse("/").expect("a command").is_err());
    }
}
