//! Commands: `/verb args`, one file per verb. Those that the store can answer are answered in the update's own transaction; the
//! others run after it.

mod ask;
pub(super) mod diff;
mod explain;
mod get;
mod health;
mod help;
mod inbox;
mod interrupt;
mod key;
mod level;
mod list;
pub(super) mod logs;
mod new;
mod own;
mod resume;
pub(super) mod roles;
mod screen;
mod status;
mod steer;
mod stop;
mod switch;
mod table;

use std::sync::Arc;

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::person::Role;
use crate::domain::session::Session;
use crate::domain::text::nearest;
use crate::domain::turn::TurnKind;
use crate::sessions::Engine;
use crate::store::{Store, Tx};

use super::people;
use super::prompt::{active, replied_to};
use super::router::{Here, Reply, Router, asked};

pub(super) use ask::answered;
pub(super) use level::Level;
pub(super) use own::{foreign, typed};
pub(super) use table::menu;

use table::{Entry, TABLE, Verb};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    entry: &'static Entry,
    pub args: Vec<String>,
}

impl Command {
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    /// Who may use it.
    pub fn role(&self) -> Role {
        match self.entry.verb {
            // With a name it makes a session, or talks to one.
            Verb::Start if !self.args.is_empty() => self.entry.role.max(Role::Operator),
            _ => self.entry.role,
        }
    }

    /// Whether it acts on what an agent does at that moment, so that an old one may mean something else by now.
    pub fn acts_now(&self) -> bool {
        matches!(
            self.entry.verb,
            Verb::Steer | Verb::Own | Verb::Key | Verb::Press(_) | Verb::Interrupt | Verb::Stop
        )
    }

    /// What goes to the agent of the text of a command that is sent as a prompt is; none for any other command.
    pub fn for_agent(&self, text: &str) -> Option<(TurnKind, String)> {
        match self.entry.verb {
            Verb::Steer => Some((TurnKind::Prompt, steer::said(text).to_owned())),
            Verb::Own => Some((TurnKind::Command, own::typed(text))),
            _ => None,
        }
    }
}

/// To whom a text speaks.
#[derive(Debug)]
pub(super) enum Addressed {
    /// It is no command.
    Nobody,
    /// A command of another bot's: `/status@other_bot`.
    Elsewhere,
    /// A command, or what looks like one and is none; it must not be typed to an agent.
    Here(Result<Command>),
}

/// `username` is ours, as soon as it is known.
pub(super) fn parse(text: &str, username: Option<&str>) -> Addressed {
    let Some(rest) = text.strip_prefix('/') else {
        return Addressed::Nobody;
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let word = words.next().unwrap_or_default();
    let (name, bot) = word
        .split_once('@')
        .map_or((word.as_str(), None), |(name, bot)| (name, Some(bot)));
    if let (Some(bot), Some(ours)) = (bot, username)
        && !bot.eq_ignore_ascii_case(ours)
    {
        return Addressed::Elsewhere;
    }
    let name = name.to_ascii_lowercase();
    let known = TABLE.iter().find(|entry| entry.name == name);
    Addressed::Here(match known {
        Some(entry) => Ok(Command {
            entry,
            args: words.collect(),
        }),
        None => Err(unknown(&name)),
    })
}

fn unknown(name: &str) -> Fault {
    let near = nearest(name, TABLE.iter().map(|entry| entry.name));
    let hint = match near {
        Some(near) => format!("Did you mean /{near}? /help lists all commands."),
        None => "/help lists all commands. Other text that begins with a slash is not sent to an agent.".into(),
    };
    Fault::new(Kind::Usage, format!("there is no command /{name}")).hint(hint)
}

/// The reply, where the store is enough to know it.
pub(super) fn from_store(tx: &Tx<'_>, router: &Router, here: &Here, command: &Command) -> Option<Result<Reply>> {
    let args = &command.args;
    Some(match command.entry.verb {
        Verb::Start if args.is_empty() => Ok(help::greet()),
        Verb::Help => Ok(help::help()),
        Verb::List => list::list(tx, here),
        Verb::Switch => switch::switch(tx, here, args),
        Verb::Status => status::status(tx, here, args),
        Verb::Inbox => inbox::inbox(tx, here, args),
        Verb::Logs => logs::logs(tx, here, args),
        Verb::Level(level) => level::set(tx, here, level),
        Verb::Health => health::health(tx, router),
        Verb::People => people::list(tx),
        Verb::Allow => Ok(Reply::new("This chat is open already.")),
        Verb::Forbid => people::forbid(tx, &router.gate, here, args),
        _ => return None,
    })
}

/// What the commands that need more than the store work with.
pub(super) struct Desk<'a> {
    pub store: &'a Store,
    pub engine: &'a Engine,
    pub router: &'a Arc<Router>,
    pub here: &'a Here,
    /// The update was found pending after a restart: it may have been carried out already.
    pub recovered: bool,
}

