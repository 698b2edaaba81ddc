//! A Bot API server that is strict: it holds every request against the schema of Bot API 10.1, keeps the offset's semantics and
//! the limits, and fails on demand. It runs on a thread of its own, so that plain and async tests can use it alike.
//!
//! What a client did wrong is answered as Telegram would, and kept in [`FakeTelegram::violations`] as well: no test ends well with
//! one.

#![expect(dead_code, reason = "each test uses a part of the fake")]

mod methods;
mod multipart;
mod rates;
mod rich;
mod schema;
mod serve;
mod tell;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "123456:fake-token_of-the-tests";
pub const BOT_NAME: &str = "fake_bot";

/// What goes wrong with one request of a method. Faults of a method wait in a queue, one for each request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 429.
    TooManyRequests { retry_after: u64 },
    /// A 5xx with JSON; nothing was done.
    ServerError,
    /// A 502 with HTML, as of a proxy; nothing was done.
    BadGateway,
    /// The connection ends without an answer; nothing was done.
    DropBefore,
    /// The request is carried out, and the connection ends without an answer.
    DropAfter,
    /// 409.
    Conflict,
    /// 401.
    Unauthorized,
    /// 403.
    Blocked,
    /// 400 "can't parse entities".
    BadEntities,
    /// 400 with the chat's new id.
    Migrated { to: i64 },
    /// A refusal with these words.
    Refused { code: u16, words: String },
    /// Carried out, and the answer ends in the middle of its JSON.
    Truncated,
    /// Carried out, and answered late.
    Slow { millis: u64 },
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub at: Instant,
    pub body: Value,
    /// What it was answered: `ok`, or the error code; 0 for none.
    pub code: u16,
}

/// A message of the bot's that stands in a chat.
#[derive(Debug, Clone)]
pub struct Sent {
    pub chat_id: i64,
    pub message_id: i64,
    pub text: String,
    pub entities: Vec<Value>,
    pub reply_to: Option<i64>,
    pub at: Instant,
    /// File name and content.
    pub document: Option<(String, Vec<u8>)>,
    pub photo: bool,
    pub thread: Option<i64>,
    pub silent: bool,
    /// The buttons as they stand now.
    pub markup: Value,
    pub edits: u32,
    pub deleted: bool,
    /// What a rich message is made of; `text` is what a person reads of it.
    pub html: Option<String>,
}

impl Sent {
    /// What stands on the buttons, row by row.
    pub fn buttons(&self) -> Vec<String> {
        self.buttons_with_data().into_iter().map(|(text, _)| text).collect()
    }

    fn buttons_with_data(&self) -> Vec<(String, String)> {
        let rows = self.markup["inline_keyboard"].as_array().into_iter().flatten();
        rows.flat_map(|row| row.as_array().into_iter().flatten())
            .map(|button| {
                let text = |key: &str| button[key].as_str().unwrap_or_default().to_owned();
                (text("text"), text("callback_data"))
            })
            .collect()
    }
}

/// A topic of a chat.
#[derive(Debug, Clone)]
pub struct Topic {
    pub name: String,
    pub closed: bool,
}

/// A tap on a button.
#[derive(Debug, Clone)]
pub struct Tap {
    pub asked: Instant,
    /// What the person saw.
    pub answer: Option<String>,
    pub took: Duration,
}

pub struct FakeTelegram {
    addr: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

struct World {
    state: Mutex<State>,
    /// Something was sent or called.
    changed: Condvar,
    /// There are new updates, or a newer poll.
    updates: Notify,
}

#[derive(Default)]
struct State {
    chats: HashMap<i64, &'static str>,
    updates: BTreeMap<i64, Value>,
    next_update: i64,
    next_message: i64,
    /// Ids of all messages, of both sides.
    messages: HashMap<i64, Vec<i64>>,
    /// Updates below it are confirmed.
    offset: i64,
    polls: u64,
    faults: HashMap<String, VecDeque<Option<Fault>>>,
    calls: Vec<Call>,
    sent: Vec<Sent>,
    violations: Vec<String>,
    /// Chats that were told to wait: since when, and until when.
    quiet: HashMap<i64, (Instant, Instant)>,
    rates: Option<rates::Rates>,
    /// Every reaction that was set on a message, oldest first.
    reactions: HashMap<(i64, i64), Vec<String>>,
    reactions_off: bool,
    callbacks: HashMap<String, Tap>,
    files: HashMap<String, Vec<u8>>,
    topics: BTreeMap<(i64, i64), Topic>,
    forums: HashSet<i64>,
    private_topics: bool,
    no_rights: HashSet<i64>,
    moved: HashMap<i64, i64>,
    unreachable: HashMap<i64, String>,
    commands: HashMap<String, Value>,
    webhook: String,
    /// The server is of a time before rich messages and drafts.
    old: bool,
    /// Every draft that was shown: chat, id, text.
    drafts: Vec<(i64, i64, String)>,
    /// Another one than [`TOKEN`].
    token: Option<String>,
    poll_refusal: Option<(u16, String)>,
    kinds_polled: Vec<String>,
    /// The server's clock is ahead of ours by so many seconds.
    clock_skew: i64,
}

impl FakeTelegram {
    /// Starts on a free port of the loopback.
    pub fn start() -> Self {
        let world = Arc::new(World {
            state: Mutex::new(State {
                next_update: 1000,
                next_message: 1,
                ..State::default()
            }),
            changed: Condvar::new(),
            updates: Notify::new(),
        });
        let stop = CancellationToken::new();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let thread = serve::spawn(listener, world.clone(), stop.clone());
        Self {
            addr,
            world,
            stop,
            thread: Some(thread),
        }
    }

