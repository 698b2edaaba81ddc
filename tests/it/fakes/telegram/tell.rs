//! What a test lets people and the server do, beside sending texts, and what it looks at.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rates::Rates;
use super::{FakeTelegram, Sent, Tap, Topic, kind};

impl FakeTelegram {
    /// Enforces the server's limits, with a clock that runs `scale` times as fast.
    pub fn limit(&self, scale: u32) {
        self.lock().rates = Some(Rates::new(scale));
    }

    /// A group got a new id: the old one answers with it.
    pub fn move_chat(&self, from: i64, to: i64) {
        self.lock().moved.insert(from, to);
    }

    /// A server of a time before rich messages and drafts.
    pub fn make_old(&self) {
        self.lock().old = true;
    }

    /// Every draft that was shown in a chat, oldest first: its id and its text.
    pub fn drafts(&self, chat: i64) -> Vec<(i64, String)> {
        let state = self.lock();
        let here = state.drafts.iter().filter(|(at, ..)| *at == chat);
        here.map(|(_, id, text)| (*id, text.clone())).collect()
    }

    /// A tap on the button with this text of a message of the bot's. Returns the tap's id.
    #[track_caller]
    pub fn tap(&self, sent: &Sent, from: i64, button: &str) -> String {
        let found = sent.buttons_with_data().into_iter().find(|(text, _)| text == button);
        let (_, data) = found.unwrap_or_else(|| panic!("there is no button {button:?} at {sent:?}"));
        self.tap_with(sent, from, &data)
    }

    /// A tap with any data.
    pub fn tap_with(&self, sent: &Sent, from: i64, data: &str) -> String {
        let id = {
            let mut state = self.lock();
            let id = format!("tap{}", state.callbacks.len() + 1);
            let tap = Tap {
                asked: Instant::now(),
                answer: None,
                took: Duration::ZERO,
            };
            state.callbacks.insert(id.clone(), tap);
            id
        };
        let mut message = json!({"message_id": sent.message_id, "date": 1, "chat": {"id": sent.chat_id, "type": kind(sent.chat_id)},
            "text": sent.text});
        if let Some(thread) = sent.thread {
            message["message_thread_id"] = json!(thread);
            message["is_topic_message"] = json!(true);
        }
        self.push_update(
            json!({"callback_query": {"id": id, "from": {"id": from, "is_bot": false, "first_name": "P"},
            "message": message, "chat_instance": "1", "data": data}}),
        );
        id
    }

    /// The server knows no tap any more: it is too old to be answered.
    pub fn forget_taps(&self) {
        self.lock().callbacks.clear();
    }

    /// Waits for the answer to a tap: what the person saw, and how long it took.
    #[track_caller]
    pub fn wait_for_tap(&self, limit: Duration, id: &str) -> (String, Duration) {
        self.wait(limit, |state| {
            let tap = state.callbacks.get(id)?;
            Some((tap.answer.clone()?, tap.took))
        })
    }

    /// Every reaction that a message got, oldest first.
    pub fn reactions(&self, chat: i64, message: i64) -> Vec<String> {
        self.lock().reactions.get(&(chat, message)).cloned().unwrap_or_default()
    }

    #[track_caller]
    pub fn wait_for_reaction(&self, limit: Duration, chat: i64, message: i64, emoji: &str) {
        self.wait(limit, |state| {
            let reactions = state.reactions.get(&(chat, message))?;
            reactions.iter().any(|set| set == emoji).then_some(())
        });
    }

    pub fn switch_reactions_off(&self) {
        self.lock().reactions_off = true;
    }

    /// A file that a person can send; returns the id of it.
    pub fn add_file(&self, id: &str, content: &[u8]) -> String {
        self.lock().files.insert(id.to_owned(), content.to_vec());
        id.to_owned()
    }

    /// An edit of a person's message.
    pub fn push_edit(&self, chat: i64, from: i64, message_id: i64, text: &str) {
        let date = self.lock().clock();
        self.push_update(
            json!({"edited_message": {"message_id": message_id, "date": date, "edit_date": date, "text": text,
            "chat": {"id": chat, "type": kind(chat)}, "from": {"id": from, "is_bot": false, "first_name": "P"}}}),
        );
    }

    /// A text in a topic.
    pub fn push_in_topic(&self, chat: i64, from: i64, thread: i64, text: &str) -> i64 {
        self.push_message(
            chat,
            from,
            json!({"text": text, "message_thread_id": thread, "is_topic_message": true}),
        )
    }

    /// A group with topics.
    pub fn make_forum(&self, chat: i64) {
        self.add_chat(chat);
        self.lock().forums.insert(chat);
    }

    pub fn switch_private_topics_on(&self) {
        self.lock().private_topics = true;
    }

    pub fn take_rights_away(&self, chat: i64) {
        self.lock().no_rights.insert(chat);
    }

    pub fn topics(&self, chat: i64) -> Vec<(i64, Topic)> {
        let state = self.lock();
        let here = state.topics.iter().filter(|((in_chat, _), _)| *in_chat == chat);
        here.map(|((_, thread), topic)| (*thread, topic.clone())).collect()
    }

    pub fn delete_topic(&self, chat: i64, thread: i64) {
        self.lock().topics.remove(&(chat, thread));
    }

    /// The chat cannot be written to: 403 with these words. None: it can again.
    pub fn make_unreachable(&self, chat: i64, why: Option<&str>) {
        let mut state = self.lock();
        match why {
            Some(why) => state.unreachable.insert(chat, why.to_owned()),
            None => state.unreachable.remove(&chat),
        };
    }

    /// Every poll is refused so; none ends that.
    pub fn refuse_polls(&self, refusal: Option<(u16, &str)>) {
        self.lock().poll_refusal = refusal.map(|(code, words)| (code, words.to_owned()));
        self.world.updates.notify_waiters();
    }

    /// The bot gets another token; the old one is refused from now on.
    pub fn change_token(&self, token: &str) {
        self.lock().token = Some(token.to_owned());
        self.world.updates.notify_waiters();
    }

    /// The commands that were registered, by scope.
    pub fn commands(&self) -> std::collections::HashMap<String, Value> {
        self.lock().commands.clone()
    }

    /// The kinds of updates that the last poll asked for.
    pub fn kinds_polled(&self) -> Vec<String> {
        self.lock().kinds_polled.clone()
    }

    /// The server dates its messages so many seconds ahead.
    pub fn skew_clock(&self, seconds: i64) {
        self.lock().clock_skew = seconds;
    }

    /// A message of the bot's as it stands now.
    pub fn standing(&self, sent: &Sent) -> Sent {
        let state = self.lock();
        let same = |other: &&Sent| other.chat_id == sent.chat_id && other.message_id == sent.message_id;
        state.sent.iter().find(same).cloned().expect("it was sent")
    }
}
