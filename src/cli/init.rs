//! `telecoder init`: from a bot's token to a message from the bot, in two inputs. Everything that the bot needs is asked of the server,
//! and what is missing is told with the way to mend it.

mod place;

use std::io::{BufRead, IsTerminal};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use uuid::Uuid;

use super::context::Context;
use super::out;
use crate::agents::Registry;
use crate::api::client::path;
use crate::api::wire::Health;
use crate::channels::telegram::inbound;
use crate::channels::telegram::{ActEnd, CHANNEL, ChatKind, Client, Content, Me, Outgoing, PollError, Update};
use crate::domain::agent::Login;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::message::{PartBody, SendOutcome};
use crate::domain::route::ChatRef;

use place::Place;

/// How long the person may take to press Start.
const PAIRING_LIMIT: Duration = Duration::from_secs(180);
/// One look for the person's message.
const LOOK: Duration = Duration::from_secs(10);
/// Pause after a look that failed.
const AGAIN_PAUSE: Duration = Duration::from_secs(1);
/// The reaction that is tried on the person's message.
const RECEIPT: &str = "👀";
/// Letters of the code in the link.
const CODE_CHARS: usize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Bot API server, if it is not Telegram's own.
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

/// Asks for the token, finds out who the owner is, writes the configuration, and ends with a message from the bot.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let place = Place::find(cx)?;
    let token = read_token()?;
    let client = Client::new(&token, args.api_url.as_deref(), LOOK)?;
    let me = client.me().await.map_err(|why| {
        Fault::new(Kind::Config, format!("the server does not accept this token: {why}"))
            .hint("Copy the whole token that @BotFather shows: digits, a colon, letters.")
    })?;
    out::note(&format!("the bot is @{}", me.username));
    clear_webhook(&client).await?;
    let (owner, start) = pair(&client, &me).await?;
    place.write(token.expose_secret(), args.api_url.as_deref(), owner)?;
    out::note(&format!(
        "written: {} and {}",
        place.config.display(),
        place.token.display()
    ));
    check_rights(&client, &me, owner, start).await;
    check_agent(cx);
    greet(&client, owner).await?;
    let health: Health = cx.client()?.get(&path(&["health"])).await?;
    if health.telegram.is_none() {
        out::note(&format!(
            "the daemon that runs (process {}) knows nothing of the bot yet: end it, and the next command starts one that does",
            health.pid
        ));
    }
    out::line(&format!("ready: write to @{} (daemon {})", me.username, health.pid))?;
    Ok(())
}

/// One line of standard input; on a terminal without showing it.
fn read_token() -> Result<SecretString> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        out::note("ask @BotFather for a bot (/newbot) and paste its token here, then Enter:");
    }
    let hidden = Hidden::begin();
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    drop(hidden);
    read.map_err(|error| Fault::io("reading the token", &error))?;
    let token = line.trim();
    let shaped = token.split_once(':').is_some_and(|(id, secret)| {
        id.bytes().all(|b| b.is_ascii_digit())
            && !id.is_empty()
            && secret.len() >= 8
            && !secret.contains(char::is_whitespace)
    });
    if !shaped {
        return Err(Fault::new(Kind::Usage, "this is no bot token")
            .hint("A token looks like 123456789:AAE…; @BotFather shows it after /newbot, and again after /token."));
    }
    Ok(SecretString::from(token.to_owned()))
}

/// The terminal without echo, as long as it lives.
struct Hidden(Option<rustix::termios::Termios>);

impl Hidden {
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = std::io::stdin();
        let Ok(before) = tcgetattr(&stdin) else {
            return Self(None);
        };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        match tcsetattr(&stdin, OptionalActions::Now, &silent) {
            Ok(()) => Self(Some(before)),
            Err(_) => Self(None),
        }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that cannot be set back is gone.
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}

/// A webhook takes the updates away from us.
async fn clear_webhook(client: &Client) -> Result<()> {
    let failed = |why: String| Fault::new(Kind::Failure, format!("asking for the bot's webhook: {why}"));
    let url = client.webhook().await.map_err(failed)?;
    if url.is_empty() {
        return Ok(());
    }
    match client.remove_webhook().await {
        ActEnd::Done => {
            out::note(&format!(
                "the bot had a webhook ({url}), which is removed: messages come to this machine now"
            ));
            Ok(())
        }
        end => Err(Fault::new(
            Kind::Failure,
            format!("the webhook {url} cannot be removed: {end:?}"),
        )),
    }
}