    pub fn api_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A chat that exists; a private one has its person's id.
    pub fn add_chat(&self, id: i64) {
        let kind = if id > 0 { "private" } else { "supergroup" };
        self.lock().chats.insert(id, kind);
    }

    /// A text of a person's; returns its message id.
    pub fn push_text(&self, chat: i64, from: i64, text: &str) -> i64 {
        self.push_message(chat, from, json!({"text": text}))
    }

    /// A reply to a message; as Telegram does, the update carries that message too.
    pub fn push_reply(&self, chat: i64, from: i64, text: &str, reply_to: i64) -> i64 {
        let original =
            json!({"message_id": reply_to, "date": 0, "chat": {"id": chat, "type": kind(chat)}, "text": "…"});
        self.push_message(chat, from, json!({"text": text, "reply_to_message": original}))
    }

    /// A message with these fields.
    pub fn push_message(&self, chat: i64, from: i64, fields: Value) -> i64 {
        self.add_chat(chat);
        let message_id = self.lock().take_message_id(chat);
        let mut message = json!({
            "message_id": message_id,
            "date": self.lock().clock(),
            "chat": {"id": chat, "type": kind(chat)},
            "from": {"id": from, "is_bot": false, "first_name": "P"},
        });
        if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
            message.extend(fields);
        }
        self.push_update(json!({"message": message}));
        message_id
    }

    /// An update of any kind; it gets the next id.
    pub fn push_update(&self, mut update: Value) -> i64 {
        let mut state = self.lock();
        let id = state.next_update;
        state.next_update += 1;
        update["update_id"] = json!(id);
        state.updates.insert(id, update);
        drop(state);
        self.world.updates.notify_waiters();
        id
    }

    /// Hands out an update again, as after a confirmation that was lost.
    pub fn repeat_update(&self, update: Value) {
        let id = update["update_id"].as_i64().expect("an update has an id");
        let mut state = self.lock();
        state.offset = state.offset.min(id);
        state.updates.insert(id, update);
        drop(state);
        self.world.updates.notify_waiters();
    }

    /// Lets the next requests of a method fail, in this order.
    pub fn fail(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.fail_some(method, faults.into_iter().map(Some));
    }

    /// Lets some of the next requests of a method fail; none: that one is carried out.
    pub fn fail_some(&self, method: &str, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.lock().faults.entry(method.to_owned()).or_default().extend(faults);
    }

    /// Every request so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.lock()
            .calls
            .iter()
            .filter(|call| call.method == method)
            .cloned()
            .collect()
    }

    /// Every message of the bot's so far, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// The texts in a chat, in order.
    pub fn texts(&self, chat: i64) -> Vec<String> {
        self.lock()
            .sent
            .iter()
            .filter(|sent| sent.chat_id == chat)
            .map(|sent| sent.text.clone())
            .collect()
    }

    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// How many updates are not confirmed yet.
    pub fn unconfirmed(&self) -> usize {
        let state = self.lock();
        state.updates.range(state.offset..).count()
    }

    /// Waits until a message of the bot's fits; panics with what there is when none came in time.
    pub fn wait_for_send(&self, limit: Duration, fits: impl Fn(&Sent) -> bool) -> Sent {
        self.wait(limit, |state| state.sent.iter().find(|sent| fits(sent)).cloned())
    }

    /// Waits until all updates are confirmed.
    pub fn wait_until_confirmed(&self, limit: Duration) {
        self.wait(limit, |state| {
            state.updates.range(state.offset..).next().is_none().then_some(())
        });
    }

    /// Waits for so many requests of a method.
    pub fn wait_for_calls(&self, limit: Duration, method: &str, count: usize) {
        self.wait(limit, |state| {
            (state.calls.iter().filter(|call| call.method == method).count() >= count).then_some(())
        });
    }

    fn wait<T>(&self, limit: Duration, look: impl Fn(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "nothing fitting within {limit:?}; sent: {:#?}; violations: {:?}",
                state.sent,
                state.violations
            );
            let waited = self.world.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.world.lock()
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // A test that failed has said why.
        if !std::thread::panicking() {
            assert_eq!(
                self.violations(),
                Vec::<String>::new(),
                "the Bot API was used against its rules"
            );
        }
    }
}

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_message_id(&mut self, chat: i64) -> i64 {
        let id = self.next_message;
        self.next_message += 1;
        self.messages.entry(chat).or_default().push(id);
        id
    }

    /// Whether a path begins with the bot's token.
    fn knows(&self, bot: &str) -> bool {
        bot.strip_prefix("bot") == Some(self.token.as_deref().unwrap_or(TOKEN))
    }

    fn clock(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(now.expect("after 1970").as_secs()).expect("a time") + self.clock_skew
    }

    fn polled(&mut self, kinds: &Value) {
        let kinds = kinds.as_array().into_iter().flatten();
        self.kinds_polled = kinds.filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
    }

    fn me(&self) -> Value {
        json!({"id": 123_456, "is_bot": true, "first_name": "Fake", "username": BOT_NAME, "can_join_groups": true,
            "can_read_all_group_messages": false, "supports_inline_queries": false, "has_topics_enabled": self.private_topics})
    }

    fn chat_info(&self, id: i64) -> Value {
        json!({"id": id, "type": kind(id), "title": "A group", "is_forum": self.forums.contains(&id), "accent_color_id": 1,
            "max_reaction_count": 11})
    }

    fn member(&self, chat: i64) -> Value {
        let status = if self.forums.contains(&chat) {
            "administrator"
        } else {
            "member"
        };
        json!({"status": status, "user": self.me(), "can_manage_topics": !self.no_rights.contains(&chat)})
    }

    fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

fn kind(chat: i64) -> &'static str {
    if chat > 0 { "private" } else { "supergroup" }
}
