//! What is asked and said once after the start: who we are, whether home has topics, and which commands each person's menu shows.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::channels::telegram::{ActEnd, CHANNEL, Client, Me};
use crate::domain::person::Role;
use crate::domain::route::ChatRef;
use crate::store::{SessionFilter, Store};

use super::commands::menu;
use super::health::BridgeHealth;

/// Pause before the server is asked again, doubled up to the limit.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

pub(super) struct Greeter {
    pub client: Client,
    pub store: Store,
    pub me: Arc<OnceLock<Me>>,
    pub health: Arc<BridgeHealth>,
    /// Where topics may be used, if it has them.
    pub home: Option<ChatRef>,
    pub home_forum: Arc<OnceLock<bool>>,
    pub allow: Vec<i64>,
}

impl Greeter {
    /// Asks until it is answered, and then keeps the menus as the roles are.
    pub async fn run(self) {
        let me = self.ask_me().await;
        let (has_topics, username) = (me.has_topics, me.username.clone());
        // Set once: only this task sets it.
        let _ = self.me.set(me);
        if let Some(home) = &self.home {
            let forum = match home.chat_id {
                id if id > 0 => has_topics,
                id => self.is_forum(id).await,
            };
            let _ = self.home_forum.set(forum);
            if forum {
                self.house_sessions(home).await;
            }
        }
        self.health.set_username(&username);
        self.keep_menus().await;
    }

    /// Sessions that were made before it was known that home has topics.
    async fn house_sessions(&self, home: &ChatRef) {
        let home = home.clone();
        let housed = self.store.write(move |tx| {
            for session in tx.sessions(&SessionFilter::default())? {
                if session.chat.is_none() && !session.status.state.is_ended() {
                    tx.bind_chat(&session.id, &home)?;
                    tx.want_topic(&session.id, CHANNEL, home.chat_id)?;
                }
            }
            Ok(())
        });
        if let Err(fault) = housed.await {
            tracing::warn!(reason = %fault, "telegram: sessions keep no topic of their own for now");
        }
    }

    async fn ask_me(&self) -> Me {
        let mut pause = PAUSE_MIN;
        loop {
            match self.client.me().await {
                Ok(me) => return me,
                Err(why) => tracing::info!(reason = %why, "telegram: the server does not say who we are; asking again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn is_forum(&self, chat_id: i64) -> bool {
        let Ok(shape) = self.client.chat_shape(chat_id).await else {
            return false;
        };
        shape.is_forum && self.client.may_make_topics(chat_id).await.unwrap_or(false)
    }

    /// Registers the commands of each person's role in that person's own chat, again when somebody is let in or out. A group that is
    /// open has the menu of those who work there. Everybody else's menu is empty.
    async fn keep_menus(&self) {
        let mut shown: HashMap<i64, Role> = HashMap::new();
        let mut events = self.store.event_seq();
        loop {
            events.borrow_and_update();
            let people = self.store.read(|tx| tx.people(CHANNEL)).await.unwrap_or_default();
            let owners = self.allow.iter().map(|id| (*id, Role::Owner));
            let others = people.iter().map(|person| (person.id, person.role));
            let wanted = others.chain(owners).map(|(id, role)| match id {
                // Who speaks in a group is not known beforehand; what is above a role is refused with a word.
                ..0 => (id, Role::Operator),
                _ => (id, role),
            });
            let wanted: HashMap<i64, Role> = wanted.collect();
            let gone: Vec<i64> = shown.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
            for id in gone {
                if self.client.forget_commands(id).await == ActEnd::Done {
                    shown.remove(&id);
                }
            }
            for (id, role) in wanted {
                if shown.get(&id) == Some(&role) {
                    continue;
                }
                let end = self.client.set_commands(&menu(role), Some(id)).await;
                // A person who has never written to us has no chat yet; the next change tries again. A group that refuses will go on to.
                if end == ActEnd::Done || (id < 0 && matches!(end, ActEnd::Refused(_))) {
                    shown.insert(id, role);
                }
            }
            if events.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE_MIN).await;
        }
    }
}
