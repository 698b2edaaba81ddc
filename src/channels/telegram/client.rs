//! The client: two teloxide `Bot`s on one token. A long poll holds its connection for up to a minute; it has a pool of
//! its own, so that a send never waits behind it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use teloxide::Bot;

use crate::domain::fault::{Fault, Kind, Result};

/// Time for the TCP and TLS handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the server the poll client waits for an answer.
const POLL_SLACK: Duration = Duration::from_secs(10);
/// The whole of a request with text in it.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// The whole of an upload: 50 MB at less than 1 Mbit/s.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// An idle connection is dropped before the server drops it: a request that meets a closing connection has an unknown end.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A Bot API client; cheap to clone. All clones have one token.
#[derive(Clone)]
pub struct Client {
    bots: Arc<Mutex<Bots>>,
    /// How long the server holds a poll that has nothing to tell.
    pub(super) poll_timeout: Duration,
}

struct Bots {
    poller: Bot,
    sender: Bot,
}

/// `Bot` derives a `Debug` that prints the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api_url", &self.sender().api_url().as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes the clients; connects to nothing. `api_url` none means Telegram's own server.
    ///
    /// Errors: `Config` for an address that would carry the token in the clear, or that is none.
    pub fn new(token: &SecretString, api_url: Option<&str>, poll_timeout: Duration) -> Result<Self> {
        let url = api_url.map(checked_url).transpose()?;
        let direct = url.as_ref().is_some_and(is_loopback);
        let bot = |timeout| -> Result<Bot> {
            let bot = Bot::with_client(token.expose_secret(), http_client(timeout, direct)?);
            Ok(match &url {
                Some(url) => bot.set_api_url(url.clone()),
                None => bot,
            })
        };
        let bots = Bots {
            poller: bot(poll_timeout + POLL_SLACK)?,
            sender: bot(UPLOAD_TIMEOUT)?,
        };
        Ok(Self {
            bots: Arc::new(Mutex::new(bots)),
            poll_timeout,
        })
    }

    /// Goes on with another token of the same bot's. False when it is the one in use.
    ///
    /// Errors: `Config` for another bot's: its updates and its chats are others.
    pub fn renew(&self, token: &SecretString) -> Result<bool> {
        let token = token.expose_secret();
        if token == self.sender().token() {
            return Ok(false);
        }
        if id_of(token) != self.bot_id() {
            return Err(
                Fault::new(Kind::Config, "the token in `[telegram] token_file` is another bot's")
                    .hint("To go on with that bot, restart the daemon."),
            );
        }
        let renewed = |old: &Bot| Bot::with_client(token, old.client().clone()).set_api_url(old.api_url());
        let mut bots = self.lock();
        *bots = Bots {
            poller: renewed(&bots.poller),
            sender: renewed(&bots.sender),
        };
        Ok(true)
    }

    pub(super) fn poller(&self) -> Bot {
        self.lock().poller.clone()
    }

    pub(super) fn sender(&self) -> Bot {
        self.lock().sender.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Bots> {
        self.bots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bot's own number, which stands before the `:` of its token and is no secret; 0 for a token without one.
    pub fn bot_id(&self) -> i64 {
        id_of(self.sender().token())
    }

    /// The whole of a poll: what the server may take, and the slack.
    pub(super) fn poll_limit(&self) -> Duration {
        self.poll_timeout + POLL_SLACK
    }
}

fn id_of(token: &str) -> i64 {
    let id = token.split(':').next();
    id.and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn http_client(timeout: Duration, direct: bool) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        // The address carries the token; it goes nowhere but to the server that was named.
        .redirect(Policy::none());
    // A proxy of the environment cannot reach our own loopback.
    let builder = if direct { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| {
        Fault::new(
            Kind::Failure,
            format!("the http client cannot be made: {}", error.without_url()),
        )
    })
}

fn checked_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| bad_url(text, &error.to_string()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(bad_url(text, "plain http would carry the bot's token in the clear")),
        _ => Err(bad_url(text, "it is no http address")),
    }
}

fn bad_url(text: &str, why: &str) -> Fault {
    Fault::new(
        Kind::Config,
        format!("`[telegram] api_url` `{text}` cannot be used: {why}"),
    )
    .hint("Use an https address, or a loopback address such as http://127.0.0.1:8081.")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
