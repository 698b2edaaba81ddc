//! Who may speak to us. One gate for every kind of update; numeric ids only, because names can be given up and taken by others.
//! The configuration names owners and groups; others are let in by pairing. It is asked in the transaction that acts, so who is
//! shut out is out from the next update on; that nothing is said to them any more is in `shut`.

use std::collections::HashSet;

use crate::channels::telegram::{CHANNEL, ChatKind, Update};
use crate::config::TelegramConfig;
use crate::domain::fault::Result;
use crate::domain::person::Role;
use crate::domain::route::ChatRef;
use crate::store::Tx;

use super::router::Here;

#[derive(Debug, Clone, Default)]
pub(super) struct Gate {
    allow: HashSet<i64>,
    /// Where what belongs to no chat is said.
    home: Option<ChatRef>,
}

/// Where the sender of an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Stranger,
    /// Known, in a group that is not allowed.
    GroupClosed(Role),
    In(Role),
}

impl Gate {
    pub fn new(allow: impl IntoIterator<Item = i64>) -> Self {
        Self {
            allow: allow.into_iter().collect(),
            home: None,
        }
    }

    /// The gate of the configuration.
    pub fn of(config: &TelegramConfig) -> Self {
        let home = config.home_chat.map(|chat_id| ChatRef {
            channel: CHANNEL.into(),
            chat_id,
            thread_id: None,
        });
        Self {
            home,
            ..Self::new(config.allow.clone())
        }
    }

    pub fn home(&self) -> Option<&ChatRef> {
        self.home.as_ref()
    }

    /// Whether anything may be said in a chat.
    pub fn may_hear(&self, tx: &Tx<'_>, chat_id: i64) -> Result<bool> {
        let is_home = self.home.as_ref().is_some_and(|home| home.chat_id == chat_id);
        Ok(is_home || self.knows_chat(tx, chat_id)?)
    }

    /// A private chat is its person's; a group needs both, its own id and its sender's. Nobody is let in by an empty list.
    pub fn standing(&self, tx: &Tx<'_>, update: &Update) -> Result<Standing> {
        let (Some(from), Some(chat)) = (update.from, &update.chat) else {
            return Ok(Standing::Stranger);
        };
        self.standing_of(tx, from, update.chat_kind, chat.chat_id)
    }

    /// Whether the sender of a message that takes long may still have it done.
    pub fn still_admits(&self, tx: &Tx<'_>, here: &Here) -> Result<bool> {
        let Some(from) = here.from else {
            return Ok(false);
        };
        let standing = self.standing_of(tx, from, here.chat_kind, here.chat.chat_id)?;
        Ok(matches!(standing, Standing::In(role) if role >= Role::Operator))
    }

    fn standing_of(&self, tx: &Tx<'_>, from: i64, kind: ChatKind, chat_id: i64) -> Result<Standing> {
        let Some(role) = self.role(tx, from)? else {
            return Ok(Standing::Stranger);
        };
        Ok(match kind {
            ChatKind::Private if from == chat_id => Standing::In(role),
            ChatKind::Group if self.knows_chat(tx, chat_id)? => Standing::In(role),
            ChatKind::Group => Standing::GroupClosed(role),
            ChatKind::Private | ChatKind::Other => Standing::Stranger,
        })
    }

    /// What a person may do; none: nothing.
    pub fn role(&self, tx: &Tx<'_>, person: i64) -> Result<Option<Role>> {
        if person > 0 && self.allow.contains(&person) {
            return Ok(Some(Role::Owner));
        }
        if person <= 0 {
            return Ok(None);
        }
        Ok(tx.person(CHANNEL, person)?.map(|person| person.role))
    }

    /// Whether the chat itself is allowed, whoever speaks in it.
    pub fn knows_chat(&self, tx: &Tx<'_>, chat_id: i64) -> Result<bool> {
        Ok(self.allow.contains(&chat_id) || tx.person(CHANNEL, chat_id)?.is_some())
    }
}

