//! What the bot does beside sending messages: reactions, edits, answers to taps, topics, its commands. All of it but the making of a
//! topic may be repeated without harm.

use serde::Serialize;
use serde_json::{Value, json};
use teloxide::requests::Payload;

use super::call::{CallError, call};
use super::client::{Client, SEND_TIMEOUT};
use super::outbound::{Keyboard, LinkPreview, WireEntity, is_unknown_method};
use crate::domain::message::{Button, Entity};
use crate::domain::route::ChatRef;

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActEnd {
    Done,
    /// Not before so many seconds.
    RetryAfter(u64),
    /// Nothing is known, or nothing was reached: again later.
    Again(String),
    /// Refused for good, in the server's words.
    Refused(String),
}

/// Who the bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub id: i64,
    pub username: String,
    /// Whether its private chats have topics.
    pub has_topics: bool,
    /// Whether it can be added to groups.
    pub joins_groups: bool,
    /// Whether it hears everything that is said in a group.
    pub reads_groups: bool,
}

/// Which topics a chat can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatShape {
    pub is_forum: bool,
    pub title: String,
}

/// A request whose fields are written down where it is made, and whose result is of no interest.
struct Act {
    fields: Value,
}

macro_rules! act {
    ($name:ident, $method:literal) => {
        struct $name(Act);
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.fields.serialize(serializer)
            }
        }
        impl Payload for $name {
            type Output = Value;
            const NAME: &'static str = $method;
        }
    };
}

act!(SetReaction, "setMessageReaction");
act!(AnswerTap, "answerCallbackQuery");
act!(SetCommands, "setMyCommands");
act!(GetMe, "getMe");
act!(GetChat, "getChat");
act!(GetChatMember, "getChatMember");
act!(CreateTopic, "createForumTopic");
act!(EditTopic, "editForumTopic");
act!(CloseTopic, "closeForumTopic");
act!(ReopenTopic, "reopenForumTopic");
act!(GetWebhook, "getWebhookInfo");
act!(DeleteWebhook, "deleteWebhook");
act!(SendDraft, "sendMessageDraft");
act!(ForgetCommands, "deleteMyCommands");

#[derive(Serialize)]
struct EditText<'a> {
    chat_id: i64,
    message_id: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entities: Vec<WireEntity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<Keyboard<'a>>,
    link_preview_options: LinkPreview,
}

impl Payload for EditText<'_> {
    type Output = Value;
    const NAME: &'static str = "editMessageText";
}

impl Client {
    /// Sets the bot's one reaction on a message; none takes it away.
    pub async fn react(&self, chat_id: i64, message_id: i64, emoji: Option<&str>) -> ActEnd {
        let reaction: Vec<Value> = emoji
            .iter()
            .map(|emoji| json!({"type": "emoji", "emoji": emoji}))
            .collect();
        let fields = json!({"chat_id": chat_id, "message_id": message_id, "reaction": reaction});
        end(call(&self.sender(), &SetReaction(Act { fields }), SEND_TIMEOUT).await)
    }

    /// Gives a message of the bot's another text and other buttons.
    pub async fn edit(
        &self,
        chat_id: i64,
        message_id: i64,
        text: &str,
        entities: &[Entity],
        buttons: &[Vec<Button>],
    ) -> ActEnd {
        let payload = EditText {
            chat_id,
            message_id,
            text,
            entities: entities.iter().map(WireEntity).collect(),
            reply_markup: Keyboard::of(buttons),
            link_preview_options: LinkPreview { is_disabled: true },
        };
        end(call(&self.sender(), &payload, SEND_TIMEOUT).await)
    }

    /// Shows a text in a private chat for half a minute, in the place of the one with the same id (not 0). It is no message: it makes no
    /// sound, and is gone with the next message.
    pub async fn draft(&self, to: &ChatRef, draft_id: u32, text: &str) -> ActEnd {
        let mut fields = json!({"chat_id": to.chat_id, "draft_id": draft_id, "text": text});
        if let Some(thread) = to.thread_id {
            fields["message_thread_id"] = json!(thread);
        }
        match call(&self.sender(), &SendDraft(Act { fields }), SEND_TIMEOUT).await {
            Err(CallError::Refused { code: 404, description }) if is_unknown_method(&description) => {
                ActEnd::Refused(description)
            }
            answer => end(answer),
        }
    }

    /// Answers a tap: the words are shown to the person who tapped.
    pub async fn answer_tap(&self, tap: &str, words: &str) -> ActEnd {
        let fields = json!({"callback_query_id": tap, "text": words});
        end(call(&self.sender(), &AnswerTap(Act { fields }), SEND_TIMEOUT).await)
    }

    /// Registers commands (name and description) for everybody, or for one chat.
    pub async fn set_commands(&self, commands: &[(&str, &str)], chat_id: Option<i64>) -> ActEnd {
        let commands: Vec<Value> = commands
            .iter()
            .map(|(command, description)| json!({"command": command, "description": description}))
            .collect();
        let mut fields = json!({ "commands": commands });
        if let Some(chat_id) = chat_id {
            fields["scope"] = json!({"type": "chat", "chat_id": chat_id});
        }
        end(call(&self.sender(), &SetCommands(Act { fields }), SEND_TIMEOUT).await)
    }

