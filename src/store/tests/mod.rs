//! Tests of the store against real files.

mod damage;
mod disk;
mod events;
mod glances;
mod group_commit;
mod kill;
mod messages;
mod outbox;
mod schema;
mod sessions;
mod telegram;
mod turns;

use std::path::PathBuf;
use std::process::Command;

use super::{NewMessage, NewSession, NewTurn, Store, Tx};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, SessionId, TurnId};
use crate::domain::message::{Message, MessageKind, PartBody};
use crate::domain::policy::Policy;
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::session::Session;
use crate::domain::text::sanitise;
use crate::domain::turn::Turn;

/// A directory of its own for one database.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { dir }
    }
    fn db(&self) -> PathBuf {
        self.dir.path().join("telecoder.db")
    }
    fn backups(&self) -> PathBuf {
        self.dir.path().join("backups")
    }
    fn open(&self) -> Store {
        self.try_open().expect("the store opens")
    }
    fn try_open(&self) -> Result<Store> {
        Store::open(&self.db(), &self.backups())
    }
    /// A connection beside the store, for looking at it and for spoiling it.
    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.db()).expect("a second connection")
    }
}

fn session_id(n: u64) -> SessionId {
    SessionId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn turn_id(n: u64) -> TurnId {
    format!("00000000-0000-7000-8000-{n:012x}").parse().expect("a turn id")
}

fn new_session(n: u64, name: &str) -> NewSession {
    NewSession {
        id: session_id(n),
        name: None,
        name_stem: name.parse().expect("a name"),
        agent: "fake".into(),
        policy: Policy::Ask,
        repo: None,
        work_dir: format!("/srv/{n}/work").into(),
        branch: None,
        chat: None,
        parent: None,
        key: None,
        fork_of: None,
    }
}

fn new_turn(n: u64, session: &SessionId, text: &str) -> NewTurn {
    NewTurn {
        id: turn_id(n),
        session: session.clone(),
        text: sanitise(text),
        origin: PromptOrigin::Cli,
        kind: Default::default(),
        steered: false,
        key: None,
    }
}

fn new_message(session: &SessionId, text: &str, to: Option<ChatRef>) -> NewMessage {
    NewMessage {
        session: Some(session.clone()),
        kind: MessageKind::Reply,
        text: text.into(),
        done: None,
        choices: vec![],
        files: vec![],
        to,
        reply_to: None,
        letter: None,
        dialog: None,
    }
}

fn chat(chat_id: i64) -> ChatRef {
    ChatRef {
        channel: "telegram".into(),
        chat_id,
        thread_id: None,
    }
}

fn text_part(text: &str) -> PartBody {
    PartBody::Text {
        text: text.into(),
        entities: vec![],
        buttons: vec![],
    }
}

async fn add_session(store: &Store, n: u64, name: &str) -> Session {
    let new = new_session(n, name);
    store.write(move |tx| tx.insert_session(new)).await.expect("a session")
}

async fn add_turn(store: &Store, n: u64, session: &SessionId, text: &str) -> Turn {
    let new = new_turn(n, session, text);
    store.write(move |tx| tx.insert_turn(new)).await.expect("a turn")
}

/// A message cut into parts of the given texts.
async fn add_message(store: &Store, session: &SessionId, to: i64, parts: &[&str]) -> Message {
    let new = new_message(session, &parts.join(" "), Some(chat(to)));
    let parts: Vec<PartBody> = parts.iter().copied().map(text_part).collect();
    store
        .write(move |tx| {
            let message = tx.insert_message(new)?;
            tx.plan_message(message.id, &parts)?;
            Ok(message)
        })
        .await
        .expect("a message")
}

async fn message(store: &Store, id: MessageId) -> Message {
    store.read(move |tx| tx.message(id)).await.expect("the message")
}

#[track_caller]
fn fault<T>(result: Result<T>, kind: Kind, mentions: &str) -> Fault {
    let fault = result.err().expect("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    let words = format!("{} {}", fault.message, fault.hint.as_deref().unwrap_or(""));
    assert!(words.contains(mentions), "`{words}` does not mention `{mentions}`");
    fault
}

/// This test binary once more, running one of its ignored tests: the other half of a test that needs a process of its own.
fn child(test: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let name = format!("store::tests::{test}");
    command.args(["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// What a child's other half is told.
const CHILD_PLACE: &str = "STORE_TEST_PLACE";

fn child_place() -> PathBuf {
    std::env::var_os(CHILD_PLACE)
        .expect("started by its other half only")
        .into()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs raw SQL in the writer's own transaction.
fn raw_sql(tx: &Tx<'_>, sql: &str) -> Result<()> {
    Ok(tx.conn.execute_batch(sql)?)
}