/// Who it was, for the audit log.
pub(super) fn who(update: &Update) -> String {
    let id = |id: Option<i64>| id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    format!(
        "user {} in chat {}",
        id(update.from),
        id(update.chat.as_ref().map(|c| c.chat_id))
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channels::telegram::inbound::read;
    use crate::store::Store;

    async fn standing(allow: &[i64], people: &[(i64, Role)], update: serde_json::Value) -> Standing {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("db"), &dir.path().join("backups")).expect("a store");
        let (gate, people) = (Gate::new(allow.iter().copied()), people.to_vec());
        let update = read(&update).expect("has an id");
        let found = store.write(move |tx| {
            for (id, role) in people {
                tx.put_person(CHANNEL, id, role, None, "a test")?;
            }
            gate.standing(tx, &update)
        });
        found.await.expect("a standing")
    }

    fn message(chat: i64, kind: &str, from: i64) -> serde_json::Value {
        json!({"update_id": 1, "message": {"message_id": 1, "date": 0, "text": "x",
            "chat": {"id": chat, "type": kind}, "from": {"id": from, "is_bot": false}}})
    }

    #[tokio::test]
    async fn an_empty_list_is_nobody() {
        assert_eq!(standing(&[], &[], message(7, "private", 7)).await, Standing::Stranger);
    }

    #[tokio::test]
    async fn private_chats_belong_to_their_person() {
        let owner = Standing::In(Role::Owner);
        assert_eq!(standing(&[7], &[], message(7, "private", 7)).await, owner);
        assert_eq!(standing(&[7], &[], message(8, "private", 8)).await, Standing::Stranger);
        assert_eq!(standing(&[7], &[], message(7, "private", 8)).await, Standing::Stranger);
        let viewer = [(8, Role::Viewer)];
        assert_eq!(
            standing(&[7], &viewer, message(8, "private", 8)).await,
            Standing::In(Role::Viewer)
        );
    }

    #[tokio::test]
    async fn groups_need_both_ids() {
        let owner = Standing::In(Role::Owner);
        assert_eq!(standing(&[7, -5], &[], message(-5, "supergroup", 7)).await, owner);
        let closed = Standing::GroupClosed(Role::Owner);
        assert_eq!(standing(&[7], &[], message(-5, "group", 7)).await, closed);
        assert_eq!(standing(&[-5], &[], message(-5, "group", 7)).await, Standing::Stranger);
        let group = [(-5, Role::Viewer)];
        assert_eq!(standing(&[7], &group, message(-5, "group", 7)).await, owner);
        assert_eq!(
            standing(&[7, 9], &[], message(9, "channel", 7)).await,
            Standing::Stranger
        );
    }

    #[tokio::test]
    async fn who_speaks_for_a_chat_is_nobody() {
        let mut update = message(-5, "supergroup", 7);
        update["message"]["sender_chat"] = json!({"id": -5});
        assert_eq!(standing(&[7, -5], &[], update).await, Standing::Stranger);
    }

    #[tokio::test]
    async fn every_other_kind_of_update_passes_the_same_gate() {
        let person = json!({"id": 9, "is_bot": false});
        let message = json!({"message_id": 1, "chat": {"id": 9, "type": "private"}});
        for update in [
            json!({"update_id": 1, "callback_query": {"id": "1", "from": person, "message": message, "data": "x"}}),
            json!({"update_id": 1, "inline_query": {"id": "1", "from": person, "query": "x"}}),
            json!({"update_id": 1, "my_chat_member": {"chat": {"id": 9, "type": "private"}, "from": person}}),
            json!({"update_id": 1, "channel_post": {"message_id": 1, "chat": {"id": 9, "type": "channel"}}}),
            json!({"update_id": 1, "poll": {"id": "1"}}),
            json!({"update_id": 1}),
            json!({"update_id": 1, "message": 5}),
        ] {
            assert_eq!(standing(&[7], &[], update).await, Standing::Stranger);
        }
    }
}