/// Carries out what could not be done in the update's transaction. None: the update is already answered and finished.
pub(super) async fn from_world(desk: &Desk<'_>, text: &str) -> Result<Option<Reply>> {
    // Whether it speaks to us was decided in the update's transaction.
    let Command { entry, args } = match parse(text, None) {
        Addressed::Here(Ok(command)) => command,
        Addressed::Here(Err(_)) => return own::own(desk, own::typed(text)).await.map(|()| None),
        Addressed::Nobody | Addressed::Elsewhere => return ask::answer(desk, text).await.map(Some),
    };
    match entry.verb {
        Verb::New => new::new(desk, &args, None).await.map(|()| None),
        Verb::Start => new::start(desk, &args, None).await.map(|()| None),
        Verb::StartYolo => new::start(desk, &args, Some("yolo")).await.map(|()| None),
        Verb::Screen => screen::screen(desk, &args).await.map(Some),
        Verb::Key => key::key(desk, &args).await.map(Some),
        Verb::Press(name) => key::key(desk, &[name.to_owned()]).await.map(Some),
        Verb::Interrupt => interrupt::interrupt(desk).await.map(Some),
        Verb::Steer => steer::steer(desk, text).await.map(|()| None),
        Verb::Stop => stop::stop(desk, &args).await.map(Some),
        Verb::Resume => resume::resume(desk, &args).await.map(Some),
        Verb::ResumeLast => resume::resume_last(desk).await.map(Some),
        Verb::ResumeYolo => resume::resume_yolo(desk, &args).await.map(Some),
        Verb::Diff => diff::diff(desk, &args).await.map(|()| None),
        Verb::Explain => explain::explain(desk, &args).await.map(Some),
        Verb::Own => own::own(desk, own::typed(text)).await.map(|()| None),
        Verb::Get => get::get(desk, &args).await.map(|()| None),
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
    fn check(text: &str, name: &str, args: &[&str]) {
        let Addressed::Here(Ok(command)) = parse(text, Some("our_bot")) else {
            panic!("{text} is no command");
        };
        assert_eq!(
            (command.name(), command.args.as_slice()),
            (name, &args.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[test]
    fn commands_are_read() {
        check("/list", "list", &[]);
        check("/Status@Our_Bot  fix-login ", "status", &["fix-login"]);
        check("/key Down  Enter", "key", &["Down", "Enter"]);
        assert!(matches!(parse("plain /list", None), Addressed::Nobody));
        assert!(matches!(parse(" /list", None), Addressed::Nobody));
    }

    #[test]
    fn what_a_command_says_to_the_agent_is_known() {
        let for_agent = |text: &str| {
            let Addressed::Here(Ok(command)) = parse(text, None) else {
                panic!("{text} is no command");
            };
            command.for_agent(text)
        };
        assert_eq!(
            for_agent("/steer two words"),
            Some((TurnKind::Prompt, "two words".into()))
        );
        assert_eq!(
            for_agent("/Compact the rest"),
            Some((TurnKind::Command, "/compact the rest".into()))
        );
        assert_eq!(for_agent("/stop"), None);
    }

    #[test]
    fn a_command_for_another_bot_is_not_ours() {
        assert!(matches!(
            parse("/status@other_bot", Some("our_bot")),
            Addressed::Elsewhere
        ));
        assert!(matches!(
            parse("/nonsense@other_bot", Some("our_bot")),
            Addressed::Elsewhere
        ));
        assert!(matches!(parse("/status@other_bot", None), Addressed::Here(Ok(_))));
    }

    #[test]
    fn what_only_looks_like_a_command_is_told_the_nearest() {
        let Addressed::Here(Err(fault)) = parse("/statsu now", None) else {
            panic!("it is unknown");
        };
        assert_eq!(fault.message, "there is no command /statsu");
        assert!(fault.hint.expect("a hint").contains("/status"));
        assert!(matches!(parse("/", None), Addressed::Here(Err(_))));
    }
}