/// Shows a link that sends a code, and waits for whoever sends it from a private chat: their id, and their message's.
async fn pair(client: &Client, me: &Me) -> Result<(i64, i64)> {
    let code: String = Uuid::new_v4().simple().to_string().chars().take(CODE_CHARS).collect();
    out::line(&format!(
        "open  https://t.me/{}?start={code}  and press Start",
        me.username
    ))?;
    let limit = Instant::now() + PAIRING_LIMIT;
    let mut offset = None;
    while Instant::now() < limit {
        let raw = match client.poll(offset).await {
            Ok(raw) => raw,
            Err(PollError::Unauthorized(why)) => {
                return Err(Fault::new(
                    Kind::Config,
                    format!("the token is not accepted any more: {why}"),
                ));
            }
            Err(PollError::Conflict(why)) => {
                return Err(
                    Fault::new(Kind::RefusedByState, format!("another program uses this bot: {why}"))
                        .hint("End it (a daemon of ours: `telecoder health` names its process), then run `telecoder init` again."),
                );
            }
            Err(_) => {
                tokio::time::sleep(AGAIN_PAUSE).await;
                continue;
            }
        };
        for update in raw.iter().filter_map(inbound::read) {
            offset = Some(update.update_id + 1);
            if let Some(found) = sent_code(&update, &code) {
                // Confirmed, so that the daemon does not meet the code again.
                let _ = client.poll_once(offset).await;
                return Ok(found);
            }
        }
    }
    Err(Fault::new(
        Kind::Timeout,
        format!("nobody pressed Start within {} s", PAIRING_LIMIT.as_secs()),
    )
    .hint("Run `telecoder init` again and open the link on the phone that is to talk to the bot."))
}

fn sent_code(update: &Update, code: &str) -> Option<(i64, i64)> {
    let Content::Text(message) = &update.content else {
        return None;
    };
    let chat = update.chat.as_ref()?.chat_id;
    let is_it = message.text.split_whitespace().eq(["/start", code]);
    let from = update
        .from
        .filter(|from| is_it && update.chat_kind == ChatKind::Private && *from == chat)?;
    Some((from, message.message_id))
}

/// What the bot could have and has not, each with the way to it; nothing of it is needed.
async fn check_rights(client: &Client, me: &Me, owner: i64, start: i64) {
    if let ActEnd::Refused(why) = client.react(owner, start, Some(RECEIPT)).await {
        out::note(&format!(
            "the bot cannot set reactions ({why}): a short reply says how each prompt stands"
        ));
    }
    if !me.has_topics {
        out::note(
            "each session gets a topic of its own when the bot has topics: @BotFather, Bot Settings, Threads Settings, on",
        );
    }
    if !me.joins_groups {
        out::note("the bot cannot be added to groups; to have it there: @BotFather, /setjoingroups, Enable");
    }
    if !me.reads_groups {
        out::note("in groups the bot hears commands and replies only; for more: @BotFather, /setprivacy, Disable");
    }
}

/// The first message needs an agent that is installed and logged in.
fn check_agent(cx: &Context) {
    let found = || -> Result<()> {
        let config = cx.config()?;
        let registry = Registry::new(&config.agents, None)?;
        let adapter = match config.default_agent.as_str() {
            "auto" => registry.auto()?,
            name => registry.get(name)?,
        };
        let found = adapter.detect()?;
        match found.login {
            Login::Missing => out::note(&format!(
                "the agent is {}, which is not logged in: start `{}` once and log in",
                adapter.name(),
                found.path.display()
            )),
            _ => out::note(&format!("the agent is {}", adapter.name())),
        }
        Ok(())
    };
    if let Err(fault) = found() {
        let hint = fault.hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
        out::note(&format!("no agent could work yet: {}{hint}", fault.message));
    }
}

async fn greet(client: &Client, owner: i64) -> Result<()> {
    let body = PartBody::Text {
        text: "I am here. Send me what is to be done, and an agent on your machine does it. /help shows the rest."
            .into(),
        entities: vec![],
        buttons: vec![],
    };
    let to = ChatRef {
        channel: CHANNEL.into(),
        chat_id: owner,
        thread_id: None,
    };
    let part = Outgoing {
        to: &to,
        reply_to: None,
        body: &body,
        plain: true,
        marked: false,
        silent: false,
    };
    match client.send(&part).await {
        SendOutcome::Sent { .. } | SendOutcome::SentElsewhere { .. } => Ok(()),
        outcome => Err(Fault::new(
            Kind::Failure,
            format!("the bot cannot write to you: {outcome:?}"),
        )),
    }
}
