//! Who may speak to us. One gate for every kind of update; numeric ids only, because names can be given up and taken by others.

use std::collections::HashSet;

use crate::channels::telegram::{ChatKind, Update};

#[derive(Debug, Clone)]
pub(super) struct Gate {
    allow: HashSet<i64>,
}

impl Gate {
    pub fn new(allow: impl IntoIterator<Item = i64>) -> Self {
        Self {
            allow: allow.into_iter().collect(),
        }
    }

    /// A private chat is its person's; a group needs both, its own id and its sender's. Nobody is let in by an empty list.
    pub fn admits(&self, update: &Update) -> bool {
        let (Some(from), Some(chat)) = (update.from, &update.chat) else {
            return false;
        };
        match update.chat_kind {
            ChatKind::Private => from == chat.chat_id && self.allow.contains(&from),
            ChatKind::Group => self.allow.contains(&from) && self.allow.contains(&chat.chat_id),
            ChatKind::Other => false,
        }
    }

    /// Whether the chat itself is on the list, whoever speaks in it.
    pub fn knows_chat(&self, chat_id: i64) -> bool {
        self.allow.contains(&chat_id)
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

    #[track_caller]
    fn check(allow: &[i64], update: serde_json::Value, admitted: bool) {
        let update = read(&update).expect("has an id");
        assert_eq!(Gate::new(allow.iter().copied()).admits(&update), admitted, "{update:?}");
    }

    fn message(chat: i64, kind: &str, from: i64) -> serde_json::Value {
        json!({"update_id": 1, "message": {"message_id": 1, "date": 0, "text": "x",
            "chat": {"id": chat, "type": kind}, "from": {"id": from, "is_bot": false}}})
    }

    #[test]
    fn an_empty_list_is_nobody() {
        check(&[], message(7, "private", 7), false);
    }

    #[test]
    fn private_chats_belong_to_their_person() {
        check(&[7], message(7, "private", 7), true);
        check(&[7], message(8, "private", 8), false);
        check(&[7], message(7, "private", 8), false);
    }

    #[test]
    fn groups_need_both_ids() {
        check(&[7, -5], message(-5, "supergroup", 7), true);
        check(&[7], message(-5, "group", 7), false);
        check(&[-5], message(-5, "group", 7), false);
        check(&[7, -5], message(-5, "channel", 7), false);
    }

    #[test]
    fn speaking_for_a_chat_or_being_a_bot_is_being_nobody() {
        let mut update = message(-5, "supergroup", 7);
        update["message"]["sender_chat"] = json!({"id": -5, "type": "supergroup"});
        check(&[7, -5], update, false);
        let mut update = message(7, "private", 7);
        update["message"]["from"]["is_bot"] = json!(true);
        check(&[7], update, false);
    }

    #[test]
    fn every_other_kind_of_update_passes_the_same_gate() {
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
            check(&[7], update, false);
        }
    }
}