    /// Takes the commands of one chat away.
    pub async fn forget_commands(&self, chat_id: i64) -> ActEnd {
        let fields = json!({"scope": {"type": "chat", "chat_id": chat_id}});
        end(call(&self.sender(), &ForgetCommands(Act { fields }), SEND_TIMEOUT).await)
    }

    /// Who the bot is. The error holds the server's words.
    pub async fn me(&self) -> Result<Me, String> {
        let payload = GetMe(Act { fields: json!({}) });
        let me = call(&self.sender(), &payload, SEND_TIMEOUT).await.map_err(words)?;
        Ok(Me {
            id: me["id"].as_i64().unwrap_or_default(),
            username: me["username"].as_str().unwrap_or_default().to_owned(),
            has_topics: me["has_topics_enabled"].as_bool().unwrap_or(false),
            joins_groups: me["can_join_groups"].as_bool().unwrap_or(false),
            reads_groups: me["can_read_all_group_messages"].as_bool().unwrap_or(false),
        })
    }

    /// What kind of chat it is.
    pub async fn chat_shape(&self, chat_id: i64) -> Result<ChatShape, String> {
        let payload = GetChat(Act {
            fields: json!({ "chat_id": chat_id }),
        });
        let chat = call(&self.sender(), &payload, SEND_TIMEOUT).await.map_err(words)?;
        Ok(ChatShape {
            is_forum: chat["is_forum"].as_bool().unwrap_or(false),
            title: chat["title"]
                .as_str()
                .or(chat["first_name"].as_str())
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Whether the bot may make topics in a group.
    pub async fn may_make_topics(&self, chat_id: i64) -> Result<bool, String> {
        let payload = GetChatMember(Act {
            fields: json!({"chat_id": chat_id, "user_id": self.bot_id()}),
        });
        let member = call(&self.sender(), &payload, SEND_TIMEOUT).await.map_err(words)?;
        let is_administrator = member["status"] == "administrator" || member["status"] == "creator";
        Ok(is_administrator && member["can_manage_topics"].as_bool().unwrap_or(false))
    }

    /// The address that takes the bot's updates instead of us; empty when there is none.
    pub async fn webhook(&self) -> Result<String, String> {
        let payload = GetWebhook(Act { fields: json!({}) });
        let info = call(&self.sender(), &payload, SEND_TIMEOUT).await.map_err(words)?;
        Ok(info["url"].as_str().unwrap_or_default().to_owned())
    }

    /// Takes the webhook away; updates that wait stay.
    pub async fn remove_webhook(&self) -> ActEnd {
        let payload = DeleteWebhook(Act { fields: json!({}) });
        end(call(&self.sender(), &payload, SEND_TIMEOUT).await)
    }

    /// Makes a topic and returns its id. Not to be repeated blindly: the server makes another one of the same name.
    pub async fn make_topic(&self, chat_id: i64, title: &str) -> Result<i64, ActEnd> {
        let payload = CreateTopic(Act {
            fields: json!({"chat_id": chat_id, "name": title}),
        });
        match call(&self.sender(), &payload, SEND_TIMEOUT).await {
            Ok(topic) => topic["message_thread_id"]
                .as_i64()
                .ok_or_else(|| ActEnd::Again("the server's answer names no topic".into())),
            Err(error) => Err(end(Err(error))),
        }
    }

    pub async fn rename_topic(&self, topic: &ChatRef, title: &str) -> ActEnd {
        let fields = json!({"chat_id": topic.chat_id, "message_thread_id": topic.thread_id, "name": title});
        end(call(&self.sender(), &EditTopic(Act { fields }), SEND_TIMEOUT).await)
    }

    /// Closes a topic of a group, or opens it again.
    pub async fn close_topic(&self, topic: &ChatRef, closed: bool) -> ActEnd {
        let act = Act {
            fields: json!({"chat_id": topic.chat_id, "message_thread_id": topic.thread_id}),
        };
        end(match closed {
            true => call(&self.sender(), &CloseTopic(act), SEND_TIMEOUT).await,
            false => call(&self.sender(), &ReopenTopic(act), SEND_TIMEOUT).await,
        })
    }
}

/// "Not modified" proves that it stands as it should.
fn end(answer: Result<Value, CallError>) -> ActEnd {
    match answer {
        Ok(_) => ActEnd::Done,
        Err(CallError::RetryAfter { seconds }) => ActEnd::RetryAfter(seconds),
        Err(CallError::Refused { code: 400, description }) if not_modified(&description) => ActEnd::Done,
        Err(CallError::Refused {
            code: 401 | 404,
            description,
        }) => ActEnd::Again(description),
        Err(CallError::Refused { description, .. }) => ActEnd::Refused(description),
        Err(CallError::Migrated { to }) => ActEnd::Refused(format!("the chat moved to {to}")),
        Err(CallError::NotReached(why) | CallError::Ambiguous(why)) => ActEnd::Again(why),
    }
}

fn not_modified(description: &str) -> bool {
    let words = description.to_ascii_lowercase();
    words.contains("not modified") || words.contains("not_modified")
}

fn words(error: CallError) -> String {
    match error {
        CallError::RetryAfter { seconds } => format!("told to wait {seconds} s"),
        CallError::Migrated { to } => format!("the chat moved to {to}"),
        CallError::Refused { description, .. } => description,
        CallError::NotReached(why) | CallError::Ambiguous(why) => why,
    }
}
